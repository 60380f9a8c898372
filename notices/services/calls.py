"""Telephone calls: who was rung about an affected subscriber, by whom, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.services import record
from campaigns.models import AffectedSubscriber, Campaign, earliest_deadline
from campaigns.services import acknowledge
from core.errors import Refused
from notices.callhours import next_attempt
from notices.models import Call
from notices.services.turns import release_turn
from subscribers.models import Contact

NOTE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Agreed:
    """The moments that a call agreed on: by when everything is replaced, and when to ring again.

    Without a moment for the next call the rules propose one.
    """

    promised_for: datetime | None = None
    next_at: datetime | None = None


NOTHING = Agreed()


def record_call(
    affected_subscriber: AffectedSubscriber,
    *,
    contact: Contact | None,
    outcome: str,
    note: str = "",
    agreed: Agreed = NOTHING,
    actor: str,
    now: datetime,
) -> Call:
    """Write down a call, and end the caller's turn.

    A subscriber who was reached, promises or refuses has been told: an acknowledgement with the caller as its witness.
    It postpones nothing, however late the promise is. The CA's own account manager is not the subscriber.
    Raises `Refused` before the launch, for an outcome that does not exist, for somebody else's contact, for a promise
    without a moment and a moment without a promise, and for moments in the past.
    """
    _check(affected_subscriber, contact, outcome, agreed, now=now)
    deadline = deadline_of(affected_subscriber, now)
    proposed = next_attempt(
        outcome,
        zone_name=zone_of(affected_subscriber, contact),
        deadline=deadline,
        promised_for=agreed.promised_for,
        now=now,
    )
    with transaction.atomic():
        call = Call.objects.create(
            affected_subscriber=affected_subscriber,
            contact=contact,
            number=contact.phone if contact else "",
            outcome=outcome,
            note=note.strip()[:NOTE_LENGTH],
            called_by=actor,
            at=now,
            promised_for=agreed.promised_for,
            next_at=agreed.next_at or proposed,
        )
        _conclude(call, deadline, actor=actor, now=now)
    return call


def _conclude(call: Call, deadline: datetime | None, *, actor: str, now: datetime) -> None:
    affected = call.affected_subscriber
    record("call.recorded", stream=affected.stream, about=call, actor=actor, now=now, facts=_facts(call, deadline))
    if _is_told(call) and affected.campaign.state == Campaign.State.RUNNING:
        acknowledge(affected, contact=call.contact, actor=actor, now=now)
    release_turn(affected.subscriber, actor=actor, now=now)


def deadline_of(affected_subscriber: AffectedSubscriber, now: datetime) -> datetime | None:
    """The first deadline of what is still outstanding; None when nothing is."""
    return earliest_deadline(affected_subscriber.certificates.outstanding(now))


def zone_of(affected_subscriber: AffectedSubscriber, contact: Contact | None) -> str:
    """The IANA name of the time zone in which a contact works."""
    return (contact.time_zone if contact else "") or affected_subscriber.subscriber.time_zone


def _is_told(call: Call) -> bool:
    is_ours = call.contact is not None and call.contact.role == Contact.Role.ACCOUNT_MANAGER
    return call.outcome in Call.TOLD and not is_ours


def _check(
    affected_subscriber: AffectedSubscriber, contact: Contact | None, outcome: str, agreed: Agreed, *, now: datetime
) -> None:
    if affected_subscriber.campaign.state in {Campaign.State.DRAFT, Campaign.State.APPROVED}:
        raise Refused("Calls are recorded once the campaign has been launched.")
    if contact is not None and contact.subscriber_id != affected_subscriber.subscriber_id:
        raise Refused(f"{contact} is not a contact of {affected_subscriber}.")
    if outcome not in Call.Outcome.values:
        raise Refused(f"{outcome!r} is no outcome of a call; the outcomes are {', '.join(Call.Outcome.values)}.")
    if (outcome == Call.Outcome.PROMISED) != (agreed.promised_for is not None):
        raise Refused("Say by when they promise it; a moment belongs to a promise, and a promise has a moment.")
    if agreed.promised_for is not None and agreed.promised_for <= now:
        raise Refused("They cannot promise it for a moment that has passed.")
    if agreed.next_at is not None and agreed.next_at < now:
        raise Refused("The next call cannot be in the past.")


def _facts(call: Call, deadline: datetime | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "affected_subscriber": call.affected_subscriber_id,
        "contact": call.contact_id,
        "outcome": call.outcome,
        "note": call.note,
    }
    if call.number:
        facts["number"] = call.number
    if call.promised_for:
        facts["promised_for"] = call.promised_for.isoformat()
        facts["is_after_the_deadline"] = bool(deadline and call.promised_for > deadline)
    if call.next_at:
        facts["next_at"] = call.next_at.isoformat()
    return facts
