"""The at-risk board: who needs a person, in the order to act, why, what was tried, and whom to ring."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.models.affected import AffectedSubscriberQuerySet
from core.figures import duration, utc
from notices.callhours import local_time
from notices.models import Call, DeliveryEvent, InboundMessage, Notice
from notices.phonebook import in_line, shown, wrong_numbers
from reports.parts import conditions
from subscribers.models import Channel, Contact, SubscriberClass

URGENCY = (SubscriberClass.CRITICAL, SubscriberClass.GOVERNMENT, SubscriberClass.FINANCE, SubscriberClass.STANDARD)
SHOWN = 80
"""So much of what somebody wrote stands on the board; all of it is on the subscriber's page."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one affected subscriber: whom there is to tell, what went out, what came back."""

    contacts: list[Contact] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inbound: list[InboundMessage] = field(default_factory=list)
    reply: DeliveryEvent | None = None
    """An automatic reply that a provider has told of, without its words."""


@dataclass(frozen=True, slots=True)
class RiskCase:
    """One subscriber who needs a person."""

    subscriber: AffectedSubscriber
    left: int
    deadline: datetime | None
    why: str
    tried: str
    contact: Contact | None
    zone: str
    local_time: str
    is_late: bool
    """Whether they promise what is too late."""

    @property
    def number(self) -> str:
        """The number to ring as people see it: in a drill its end is hidden."""
        return shown(self.contact.phone, is_drill=self.subscriber.campaign.is_drill) if self.contact else ""

    def as_json(self, now: datetime) -> dict[str, object]:
        """The same as a mapping, times as text."""
        return {
            "subscriber": self.subscriber.subscriber.name,
            "public_id": str(self.subscriber.public_id),
            "class": self.subscriber.subscriber.subscriber_class,
            "left": self.left,
            "seconds_left": int((self.deadline - now).total_seconds()) if self.deadline else None,
            "why": self.why,
            "tried": self.tried,
            "contact": self.contact.name or self.contact.email if self.contact else "",
            "phone": self.number,
            "local_time": self.local_time,
        }


def needs_person(rows: AffectedSubscriberQuerySet, now: datetime) -> AffectedSubscriberQuerySet:
    """Those at risk, those who promise what is too late, and those whose answer nobody has read."""
    last = Call.objects.filter(affected_subscriber__in=rows.order_by().values("pk")).most_recent()
    owed = AffectedCertificate.objects.filter(
        conditions(now)["outstanding"], affected_subscriber=OuterRef("affected_subscriber")
    )
    first = owed.order_by("publish_by").values("publish_by")[:1]
    late = last.filter(promised_for__isnull=False).annotate(limit=Subquery(first)).filter(promised_for__gt=F("limit"))
    silent = Q(acknowledged_at=None) | Q(unreachable_since__isnull=False)
    unread = unread_answers(rows).order_by().values("affected_subscriber")
    said = Q(pk__in=late.values("affected_subscriber")) | Q(pk__in=unread)
    return rows.outstanding(now).filter(silent | said)


def unread_answers(rows: AffectedSubscriberQuerySet | None = None) -> QuerySet[InboundMessage]:
    """What people have written and nobody has dealt with, the oldest first: about these, or whatever it is about."""
    found = InboundMessage.objects.filter(kind=InboundMessage.Kind.ANSWER, seen_at=None)
    if rows is not None:
        found = found.filter(affected_subscriber__in=rows.order_by().values("pk"))
    shown = found.select_related(
        "affected_subscriber__subscriber", "affected_subscriber__campaign", "contact__subscriber"
    )
    return shown.defer("raw").order_by("received_at", "pk")


def stakes(rows: AffectedSubscriberQuerySet, now: datetime) -> "QuerySet[AffectedCertificate, dict[str, Any]]":
    """Of those among some who have something outstanding: how much is `left`, the `first_deadline`, reach and class.

    One pass over the certificates, because a subquery for each subscriber is four times as slow for 100,000 of them.
    """
    found: Any = AffectedCertificate.objects.filter(
        conditions(now)["outstanding"], affected_subscriber__in=rows.order_by().values("pk")
    )
    grave = "affected_subscriber__subscriber__subscriber_class"
    lost = "affected_subscriber__unreachable_since"
    is_reached = Case(When(**{lost: None}, then=Value(1)), default=Value(0), output_field=IntegerField())
    places = (When(**{grave: value}, then=Value(place)) for place, value in enumerate(URGENCY))
    urgency = Case(*places, default=Value(len(URGENCY)), output_field=IntegerField())
    each = found.order_by().values("affected_subscriber", is_reached=is_reached, urgency=urgency)
    counted: QuerySet[AffectedCertificate, dict[str, Any]] = each.annotate(
        left=Count("pk"), first_deadline=Min("publish_by")
    )
    return counted


def by_urgency() -> tuple[str, ...]:
    """The order to act: the shortest time left first, then nobody reached, the graver class, more certificates."""
    return ("first_deadline", "is_reached", "urgency", "-left", "affected_subscriber")


def board(rows: AffectedSubscriberQuerySet, *, now: datetime, limit: int) -> list[RiskCase]:
    """The first of some affected subscribers in the order to act, each with why and what was tried."""
    return cases(stakes(rows, now).order_by(*by_urgency())[:limit], now=now)


def cases(ranking: Iterable[dict[str, Any]], *, now: datetime) -> list[RiskCase]:
    """What is at stake as cases, in the same order, by a handful of queries."""
    found = {each["affected_subscriber"]: each for each in ranking}
    rows = AffectedSubscriber.objects.select_related("subscriber", "campaign").in_bulk(list(found))
    chosen = [rows[key] for key in found if key in rows]
    facts = gather(chosen)
    wrong = wrong_numbers([row.subscriber_id for row in chosen])
    told = []
    for row in chosen:
        known, stake = facts[row.pk], found[row.pk]
        contact = next(iter(in_line(known.contacts, known.calls, wrong[row.subscriber_id])), None)
        zone = (contact.time_zone if contact else "") or row.subscriber.time_zone
        told.append(
            RiskCase(
                subscriber=row,
                left=stake["left"],
                deadline=stake["first_deadline"],
                why=why(row, known, now),
                tried=tried(known),
                contact=contact,
                zone=zone,
                local_time=local_time(zone, now),
                is_late=is_promise_late(known.calls, stake["first_deadline"]),
            )
        )
    return told


def gather(chosen: list[AffectedSubscriber]) -> dict[int, Facts]:
    """What is known of each, by key."""
    keys = [row.pk for row in chosen]
    contacts = _grouped(Contact.objects.filter(subscriber__in=[row.subscriber_id for row in chosen]), "subscriber_id")
    notices = _grouped(
        Notice.objects.filter(affected_subscriber__in=keys).defer("body_text", "body_html"), "affected_subscriber_id"
    )
    calls = _grouped(Call.objects.filter(affected_subscriber__in=keys).order_by("pk"), "affected_subscriber_id")
    inbound = _grouped(
        InboundMessage.objects.filter(affected_subscriber__in=keys).defer("raw").order_by("received_at", "pk"),
        "affected_subscriber_id",
    )
    replies = DeliveryEvent.objects.filter(notice__affected_subscriber__in=keys, kind="autoresponded").order_by("at")
    reply = {
        event.notice.affected_subscriber_id: event
        for event in replies.select_related("notice").defer("notice__body_text", "notice__body_html")
        if event.notice
    }
    return {
        row.pk: Facts(contacts[row.subscriber_id], notices[row.pk], calls[row.pk], inbound[row.pk], reply.get(row.pk))
        for row in chosen
    }


def why(row: AffectedSubscriber, known: Facts, now: datetime) -> str:
    """Why a subscriber needs a person, as one sentence without a full stop."""
    unread = [each for each in known.inbound if each.kind == InboundMessage.Kind.ANSWER and each.seen_at is None]
    parts = [f"{len(unread)} unread answer{'' if len(unread) == 1 else 's'}"] if unread else []
    last = known.calls[-1] if known.calls else None
    if last and last.promised_for:
        parts.append(f"promised for {utc(last.promised_for)}")
    elif last and last.outcome == Call.Outcome.REFUSES:
        parts.append("refuses")
    return "; ".join([*parts, _silence(row, known, now)] if not (parts and row.acknowledged_at) else parts)


def _silence(row: AffectedSubscriber, known: Facts, now: datetime) -> str:
    own = [each for each in known.contacts if not each.left_at and each.role != Contact.Role.ACCOUNT_MANAGER]
    bounced = [each for each in own if each.email and each.bounced_at]
    mailed = [each for each in own if each.email]
    if not any(each.address_for(channel) for each in own for channel in Channel.values):
        lost = f"every contact bounced: {len(bounced)} {'address' if len(bounced) == 1 else 'addresses'}"
        return lost if bounced else "there is no address to write to"
    if row.acknowledged_at:
        return "acknowledged" + (", but nobody can be reached any more" if row.unreachable_since else "")
    sent = [notice.sent_at for notice in known.notices if notice.sent_at]
    silent = f"no answer for {duration(now - min(sent))}" if sent else "no notice has gone out yet"
    lost = f"{len(bounced)} of {len(mailed)} contacts bounced" if bounced else ""
    return "; ".join(part for part in (_away(known), lost, silent) if part)


def _away(known: Facts) -> str:
    """What the latest automatic reply says: when somebody is back, and who stands in."""
    replies = [each for each in known.inbound if each.kind == InboundMessage.Kind.AUTO_REPLY]
    if not replies:
        return f"an automatic reply ({known.reply.detail[:SHOWN] or 'no text'})" if known.reply else ""
    last = replies[-1]
    said = [f"back {last.return_date}"] if last.return_date else []
    said += [f"names {', '.join(map(str, last.substitutes))}"] if last.substitutes else []
    words = " ".join(last.shown_text.split())[:SHOWN]
    return f"an automatic reply from {last.sender or 'nobody'} ({'; '.join(said) or words or 'no text'})"


def tried(known: Facts) -> str:
    """What was tried, counted: `mail ×4 (2 bounced), SMS ×1, call ×1: no answer`."""
    gone = [each for each in known.notices if each.sent_at or each.state == Notice.State.REFUSED]
    count = Counter(each.channel for each in gone)
    lost = Counter(each.channel for each in gone if each.state in (Notice.State.BOUNCED, Notice.State.REFUSED))
    parts = [
        f"{label} ×{count[value]}" + (f" ({lost[value]} {_lost(value)})" if lost[value] else "")
        for value, label in Channel.choices
        if count[value]
    ]
    if known.calls:
        parts.append(f"call ×{len(known.calls)}: {known.calls[-1].get_outcome_display()}")
    return ", ".join(parts) or "nothing yet"


def _lost(channel: str) -> str:
    return "bounced" if channel == Channel.MAIL else "failed"


def is_promise_late(calls: list[Call], deadline: datetime | None) -> bool:
    """Whether the last call ended in a promise for a moment after the deadline."""
    promised = calls[-1].promised_for if calls else None
    return bool(promised and deadline and promised > deadline)


def _grouped(rows: QuerySet, key: str) -> dict[int, list]:  # type: ignore[type-arg]
    groups: dict[int, list] = defaultdict(list)  # type: ignore[type-arg]
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups
