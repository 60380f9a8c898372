"""Sending: what is due in the outbox goes through the door, and what became of it is settled in small steps."""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from audit.actors import SYSTEM
from audit.moves import move
from audit.services import record_each
from campaigns.models import Campaign
from core import due
from core.errors import Refused
from notices import mailer
from notices.models import Notice
from notices.services import situation
from notices.services.writing import write_next
from subscribers.models import Contact
from subscribers.services import mark_contact_bounced

STEP = 10
STEP_SECONDS = 1.0
"""What was sent is settled after so many notices or so many seconds: what a killed worker repeats at most."""
SHARE_OF_TIME_LIMIT = 0.7
"""A batch ends after this share of a task's time limit; what is left is due again at once."""
BOUNCED = "The contact has bounced meanwhile."


def send_notices(rows: Sequence[Notice], *, now: datetime) -> int:
    """Send claimed notices that are still needed; how many went out.

    A mail server that is away costs nothing but time: the notices wait, ever longer, until their deadline. An address
    that is refused brings the next contact in at once. No transaction is open while the server is talked to.
    """
    wanted = _still_wanted(rows, now=now)
    started = settled_at = time.monotonic()
    limit = settings.TASK_TIME_LIMIT * SHARE_OF_TIME_LIMIT
    sent, done, waiting = 0, 0, list[tuple[Notice, mailer.Outcome]]()
    outcomes = mailer.send(wanted, now=now)
    for notice, outcome in outcomes:
        waiting.append((notice, outcome))
        done += 1
        elapsed = time.monotonic()
        if len(waiting) >= STEP or elapsed - settled_at >= STEP_SECONDS:
            sent += _settle(waiting, now=now)
            waiting, settled_at = [], elapsed
        if elapsed - started >= limit:
            break
    sent += _settle(waiting, now=now)
    due.settle(wanted[done:], due_at=now)
    return sent


def withdraw_notices(rows: Sequence[Notice], *, reason: str, actor: str, now: datetime) -> list[Notice]:
    """Take queued notices out of the outbox, and say why; those that have left it meanwhile stay as they are."""
    return move(rows, Notice.State.WITHDRAWN, actor=actor, now=now, fields={"due_at": None}, facts={"reason": reason})


def retry_refused(rows: Sequence[Notice], *, actor: str, now: datetime) -> list[Notice]:
    """Put refused notices back into the outbox, to the contact's present address.

    Raises `Refused` where the contact still counts as bounced: its address has to be verified first.
    """
    with transaction.atomic():
        contacts = Contact.objects.in_bulk([row.contact_id for row in rows])
        for row in rows:
            contact = contacts[row.contact_id]
            if contact.bounced_at or not contact.email:
                raise Refused(f"{contact} cannot be reached by mail. Correct and verify the address first.")
        moved = []
        for row in rows:
            fields = {"due_at": now, "last_error": "", "address": contacts[row.contact_id].email}
            facts = {"address": row.address}
            moved += move([row], Notice.State.QUEUED, actor=actor, now=now, fields=fields, facts=facts)
    return moved


def _still_wanted(rows: Sequence[Notice], *, now: datetime) -> list[Notice]:
    """The notices that may go out now; the others wait for their campaign to be resumed, or are withdrawn."""
    campaigns = {row.affected_subscriber.campaign_id for row in rows}
    acting = set(Campaign.objects.acting().filter(pk__in=campaigns).values_list("pk", flat=True))
    running = set(Campaign.objects.running().filter(pk__in=campaigns).values_list("pk", flat=True))
    sums = situation.sums({row.affected_subscriber_id for row in rows}, now=now)
    reachable = set(
        Contact.objects.reachable().filter(pk__in={row.contact_id for row in rows}).values_list("pk", flat=True)
    )
    wanted, halted = list[Notice](), list[Notice]()
    unwanted: dict[str, list[Notice]] = defaultdict(list)
    for row in rows:
        standing = sums.get(row.affected_subscriber_id, {})
        if row.affected_subscriber.campaign_id not in running:
            unwanted["The campaign has ended."].append(row)
        elif not standing.get("outstanding"):
            unwanted["Nothing is outstanding any more."].append(row)
        elif not standing.get("deadline"):
            unwanted["The deadline has passed."].append(row)
        elif row.contact_id not in reachable:
            unwanted[BOUNCED].append(row)
        elif row.affected_subscriber.campaign_id not in acting:
            halted.append(row)
        else:
            wanted.append(row)
    due.settle(halted, due_at=now)
    _withdraw(unwanted, now=now)
    return wanted


def _withdraw(unwanted: dict[str, list[Notice]], *, now: datetime) -> None:
    with transaction.atomic():
        for reason, rows in unwanted.items():
            gone = move(
                rows,
                Notice.State.WITHDRAWN,
                actor=SYSTEM,
                now=now,
                fields={"due_at": None},
                facts={"reason": reason},
                fenced=True,
            )
            if reason == BOUNCED:
                write_next(gone, cause=f"{BOUNCED} The notice to it was withdrawn.", now=now)


def _settle(outcomes: list[tuple[Notice, mailer.Outcome]], *, now: datetime) -> int:
    """Write what became of some notices, in one transaction; how many of those that went out were still ours."""
    sent: dict[str, list[Notice]] = defaultdict(list)
    refused = list[tuple[Notice, Refused]]()
    unavailable: dict[tuple[int, str], list[Notice]] = defaultdict(list)
    for notice, outcome in outcomes:
        if isinstance(outcome, mailer.Sent):
            sent[outcome.provider_id].append(notice)
        elif isinstance(outcome, Refused):
            refused.append((notice, outcome))
        else:
            unavailable[notice.attempts, str(outcome)[:500]].append(notice)
    with transaction.atomic():
        moved = _settle_sent(sent, now=now)
        for notice, refusal in refused:
            _settle_refused(notice, refusal, now=now)
        for (attempts, error), rows in unavailable.items():
            _settle_unavailable(rows, error, attempts=attempts, now=now)
    return moved


def _settle_sent(sent: dict[str, list[Notice]], *, now: datetime) -> int:
    """One change for all of them; the providers' own identifiers follow by one more statement where there are any."""
    notices = [notice for rows in sent.values() for notice in rows]
    moved = move(
        notices,
        Notice.State.SENT,
        actor=SYSTEM,
        now=now,
        fields={"sent_at": now, "due_at": None, "last_error": ""},
        facts=lambda row: {
            "step": row.step.order if row.step else None,
            "contact": row.contact_id,
            "message_id": row.message_id,
        },
        fenced=True,
    )
    identified = {notice.pk: key for key, rows in sent.items() if key for notice in rows}
    named = [notice for notice in moved if notice.pk in identified]
    for notice in named:
        notice.provider_id = identified[notice.pk]
    Notice.objects.bulk_update(named, ["provider_id"])
    return len(moved)


def _settle_refused(notice: Notice, refusal: Refused, *, now: datetime) -> None:
    error = str(refusal)[:500]
    moved = move(
        [notice],
        Notice.State.REFUSED,
        actor=SYSTEM,
        now=now,
        fields={"due_at": None, "last_error": error},
        facts={"error": error},
        fenced=True,
    )
    if moved and isinstance(refusal, mailer.AddressRefused):
        mark_contact_bounced(notice.contact, note=error, actor=SYSTEM, now=now)
        write_next(moved, cause=f"The mail server refused the address {notice.address}.", now=now)


def _settle_unavailable(rows: list[Notice], error: str, *, attempts: int, now: datetime) -> None:
    due.settle(rows, due_at=now + due.retry_after(attempts), last_error=error)
    for campaign in {row.affected_subscriber.campaign for row in rows}:
        record_each(
            "notice.not_sent",
            [row for row in rows if row.affected_subscriber.campaign == campaign],
            stream=campaign.stream,
            actor=SYSTEM,
            now=now,
            facts={"attempts": attempts, "error": error},
        )
