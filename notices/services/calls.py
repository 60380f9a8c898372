"""Telephone calls: who was rung about an affected subscriber, by whom, and what came of it."""

from datetime import datetime

from django.db import transaction

from audit.services import record
from campaigns.models import AffectedSubscriber, Campaign
from core.errors import Refused
from notices.models import Call
from subscribers.models import Contact


def record_call(
    affected_subscriber: AffectedSubscriber,
    *,
    contact: Contact | None,
    outcome: str,
    note: str = "",
    actor: str,
    now: datetime,
) -> Call:
    """Write down a call. It changes nothing else: whoever was reached still has to acknowledge, or name a contact.

    Raises `Refused` before the launch, for an outcome that does not exist, and for somebody else's contact.
    """
    if affected_subscriber.campaign.state in {Campaign.State.DRAFT, Campaign.State.APPROVED}:
        raise Refused("Calls are recorded once the campaign has been launched.")
    if outcome not in Call.Outcome.values:
        raise Refused(f"{outcome!r} is no outcome of a call; the outcomes are {', '.join(Call.Outcome.values)}.")
    if contact is not None and contact.subscriber_id != affected_subscriber.subscriber_id:
        raise Refused(f"{contact} is not a contact of {affected_subscriber}.")
    with transaction.atomic():
        call = Call.objects.create(
            affected_subscriber=affected_subscriber,
            contact=contact,
            outcome=outcome,
            note=note.strip()[:1000],
            called_by=actor,
            at=now,
        )
        facts = {"affected_subscriber": affected_subscriber.pk, "contact": call.contact_id, "outcome": outcome}
        stream, told = affected_subscriber.stream, {**facts, "note": call.note}
        record("call.recorded", stream=stream, about=call, actor=actor, now=now, facts=told)
    return call
