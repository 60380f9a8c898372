"""One subscriber in one campaign: whom we wrote to, what came of it, what was said, what is left."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from audit.models import Event
from campaigns.admin.exclusions import ASK
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from notices.admin.acts import subscriber_acts
from notices.callhours import local_time
from notices.models import Call, CallTurn, InboundMessage, Notice
from notices.phonebook import shown
from notices.services.calls import deadline_of
from reports.board import gather, is_promise_late, needs_person, why
from reports.lists import Slice, keyset
from revocation.admin.revocations import REVOKE_EARLY
from subscribers.models import Contact

LATEST_EVENTS = 40


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that the page of an affected subscriber shows."""

    contacts: list[tuple[Contact, str]]
    """Each with its number as people see it: in a drill the end is hidden."""
    notices: list[Notice]
    calls: list[Call]
    certificates: Slice[AffectedCertificate]
    events: list[Event]
    inbound: list[InboundMessage]
    turn: CallTurn | None
    why: str
    is_late: bool
    """Whether the last call ended in a promise that is too late."""
    local_time: str
    acts: list[dict[str, str]]
    row_acts: list[tuple[str, str]]
    """What may be done to one of the certificates: a word and the name of the address."""


def person(
    affected: AffectedSubscriber, *, user: AbstractBaseUser | AnonymousUser, after: int, now: datetime
) -> Person:
    """Gather the page of an affected subscriber; certificates are paged by key."""
    is_drill = affected.campaign.is_drill
    contacts = [(each, shown(each.phone, is_drill=is_drill)) for each in affected.subscriber.contacts.all()]
    notices = list(
        affected.notices.select_related("contact", "step")
        .prefetch_related("delivery_events")
        .defer("body_text", "body_html")
        .order_by("written_at", "pk")
    )
    rows = (
        AffectedCertificate.objects.filter(affected_subscriber=affected)
        .select_related("certificate__issuer", "revocation", "replacement")
        .defer("certificate__der")
    )
    known = gather([affected])[affected.pk]
    one = AffectedSubscriber.objects.filter(pk=affected.pk)
    inbound = list(affected.inbound.select_related("contact", "notice").defer("raw"))
    return Person(
        contacts=contacts,
        notices=notices,
        calls=list(affected.calls.select_related("contact").order_by("-at")),
        certificates=keyset(rows, after=after),
        events=_events(affected, notices, inbound),
        why=why(affected, known, now) if needs_person(one, now).exists() else "",
        is_late=is_promise_late(known.calls, deadline_of(affected, now)),
        inbound=inbound,
        turn=CallTurn.objects.filter(subscriber=affected.subscriber_id, until__gt=now).first(),
        local_time=local_time(affected.subscriber.time_zone, now),
        acts=[
            {"title": act.title, "url": reverse(f"admin:notices_call_{act.name}", args=[affected.pk])}
            for act in subscriber_acts()
            if act.is_permitted(user) and act.is_offered(affected)
        ],
        row_acts=_row_acts(affected, user),
    )


def _row_acts(affected: AffectedSubscriber, user: AbstractBaseUser | AnonymousUser) -> list[tuple[str, str]]:
    if affected.campaign.state != Campaign.State.RUNNING:
        return []
    found = [("revoke early", "admin:revocation_revocation_early")] if REVOKE_EARLY.is_permitted(user) else []
    return [*found, ("exclude", "admin:campaigns_exclusion_ask")] if ASK.is_permitted(user) else found


def _events(affected: AffectedSubscriber, notices: list[Notice], inbound: list[InboundMessage]) -> list[Event]:
    """The latest events about the subscriber itself, its notices, its calls, and what came back."""
    keys = {
        "affectedsubscriber": [affected.pk],
        "notice": [notice.pk for notice in notices],
        "call": [call.pk for call in affected.calls.only("pk")],
        "inboundmessage": [message.pk for message in inbound],
    }
    found: list[Event] = []
    for kind, some in keys.items():
        rows = Event.objects.filter(object_type=kind, object_id__in=[str(key) for key in some])
        found += rows.order_by("-pk")[:LATEST_EVENTS]
    return sorted(found, key=lambda event: -event.pk)[:LATEST_EVENTS]
