"""Nobody gets a list that is out of date: what lay in the outbox while something changed is put into words anew."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from campaigns.models import News
from notices.models import Notice
from notices.services.rewording import write_anew


def fresh(rows: Sequence[Notice], *, now: datetime) -> list[Notice]:
    """Claimed notices with words that hold now; those that another one has come to carry are left out.

    A notice is stale when its subscriber, or one that it carries, has had news since it was written: also news that
    nobody was told, because nobody had been told anything.
    """
    stale = _stale(rows)
    if not stale:
        return list(rows)
    with transaction.atomic():
        write_anew([row for row in rows if row.pk in stale], now=now)
    tokens = {row.pk: row.attempts for row in rows if row.pk in stale}
    anew = {row.pk: row for row in Notice.objects.sendable().filter(pk__in=tokens) if row.attempts == tokens[row.pk]}
    return [anew.get(row.pk, row) for row in rows if row.pk not in stale or row.pk in anew]


def _stale(rows: Sequence[Notice]) -> set[int]:
    """The keys of the notices, among these, that say or carry what has changed since."""
    keys = [row.pk for row in rows]
    since = Q(happened_at__gt=OuterRef("written_at")) | Q(told_at__gt=OuterRef("written_at"))
    news = News.objects.filter(since, affected_subscriber=OuterRef("affected_subscriber"))
    found = Notice.objects.filter(Q(pk__in=keys) | Q(carried_by__in=keys), kind=Notice.Kind.STEP)
    changed = found.filter(Exists(news), state=Notice.State.QUEUED).values_list("pk", "carried_by")
    return {carrier or key for key, carrier in changed}
