"""What subscribers have to hear after the launch, noted in the transaction of the fact itself.

For each affected subscriber and kind at most one piece of news is open. `notices` tells it; whoever has never been
told anything has nothing to be corrected, which is found out there.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from campaigns.models import News
from campaigns.services.guards import BATCH, batches

QUIET = timedelta(minutes=30)
"""Revocations come in waves: they are told when it has been quiet for so long ..."""
LONGEST = timedelta(hours=2)
"""... but no later than so long after the first."""


def note_news(affected_subscribers: Iterable[int], kind: str, *, at: datetime, now: datetime) -> None:
    """Note that something happened at a moment which these affected subscribers have to hear.

    Call it in the transaction of the fact. The rows of open news are locked, and their claims are void: whoever is
    writing them at this moment may not have seen the fact. Where another worker tells the news first, new ones are
    opened, so that nothing falls between the two.
    """
    with transaction.atomic():
        for keys in batches(affected_subscribers):
            left = set(keys)
            while left:
                left -= _note(sorted(left), kind, at=at, now=now)


def _note(keys: list[int], kind: str, *, at: datetime, now: datetime) -> set[int]:
    """Open news where there are none, and add to those that are open; whose news it was added to."""
    due_at = now + QUIET if kind == News.Kind.REVOKED else now
    News.objects.bulk_create(
        (News(affected_subscriber_id=key, kind=kind, since=at, happened_at=at, due_at=due_at) for key in keys),
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    rows = News.objects.filter(affected_subscriber__in=keys, kind=kind, told_at=None).order_by("affected_subscriber")
    held = dict(rows.select_for_update().values_list("pk", "affected_subscriber"))
    ours = News.objects.filter(pk__in=held)
    ours.update(since=Least(F("since"), at), happened_at=Greatest(F("happened_at"), at), attempts=F("attempts") + 1)
    can_wait = Q(since__gt=now + QUIET - LONGEST)
    ours.filter(can_wait).update(due_at=due_at)
    ours.exclude(can_wait).update(due_at=now)
    return set(held.values())
