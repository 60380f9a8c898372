"""The at-risk board: who needs a person, in the order to act, why, what was tried, and whom to ring."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Case, Count, IntegerField, Min, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.models.affected import AffectedSubscriberQuerySet
from core.figures import duration
from notices.models import Call, DeliveryEvent, Notice
from reports.parts import conditions
from subscribers.models import Contact, SubscriberClass

URGENCY = (SubscriberClass.CRITICAL, SubscriberClass.GOVERNMENT, SubscriberClass.FINANCE, SubscriberClass.STANDARD)


@dataclass(frozen=True, slots=True)
class RiskCase:
    """One subscriber at risk."""

    subscriber: AffectedSubscriber
    left: int
    deadline: datetime | None
    why: str
    tried: str
    contact: Contact | None
    local_time: str

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
            "phone": self.contact.phone if self.contact else "",
            "local_time": self.local_time,
        }


def in_order(rows: AffectedSubscriberQuerySet, now: datetime) -> AffectedSubscriberQuerySet:
    """Those at risk: the shortest time left first, then nobody reached, then the graver class, then the larger."""
    open_rows = AffectedCertificate.objects.filter(conditions(now)["outstanding"], affected_subscriber=OuterRef("pk"))
    each = open_rows.order_by().values("affected_subscriber")
    return (
        rows.at_risk(now)
        .select_related("subscriber", "campaign")
        .annotate(
            left=Coalesce(Subquery(each.annotate(n=Count("pk")).values("n")), 0),
            first_deadline=Subquery(each.annotate(first=Min("publish_by")).values("first")),
            is_reached=Case(When(unreachable_since=None, then=Value(1)), default=Value(0), output_field=IntegerField()),
            urgency=Case(
                *(When(subscriber__subscriber_class=value, then=Value(place)) for place, value in enumerate(URGENCY)),
                default=Value(len(URGENCY)),
                output_field=IntegerField(),
            ),
        )
        .order_by("first_deadline", "is_reached", "urgency", "-left", "pk")
    )


def board(rows: AffectedSubscriberQuerySet, *, now: datetime, limit: int) -> list[RiskCase]:
    """The first cases of the board, with what was tried for each, by a handful of queries."""
    chosen: list[Any] = list(in_order(rows, now)[:limit])
    keys = [row.pk for row in chosen]
    contacts = _grouped(Contact.objects.filter(subscriber__in=[row.subscriber_id for row in chosen]), "subscriber_id")
    notices = _grouped(
        Notice.objects.filter(affected_subscriber__in=keys).defer("body_text", "body_html"), "affected_subscriber_id"
    )
    calls = _grouped(Call.objects.filter(affected_subscriber__in=keys).order_by("at"), "affected_subscriber_id")
    replies = {
        event.notice.affected_subscriber_id: event
        for event in DeliveryEvent.objects.filter(notice__affected_subscriber__in=keys, kind="autoresponded")
        .select_related("notice")
        .defer("notice__body_text", "notice__body_html")
        .order_by("at")
        if event.notice
    }
    return [
        RiskCase(
            subscriber=row,
            left=row.left,
            deadline=row.first_deadline,
            why=why(row, contacts[row.subscriber_id], notices[row.pk], replies.get(row.pk), now),
            tried=tried(notices[row.pk], calls[row.pk]),
            contact=whom_to_ring(contacts[row.subscriber_id], calls[row.pk]),
            local_time=local_time(row.subscriber.time_zone, now),
        )
        for row in chosen
    ]


def why(
    row: AffectedSubscriber, contacts: list[Contact], notices: list[Notice], reply: DeliveryEvent | None, now: datetime
) -> str:
    """Why a subscriber is at risk, as one sentence without a full stop."""
    mailed = [contact for contact in contacts if contact.email]
    bounced = [contact for contact in mailed if contact.bounced_at]
    if not mailed:
        return "there is no address to write to"
    if len(bounced) == len(mailed):
        return f"every contact bounced: {len(bounced)} {_plural('address', 'addresses', len(bounced))}"
    if row.acknowledged_at:
        return "acknowledged, but nobody can be reached any more"
    sent = [notice for notice in notices if notice.sent_at]
    if not sent:
        return "no notice has gone out yet"
    silent = f"no answer for {duration(now - min(notice.sent_at for notice in sent if notice.sent_at))}"
    if reply:
        return f"an automatic reply ({reply.detail[:80] or 'no text'}); {silent}"
    return f"{len(bounced)} of {len(mailed)} contacts bounced; {silent}" if bounced else silent


def tried(notices: list[Notice], calls: list[Call]) -> str:
    """What was tried, counted: `mail ×4 (2 bounced), call ×1: no answer`."""
    sent = [notice for notice in notices if notice.sent_at or notice.state == Notice.State.REFUSED]
    lost = sum(notice.state in (Notice.State.BOUNCED, Notice.State.REFUSED) for notice in sent)
    parts = [f"mail ×{len(sent)}" + (f" ({lost} bounced)" if lost else "")] if sent else []
    if calls:
        parts.append(f"call ×{len(calls)}: {calls[-1].get_outcome_display()}")
    return ", ".join(parts) or "nothing yet"


def whom_to_ring(contacts: list[Contact], calls: list[Call]) -> Contact | None:
    """The contact to ring next: the one rung least often, by rank, without numbers that were wrong."""
    wrong = {call.contact_id for call in calls if call.outcome == Call.Outcome.WRONG_NUMBER}
    rung = defaultdict(
        int, {key: sum(call.contact_id == key for call in calls) for key in {call.contact_id for call in calls}}
    )
    callable_ = [contact for contact in contacts if contact.phone and contact.pk not in wrong]
    return min(callable_, key=lambda contact: (rung[contact.pk], contact.rank, contact.pk), default=None)


def local_time(zone: str, now: datetime) -> str:
    """What the clock on the subscriber's wall shows, as `17:20`; empty for a zone that the machine does not know."""
    try:
        return now.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    except (ZoneInfoNotFoundError, ValueError):
        return ""


def _grouped(rows: QuerySet, key: str) -> dict[int, list]:  # type: ignore[type-arg]
    groups: dict[int, list] = defaultdict(list)  # type: ignore[type-arg]
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
