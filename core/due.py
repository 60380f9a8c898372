"""Due rows: the one way to do work later.

A row that wants attention carries `due_at`; null means never. A worker *claims* rows by postponing them for one
lease, acts outside any transaction, and *settles* what came of it. If the worker dies in between, its rows become due
again by themselves. `attempts` counts the claims and is the fencing token: whoever holds an older number has lost the
row and settles nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from core import clock

log = logging.getLogger(__name__)


class DueModel(models.Model):
    """A row that asks to be looked at when `due_at` has passed; null means never."""

    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=DueModel)


def lease() -> timedelta:
    """How long a claim lasts on the clock. It outlives the time limit of any task (tested), so rows have one owner."""
    found: timedelta = clock.stretched(settings.LEASE)
    return found


def retry_after(attempts: int) -> timedelta:
    """How long to wait after the given number of vain attempts: doubling from a minute, an hour at most."""
    return min(timedelta(minutes=1) * (1 << min(attempts - 1, 6)), timedelta(hours=1))


def claim(rows: models.QuerySet[Row], *, now: datetime, limit: int) -> list[Row]:
    """Take up to `limit` due rows by postponing them by one lease; the rows, with their new fencing token."""
    with transaction.atomic(durable=True):
        taken = list(
            rows.filter(due_at__lte=now)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("due_at", "pk")[:limit]
        )
        rows.model._base_manager.filter(pk__in=[row.pk for row in taken]).update(
            due_at=now + lease(), attempts=F("attempts") + 1
        )
    for row in taken:
        row.attempts += 1
    return taken


def settle(rows: Iterable[Row], *, due_at: datetime | None = None, **fields: Any) -> int:
    """Write one outcome for the rows whose lease is still ours, one statement per token; how many were ours."""
    by_token: dict[tuple[type[Row], int], list[Any]] = defaultdict(list)
    for row in rows:
        by_token[type(row), row.attempts].append(row.pk)
    return sum(
        model._base_manager.filter(pk__in=keys, attempts=attempts).update(due_at=due_at, **fields)
        for (model, attempts), keys in by_token.items()
    )


def work(
    rows: Callable[[], models.QuerySet[Row]],
    act: Callable[..., object],
    *,
    again: Callable[[], object] | None = None,
    limit: int | None = None,
) -> int:
    """Claim one batch and act on it; how many rows there were.

    A full batch calls `again` first, so that idle workers wake up while this one acts. What `act` does not settle
    comes back when its lease ends: a failure is logged, never lost.
    """
    limit = limit or settings.BATCH
    now = clock.now()
    taken = claim(rows(), now=now, limit=limit)
    if again and len(taken) == limit:
        _wake(again)
    if taken:
        try:
            act(taken, now=now)
        except Exception:
            log.exception(
                "A batch of %d %s failed; its rows come back.", len(taken), taken[0]._meta.verbose_name_plural
            )
    return len(taken)


def _wake(again: Callable[[], object]) -> None:
    """Let another worker look too. Where the broker is away nobody does, and the next tick goes on."""
    try:
        again()
    except Exception:
        log.exception("No other worker could be woken; the next tick goes on.")
