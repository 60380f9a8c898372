"""Sending: what is due in the outbox goes through the door, and what became of it is settled in small steps."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.actors import SYSTEM
from audit.moves import move
from audit.services import record_each
from core import due
from core.errors import Refused
from notices import mailer, routes
from notices.addresses import without_key
from notices.models import Letter, Notice
from notices.outcomes import Later
from notices.services.news import pass_on
from notices.services.rewording import release, write_anew
from notices.services.wanted import Batch, letters_still_wanted, still_wanted
from notices.services.writing import write_next
from subscribers.models import Channel, Contact
from subscribers.services import mark_contact_bounced

STEP = 10
STEP_SECONDS = 1.0
"""What was sent is settled after so many notices or so many seconds: what a killed worker repeats at most."""
SHARE_OF_TIME_LIMIT = 0.7
"""A batch ends after this share of a task's time limit; what is left is due again at once."""
ATTEMPTS_BESIDE_MAIL = 3
"""After so many vain attempts another channel than mail is given up, and the next one takes its place."""
Message = Notice | Letter


def send_notices(rows: Sequence[Notice], *, now: datetime) -> int:
    """Send claimed notices that are still needed; how many went out.

    A mail server that is away costs nothing but time: the notices wait, ever longer, until their deadline. An address
    that is refused, and another channel that fails, brings the next channel or contact in at once. No transaction is
    open while anybody is talked to.
    """
    return _send(still_wanted(rows, now=now), now=now)


def send_letters(rows: Sequence[Letter], *, now: datetime) -> int:
    """Send claimed letters; how many went out. As soon as a notice is due, the rest of them wait."""
    return _send(letters_still_wanted(rows, now=now), is_over=lambda: has_due_notices(now=now), now=now)


def has_due_notices(*, now: datetime) -> bool:
    """Whether a notice of any campaign waits to be sent: letters go behind it."""
    return Notice.objects.sendable().filter(due_at__lte=now).exists()


def free_for_notices(*, now: datetime) -> int | None:
    """How many mails the ceilings allow at once; None where there is no ceiling."""
    return routes.free(Channel.MAIL, now=now)


def free_for_letters(*, now: datetime) -> int | None:
    """The same for letters, which leave a part of each ceiling to notices."""
    return routes.free(Channel.MAIL, share=mailer.ROUTINE_SHARE, now=now)


def withdraw_notices(rows: Sequence[Notice], *, reason: str, actor: str, now: datetime) -> list[Notice]:
    """Take queued notices out of the outbox, and say why; those that have left it meanwhile stay as they are.

    What only went along with one of them goes out by itself, or is withdrawn too where nobody needs it any more.
    """
    keys = {row.pk for row in rows}
    with transaction.atomic():
        release(rows, staying=keys, now=now)
        along = Notice.objects.filter(carried_by__in=keys, state=Notice.State.QUEUED).exclude(pk__in=keys)
        going = [*rows, *along.select_related("affected_subscriber__campaign")]
        fields, facts = {"due_at": None}, {"reason": reason}
        return move(going, Notice.State.WITHDRAWN, actor=actor, now=now, fields=fields, facts=facts)


def retry_refused(rows: Sequence[Notice], *, actor: str, now: datetime) -> list[Notice]:
    """Put refused notices back into the outbox, to the contact's present address, in words as things stand now.

    Raises `Refused` where the contact has none, or still counts as bounced: its address has to be verified first.
    """
    with transaction.atomic():
        contacts = Contact.objects.in_bulk([row.contact_id for row in rows])
        moved = []
        for row in rows:
            contact = contacts[row.contact_id]
            address = contact.address_for(row.channel)
            if not address:
                raise Refused(f"{contact} cannot be reached by {row.channel}. Correct and verify the address first.")
            fields = {"due_at": now, "last_error": "", "address": address, "carried_by": None}
            facts = {"address": without_key(row.channel, address)}
            moved += move([row], Notice.State.QUEUED, actor=actor, now=now, fields=fields, facts=facts)
        write_anew(moved, now=now)
    return moved


def _send(batch: Batch, *, is_over: Callable[[], bool] = lambda: False, now: datetime) -> int:
    started = settled_at = time.monotonic()
    limit = settings.TASK_TIME_LIMIT * SHARE_OF_TIME_LIMIT
    sent, done, waiting = 0, 0, list[tuple[Message, mailer.Outcome]]()
    outcomes = mailer.send(batch.wanted, now=now)
    for message, outcome in outcomes:
        waiting.append((message, outcome))
        done += 1
        elapsed = time.monotonic()
        if len(waiting) >= STEP or elapsed - settled_at >= STEP_SECONDS:
            sent += _settle(waiting, batch, now=now)
            waiting, settled_at = [], elapsed
            if is_over():
                break
        if elapsed - started >= limit:
            break
    sent += _settle(waiting, batch, now=now)
    due.settle(batch.wanted[done:], due_at=now)
    return sent


@dataclass(slots=True)
class _Sorted:
    """Outcomes by what has to be written for them."""

    sent: dict[str, list[tuple[Message, str]]] = field(default_factory=lambda: defaultdict(list))
    refused: list[tuple[Message, Refused]] = field(default_factory=list)
    later: dict[datetime, list[Message]] = field(default_factory=lambda: defaultdict(list))
    unavailable: dict[tuple[int, str], list[Message]] = field(default_factory=lambda: defaultdict(list))

    def add(self, message: Message, outcome: mailer.Outcome) -> None:
        """Put one where it belongs; another channel than mail is not tried for ever."""
        if isinstance(outcome, mailer.Sent):
            self.sent[outcome.route].append((message, outcome.provider_id))
        elif isinstance(outcome, Refused):
            self.refused.append((message, outcome))
        elif isinstance(outcome, Later):
            self.later[outcome.at].append(message)
        elif message.channel != Channel.MAIL and message.attempts >= ATTEMPTS_BESIDE_MAIL:
            self.refused.append((message, Refused(str(outcome))))
        else:
            self.unavailable[message.attempts, str(outcome)[:500]].append(message)


def _settle(outcomes: list[tuple[Message, mailer.Outcome]], batch: Batch, *, now: datetime) -> int:
    """Write what became of some messages, in one transaction; how many of those that went out were still ours."""
    found = _Sorted()
    for message, outcome in outcomes:
        found.add(message, outcome)
    if not outcomes:
        return 0
    with transaction.atomic():
        moved = sum(_settle_sent(rows, route, batch, now=now) for route, rows in found.sent.items())
        for message, refusal in found.refused:
            _settle_refused(message, refusal, batch, now=now)
        for at, rows in found.later.items():
            due.settle(rows, due_at=at)
        for (attempts, error), rows in found.unavailable.items():
            _settle_unavailable(rows, error, attempts=attempts, now=now)
    return moved


def _settle_sent(sent: list[tuple[Message, str]], route: str, batch: Batch, *, now: datetime) -> int:
    """One change for all of them; the providers' own identifiers follow by one more statement where there are any."""
    fields = {"sent_at": now, "due_at": None, "last_error": "", "route": route}
    facts = partial(_facts_of_sent, route)
    moved = _move([message for message, _ in sent], Notice.State.SENT, fields, facts, now=now)
    if along := batch.along(moved):
        _move(along, Notice.State.SENT, fields, facts, now=now)
    identified = {message.message_id: key for message, key in sent if key}
    named = [message for message in moved if message.message_id in identified]
    for message in named:
        message.provider_id = identified[message.message_id]
    for model in {type(message) for message in named}:
        rows: list[Any] = [message for message in named if isinstance(message, model)]
        model._base_manager.bulk_update(rows, ["provider_id"])
    return len(moved)


def _facts_of_sent(route: str, row: Message) -> dict[str, Any]:
    facts = {"contact": row.contact_id, "message_id": row.message_id, "channel": row.channel, "route": route}
    if isinstance(row, Letter):
        return {"kind": row.kind, **facts}
    return {"step": row.step.order if row.step else None, **facts}


def _settle_refused(message: Message, refusal: Refused, batch: Batch, *, now: datetime) -> None:
    error = str(refusal)[:500]
    fields = {"due_at": None, "last_error": error}
    moved = _move([message], Notice.State.REFUSED, fields, {"error": error}, now=now)
    along = batch.along(moved)
    lost = [*moved, *_move(along, Notice.State.REFUSED, fields, {"error": error}, now=now)]
    is_address = isinstance(refusal, mailer.AddressRefused)
    if message.channel == Channel.MAIL:
        for each in lost if is_address else ():
            if each.contact and each.tells_of_contact:
                mark_contact_bounced(each.contact, note=error, actor=SYSTEM, now=now)
    notices = [each for each in lost if isinstance(each, Notice)]
    if notices and (is_address or message.channel != Channel.MAIL):
        why = f"refused the address {message.shown_address}" if is_address else "did not take the message"
        who = "mail server" if message.channel == Channel.MAIL else f"{message.get_channel_display()} provider"
        write_next(notices, cause=f"The {who} {why}."[:200], now=now)
        for each in notices:
            pass_on(each, now=now)


def _settle_unavailable(rows: list[Message], error: str, *, attempts: int, now: datetime) -> None:
    due.settle(rows, due_at=now + due.retry_after(attempts), last_error=error)
    streams: dict[str, list[Message]] = defaultdict(list)
    for row in rows:
        streams[row.stream].append(row)
    for stream, group in streams.items():
        verb = f"{group[0]._meta.model_name}.not_sent"
        facts = {"attempts": attempts, "error": error}
        record_each(verb, group, stream=stream, actor=SYSTEM, now=now, facts=facts)


def _move(rows: Sequence[Message], to: str, fields: dict[str, Any], facts: Any, *, now: datetime) -> list[Message]:
    return move(rows, to, actor=SYSTEM, now=now, fields=fields, facts=facts, fenced=True)
