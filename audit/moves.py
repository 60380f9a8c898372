"""The only writer of any state."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction

from audit.models import Event
from core.errors import Refused

BATCH = 1000


Row = TypeVar("Row", bound=models.Model)


def move(
    rows: Iterable[Row],
    to: str,
    *,
    actor: str,
    now: datetime,
    fields: dict[str, Any] | None = None,
    facts: dict[str, Any] | Callable[[Row], dict[str, Any]] | None = None,
    fenced: bool = False,
) -> list[Row]:
    """Change the state of some rows and record it, both or neither; the rows that were moved are returned.

    `fields` are further columns written by the same statement, `facts` go into each event. With `fenced`, rows whose
    claim has been lost to another worker are left alone. A row whose state somebody else has changed meanwhile is
    left alone too. Raises `Refused` for a change that the row's TRANSITIONS do not allow.
    """
    change = _Change(to, actor, now, fields or {}, facts or {})
    moved: list[Row] = []
    for origin, group in _by_origin(rows, to, fenced=fenced).items():
        for start in range(0, len(group), BATCH):
            moved += _move_batch(origin, group[start : start + BATCH], change)
    for row in moved:
        for name, value in {"state": to, **change.fields}.items():
            setattr(row, name, value)
    return moved


@dataclass(frozen=True)
class _Change:
    to: str
    actor: str
    now: datetime
    fields: dict[str, Any]
    facts: dict[str, Any] | Callable[[Any], dict[str, Any]]

    def event(self, row: models.Model, was: str) -> Event:
        told = self.facts(row) if callable(self.facts) else self.facts
        kind = row._meta.model_name or ""
        return Event(
            at=self.now,
            actor=self.actor,
            verb=f"{kind}.{self.to}",
            stream=row.stream,  # type: ignore[attr-defined]
            object_type=kind,
            object_id=str(row.pk),
            facts={"from": was, **told},
        )


@dataclass(frozen=True)
class _Origin:
    """Rows of one model, in one state, with one fencing token where it counts: one statement changes them."""

    model: type[models.Model]
    state: str
    attempts: int | None

    @property
    def guard(self) -> dict[str, Any]:
        return {"state": self.state} if self.attempts is None else {"state": self.state, "attempts": self.attempts}


def _by_origin(rows: Iterable[Row], to: str, *, fenced: bool) -> dict[_Origin, list[Row]]:
    groups: dict[_Origin, list[Row]] = defaultdict(list)
    for row in rows:
        state, allowed = row.state, row.TRANSITIONS  # type: ignore[attr-defined]
        if to not in allowed[state]:
            raise Refused(f"{row._meta.verbose_name} {row} is {state} and cannot become {to}.")
        groups[_Origin(type(row), state, row.attempts if fenced else None)].append(row)  # type: ignore[attr-defined]
    return groups


def _move_batch(origin: _Origin, batch: list[Row], change: _Change) -> list[Row]:
    manager = origin.model._base_manager
    with transaction.atomic():
        ours = manager.filter(pk__in=[row.pk for row in batch], **origin.guard)
        kept = set(ours.select_for_update().values_list("pk", flat=True))
        manager.filter(pk__in=kept).update(state=change.to, **change.fields)
        moved = [row for row in batch if row.pk in kept]
        Event.objects.bulk_create([change.event(row, origin.state) for row in moved], batch_size=BATCH)
    return moved
