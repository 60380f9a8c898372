"""Rounds in which contacts are asked whether they are still the right ones (BR 5.7.1.2 item 2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import services as audit
from core import statistics
from core.errors import Refused
from subscribers.census import oldest_proof, valid_certificates
from subscribers.models import CheckRound, Contact, ContactCheck, SubscriberClass
from subscribers.services.journal import STREAM

BATCH = 5000
PATIENCE = timedelta(days=42)
"""Six weeks for an answer: the letter, a reminder after two weeks, another after four."""
MOST_DAYS = 60
WHOM = {"stale": "who were not verified lately", "all": "all"}


def askable(*, whom: str, subscriber_class: str = "", now: datetime) -> QuerySet[Contact]:
    """The contacts that a round started now would ask: those whose mail arrives, whose subscriber holds valid
    certificates, and whom no round is asking already. Raises `Refused` for a choice that there is none of."""
    if whom not in WHOM or subscriber_class not in ("", *SubscriberClass.values):
        raise Refused("Nobody can be asked by this choice.")
    waiting = ContactCheck.objects.filter(contact=OuterRef("pk"), answered_at=None, round__ended_at=None)
    rows = Contact.objects.own().filter(bounced_at=None).exclude(email="")
    rows = rows.filter(Exists(valid_certificates(now).filter(subscriber=OuterRef("subscriber"))), ~Exists(waiting))
    if subscriber_class:
        rows = rows.filter(subscriber__subscriber_class=subscriber_class)
    if whom == "stale":
        rows = rows.filter(Q(verified_at=None) | Q(verified_at__lt=oldest_proof(now)))
    return rows


def start_round(
    title: str, *, whom: str, subscriber_class: str = "", days: int = 5, actor: str, now: datetime
) -> CheckRound:
    """Ask contacts whether they are still the right ones; the letters are spread over some days.

    Raises `Refused` when nobody is to be asked, or for a number of days that is out of range.
    """
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"The letters can be spread over 1 to {MOST_DAYS} days.")
    with transaction.atomic():
        rows = askable(whom=whom, subscriber_class=subscriber_class, now=now).order_by("subscriber", "pk")
        total = rows.count()
        if not total:
            raise Refused("There is nobody to ask: everybody of this choice has been verified, or is being asked.")
        span = timedelta(days=days)
        started = CheckRound.objects.create(
            title=title, started_by=actor, started_at=now, answer_by=now + span + PATIENCE
        )
        keys = rows.values_list("pk", flat=True).iterator(BATCH)
        asked = 0
        while batch := list(islice(keys, BATCH)):
            ContactCheck.objects.bulk_create(_checks(started, batch, asked, span / total))
            asked += len(batch)
        facts = {"round": started.pk, "title": title, "whom": whom, "class": subscriber_class, "contacts": asked}
        audit.record("checkround.started", stream=STREAM, about=started, actor=actor, now=now, facts=facts)
        statistics.refresh(ContactCheck)
    return started


def _checks(started: CheckRound, keys: list[int], place: int, apart: timedelta) -> Iterator[ContactCheck]:
    for number, key in enumerate(keys, place):
        yield ContactCheck(round=started, contact_id=key, due_at=started.started_at + apart * number)


def end_round(ended: CheckRound, *, actor: str, now: datetime) -> bool:
    """Ask nobody any more; whether the round was still going on. What is unanswered stays so."""
    with transaction.atomic():
        if not CheckRound.objects.filter(pk=ended.pk, ended_at=None).update(ended_at=now):
            return False
        ended.checks.exclude(due_at=None).update(due_at=None)
        facts = {"round": ended.pk, "title": ended.title, "unanswered": ended.checks.filter(answered_at=None).count()}
        audit.record("checkround.ended", stream=STREAM, about=ended, actor=actor, now=now, facts=facts)
    ended.ended_at = now
    return True


def end_overdue_rounds(*, actor: str, now: datetime) -> int:
    """End the rounds whose time for an answer has passed; how many."""
    return sum(
        end_round(each, actor=actor, now=now) for each in CheckRound.objects.filter(ended_at=None, answer_by__lte=now)
    )
