"""Writing the routine letters of the register: is this still the right contact, and does the commitment still hold?

They lie in the same outbox as notices and go out when no notice is due.
"""

import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.models import AffectedCertificate, AffectedSubscriber, earliest_deadline
from core import due
from notices.languages import language_of
from notices.models import Letter
from notices.rendering import render_letter
from subscribers.census import valid_certificates
from subscribers.links import contact_url
from subscribers.models import Channel, Commitment, Contact, ContactCheck
from subscribers.services import end_overdue_rounds

log = logging.getLogger(__name__)
REMINDER = timedelta(days=14)
"""After a letter without an answer the next one follows, two reminders in all; then the check counts as unanswered."""
LETTERS = 3
AHEAD = (timedelta(days=60), timedelta(days=14))
"""So long before a commitment ends its subscriber is asked to renew it, and asked again."""
BATCH = 500


@dataclass(slots=True)
class Plan:
    """What becomes of one claimed check: a letter or none, and when to look again."""

    check: ContactCheck
    asked: int
    due_at: datetime | None = None
    letters: list[Letter] = field(default_factory=list)


def write_check_letters(rows: Sequence[ContactCheck], *, now: datetime) -> list[Letter]:
    """Write the letter that is due for each claimed check, and set when the next one is.

    A check whose words cannot be made is logged and comes back when its lease ends; one that was answered, or claimed
    by somebody else, meanwhile is left alone.
    """
    held = _certificates(rows, now=now)
    plans = [plan for row in rows if (plan := _planned(row, held.get(row.contact.subscriber_id, 0), now=now))]
    tokens = {plan.check.pk: plan.check.attempts for plan in plans}
    with transaction.atomic():
        open_rows = ContactCheck.objects.filter(pk__in=tokens, answered_at=None).select_for_update()
        ours = {key for key, attempts in open_rows.values_list("pk", "attempts") if attempts == tokens[key]}
        plans = [plan for plan in plans if plan.check.pk in ours]
        written = _insert([letter for plan in plans for letter in plan.letters], now=now)
        groups: dict[tuple[datetime | None, int], list[ContactCheck]] = defaultdict(list)
        for plan in plans:
            groups[plan.due_at, plan.asked].append(plan.check)
        for (due_at, asked), checks in groups.items():
            due.settle(checks, due_at=due_at, asked=asked)
    return written


def write_receipt(contact: Contact, affected: AffectedSubscriber, *, in_reply_to: str, now: datetime) -> list[Letter]:
    """Write to a contact that we have its answer. Call it inside the transaction that keeps the answer."""
    deadline = earliest_deadline(AffectedCertificate.objects.remaining(now).filter(affected_subscriber=affected))
    letter = _letter(Letter.Kind.RECEIVED, contact, {**_of(contact), "deadline": deadline}, now=now)
    if letter is None:
        return []
    letter.in_reply_to = in_reply_to
    return _insert([letter], now=now)


def close_rounds(*, now: datetime) -> int:
    """End the rounds whose time for an answer has passed."""
    return end_overdue_rounds(actor=SYSTEM, now=now)


def remind_commitments(*, now: datetime) -> list[Letter]:
    """Ask subscribers to renew commitments that end soon: 60 days before, and 14 days before.

    Whoever has given a later word for the same window or a shorter one is not asked. The moment of the last reminder
    is changed only if nobody else has changed it, so two workers write one letter.
    """
    written = []
    for ahead in AHEAD:
        for batch in _batches(_ending(ahead, now=now)):
            written += _remind(batch, now=now)
    return written


def _planned(check: ContactCheck, certificates: int, *, now: datetime) -> Plan | None:
    contact = check.contact
    if check.asked >= LETTERS or contact.left_at or contact.bounced_at or not contact.email:
        return Plan(check, check.asked)
    words = {
        **_of(contact),
        "contact": str(contact),
        "answer_by": check.round.answer_by,
        "certificates": certificates,
        "reminder": check.asked,
    }
    letter = _letter(Letter.Kind.CHECK, contact, words, now=now)
    if letter is None:
        return None
    letter.contact_check, letter.number = check, check.asked
    return Plan(check, check.asked + 1, now + REMINDER, [letter])


def _ending(ahead: timedelta, *, now: datetime) -> QuerySet[Commitment]:
    """Commitments that end within a time, for which nobody was asked within it, and which nothing has overtaken."""
    later = Commitment.objects.filter(
        subscriber=OuterRef("subscriber"), window__lte=OuterRef("window"), valid_until__gt=OuterRef("valid_until")
    )
    rows = Commitment.objects.filter(valid_until__gt=now, valid_until__lte=now + ahead)
    rows = rows.filter(Q(reminded_at=None) | Q(reminded_at__lt=F("valid_until") - ahead))
    return rows.filter(~Exists(later)).select_related("subscriber").order_by("pk")


def _batches(rows: QuerySet[Commitment]) -> Iterable[list[Commitment]]:
    after = 0
    while batch := list(rows.filter(pk__gt=after)[:BATCH]):
        after = batch[-1].pk
        yield batch


def _remind(rows: list[Commitment], *, now: datetime) -> list[Letter]:
    people = _first_contacts(rows)
    earlier = Counter(Letter.objects.filter(commitment__in=rows).values_list("commitment", flat=True))
    drafts = {}
    for row in rows:
        contact = people.get(row.subscriber_id)
        if contact and (letter := _reminder(row, contact, number=earlier[row.pk], now=now)):
            drafts[row.pk] = letter
    with transaction.atomic():
        unchanged = Commitment.objects.filter(pk__in=drafts).select_for_update()
        was = {row.pk: row.reminded_at for row in rows}
        ours = [key for key, at in unchanged.values_list("pk", "reminded_at") if at == was[key]]
        Commitment.objects.filter(pk__in=ours).update(reminded_at=now)
        return _insert([drafts[key] for key in ours], now=now)


def _reminder(row: Commitment, contact: Contact, *, number: int, now: datetime) -> Letter | None:
    words = {**_of(contact), "window": row.window, "given_by": row.given_by, "valid_until": row.valid_until}
    letter = _letter(Letter.Kind.COMMITMENT, contact, words, now=now)
    if letter is not None:
        letter.commitment, letter.number = row, number
    return letter


def _first_contacts(rows: list[Commitment]) -> dict[int, Contact]:
    """Of each subscriber the first contact to whom mail can be sent."""
    contacts = Contact.objects.own().filter(subscriber__in={row.subscriber_id for row in rows}, bounced_at=None)
    found: dict[int, Contact] = {}
    for contact in contacts.exclude(email="").select_related("subscriber").order_by("rank", "pk"):
        found.setdefault(contact.subscriber_id, contact)
    return found


def _certificates(rows: Sequence[ContactCheck], *, now: datetime) -> dict[int, int]:
    """How many valid certificates each subscriber holds."""
    held = valid_certificates(now).filter(subscriber__in={row.contact.subscriber_id for row in rows}).order_by()
    return dict(held.values_list("subscriber").annotate(Count("pk")))


def _of(contact: Contact) -> dict[str, object]:
    return {
        "subscriber": contact.subscriber.name,
        "reference": contact.subscriber.reference,
        "link": contact_url(contact),
        "time_zone": contact.time_zone or contact.subscriber.time_zone,
    }


def _letter(kind: str, contact: Contact, words: Mapping[str, object], *, now: datetime) -> Letter | None:
    """A letter to one contact, not yet in the outbox; None when its words cannot be made."""
    public_id = uuid.uuid4()
    try:
        said = render_letter(kind, language_of(contact), words)
    except Exception:
        log.exception("A letter to contact %s cannot be written.", contact.pk)
        return None
    return Letter(
        public_id=public_id,
        kind=kind,
        contact=contact,
        channel=Channel.MAIL,
        address=contact.email,
        language=said.language,
        written_at=now,
        due_at=now,
        template_version=said.template_version,
        subject=said.subject,
        body_text=said.text,
        body_html=said.html,
        message_id=f"<{public_id}@{parseaddr(settings.NOTICE_FROM)[1].rpartition('@')[2] or 'localhost'}>",
    )


def _insert(drafts: list[Letter], *, now: datetime) -> list[Letter]:
    """Put letters into the outbox and record them; one that is there already is left as it is."""
    Letter.objects.bulk_create(drafts, batch_size=BATCH, ignore_conflicts=True)
    keys = dict(Letter.objects.filter(public_id__in=[each.public_id for each in drafts]).values_list("public_id", "pk"))
    written = [draft for draft in drafts if draft.public_id in keys]
    for letter in written:
        letter.pk = keys[letter.public_id]
    record_each("letter.written", written, stream=Letter.stream, actor=SYSTEM, now=now, facts=_facts)
    return written


def _facts(letter: Letter) -> dict[str, Any]:
    words = "\0".join((letter.subject, letter.body_text, letter.body_html)).encode()
    return {
        "kind": letter.kind,
        "number": letter.number,
        "contact": letter.contact_id,
        "address": letter.address,
        "words_sha256": sha256(words).hexdigest(),
    }
