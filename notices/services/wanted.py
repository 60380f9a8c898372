"""Whether a notice that lies in the outbox may still go out: asked again just before it does."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import SYSTEM
from audit.moves import move
from campaigns.models import Campaign
from core import due
from notices.models import Letter, Notice
from notices.services import situation
from notices.services.freshness import fresh
from notices.services.rewording import release
from notices.services.writing import write_next
from subscribers.models import Channel, Contact, ContactCheck

BOUNCED = "The contact has bounced meanwhile."
GONE = "The contact does not take messages of this channel any more."
ANSWERED = "The contact has answered meanwhile."
HALTED = "Halted."
ENDED = "The campaign has ended."
UNANSWERED_ONLY = {Notice.Kind.STEP, Notice.Kind.ADDITION}
"""The kinds that ask for something: nothing to ask for, nothing to send."""


@dataclass(slots=True)
class Batch:
    """Messages that may go out, and the notices whose words some of them carry."""

    wanted: list[Any]
    carried: dict[int, list[Notice]] = field(default_factory=dict)

    def along(self, leads: Iterable[Notice | Letter]) -> list[Notice]:
        """What shares the fate of some messages."""
        if not self.carried:
            return []
        return [each for lead in leads if isinstance(lead, Notice) for each in self.carried.get(lead.pk, ())]


def still_wanted(rows: Sequence[Notice], *, now: datetime) -> Batch:
    """The notices that may go out now; the others wait for their campaign to be resumed, or are withdrawn.

    Where a notice that carries others is needed no more, those of them that are go out by themselves. What has become
    out of date while it waited is put into words anew.
    """
    rows = fresh(rows, now=now)
    carried = _carried(rows)
    reasons = _reasons([*rows, *(each for group in carried.values() for each in group)], now=now)
    batch, halted = Batch([], carried), list[Notice]()
    unwanted: dict[str, list[Notice]] = defaultdict(list)
    for row in rows:
        if not reasons[row.pk]:
            batch.wanted.append(row)
        elif reasons[row.pk] == HALTED:
            halted.append(row)
        else:
            for each in (row, *carried.get(row.pk, ())):
                if reasons[each.pk] not in ("", HALTED):
                    unwanted[reasons[each.pk]].append(each)
    due.settle(halted, due_at=now)
    _withdraw(unwanted, now=now)
    return batch


def letters_still_wanted(rows: Sequence[Letter], *, now: datetime) -> Batch:
    """The letters that may go out now.

    Those to somebody who has left, or whose mail bounces, are withdrawn, and so are questions that were answered.
    """
    contacts = Contact.objects.in_bulk([row.contact_id for row in rows if row.contact_id])
    checks = [row.contact_check_id for row in rows if row.contact_check_id]
    answered = set(ContactCheck.objects.filter(pk__in=checks).exclude(answered_at=None).values_list("pk", flat=True))
    batch, gone, moot = Batch([]), list[Letter](), list[Letter]()
    for row in rows:
        contact = contacts.get(row.contact_id or 0)
        if contact is not None and (contact.left_at is not None or not contact.address_for(row.channel)):
            gone.append(row)
        else:
            (moot if row.contact_check_id in answered else batch.wanted).append(row)
    _move_out(gone, GONE, now=now)
    _move_out(moot, ANSWERED, now=now)
    return batch


def _carried(rows: Sequence[Notice]) -> dict[int, list[Notice]]:
    found: dict[int, list[Notice]] = defaultdict(list)
    queued = Notice.objects.filter(carried_by__in=[row.pk for row in rows], state=Notice.State.QUEUED)
    related = ("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact", "step")
    for each in queued.select_related(*related).order_by("pk"):
        found[each.carried_by_id or 0].append(each)
    return found


def _reasons(rows: Sequence[Notice], *, now: datetime) -> dict[int, str]:
    """Why each of the notices may not go out; empty where it may."""
    campaigns = Campaign.objects.in_bulk({row.affected_subscriber.campaign_id for row in rows})
    contacts = Contact.objects.in_bulk({row.contact_id for row in rows})
    sums = situation.sums({row.affected_subscriber_id for row in rows}, now=now)
    return {
        row.pk: _of_campaign(row, campaigns[row.affected_subscriber.campaign_id])
        or _of_certificates(row, sums.get(row.affected_subscriber_id, {}))
        or _of_contact(row, contacts[row.contact_id])
        or (HALTED if campaigns[row.affected_subscriber.campaign_id].halted_at else "")
        for row in rows
    }


def _of_campaign(row: Notice, campaign: Campaign) -> str:
    may_be = {Campaign.State.RUNNING}
    if row.kind == Notice.Kind.REVOKED:
        may_be.add(Campaign.State.COMPLETED)
    return "" if campaign.state in may_be else ENDED


def _of_certificates(row: Notice, standing: dict[str, Any]) -> str:
    if row.kind not in UNANSWERED_ONLY:
        return ""
    if not standing.get("outstanding"):
        return "Nothing is outstanding any more."
    return "" if standing.get("deadline") else "The deadline has passed."


def _of_contact(row: Notice, contact: Contact) -> str:
    if contact.left_at is not None:
        return GONE
    if contact.address_for(row.channel):
        return ""
    return BOUNCED if row.channel == Channel.MAIL and contact.bounced_at else GONE


def _withdraw(unwanted: dict[str, list[Notice]], *, now: datetime) -> None:
    if not unwanted:
        return
    with transaction.atomic():
        going = [row for rows in unwanted.values() for row in rows]
        release([row for row in going if row.carried_by_id is None], staying={row.pk for row in going}, now=now)
        for reason, rows in unwanted.items():
            gone = _move_out(rows, reason, now=now)
            if reason in (BOUNCED, GONE) and gone:
                write_next(gone, cause=f"{reason} The notice to it was withdrawn.", now=now)


def _move_out(rows: Sequence[Any], reason: str, *, now: datetime) -> list[Any]:
    return move(
        rows,
        Notice.State.WITHDRAWN,
        actor=SYSTEM,
        now=now,
        fields={"due_at": None},
        facts={"reason": reason},
        fenced=True,
    )
