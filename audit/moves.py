"""The only writer of any state."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.db import models, transaction

from audit.models import Event
from core.errors import Refused

BATCH = 1000


class Stateful(Protocol):
    """A row with a state, its transition table, and the stream of the journal that it belongs to."""

    TRANSITIONS: dict[str, set[str]]
    state: str
    pk: Any

    @property
    def stream(self) -> str: ...


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
    moved: list[Row] = []
    for (model, was, attempts), group in _by_origin(rows, to, fenced=fenced).items():
        for start in range(0, len(group), BATCH):
            moved += _move_batch(
                model, group[start : start + BATCH], was, to, attempts=attempts, fields=fields or {}, now=now,
                event=lambda row, was=was: _event(row, was, to, actor=actor, now=now, facts=facts),
            )  # fmt: skip
    for row in moved:
        for name, value in {"state": to, **(fields or {})}.items():
            setattr(row, name, value)
    return moved


def _by_origin(rows: Iterable[Row], to: str, *, fenced: bool) -> dict[tuple[type[Row], str, int | None], list[Row]]:
    groups: dict[tuple[type[Row], str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        state, allowed = row.state, row.TRANSITIONS  # type: ignore[attr-defined]
        if to not in allowed[state]:
            raise Refused(f"{row._meta.verbose_name} {row} is {state} and cannot become {to}.")
        groups[type(row), state, row.attempts if fenced else None].append(row)  # type: ignore[attr-defined]
    return groups


def _move_batch(
    model: type[Row],
    batch: list[Row],
    was: str,
    to: str,
    *,
    attempts: int | None,
    fields: dict[str, Any],
    now: datetime,
    event: Callable[[Row], Event],
) -> list[Row]:
    guard = {"state": was} if attempts is None else {"state": was, "attempts": attempts}
    with transaction.atomic():
        ours = model._base_manager.filter(pk__in=[row.pk for row in batch], **guard)
        kept = set(ours.select_for_update().values_list("pk", flat=True))
        if kept:
            model._base_manager.filter(pk__in=kept).update(state=to, **fields)
        moved = [row for row in batch if row.pk in kept]
        Event.objects.bulk_create([event(row) for row in moved], batch_size=BATCH)
    return moved


def _event(
    row: Row, was: str, to: str, *, actor: str, now: datetime, facts: dict[str, Any] | Callable[[Row], dict[str, Any]] | None
) -> Event:
    told = facts(row) if callable(facts) else dict(facts or {})
    kind = row._meta.model_name or ""
    return Event(
        at=now, actor=actor, verb=f"{kind}.{to}", stream=row.stream, object_type=kind, object_id=str(row.pk),  # type: ignore[attr-defined]
        facts={"from": was, **told},
    )  # fmt: skip
