"""What writing the staged rows would change, row by row and field by field, and a digest over all of it.

Certificates are not told one by one: there may be millions, and the console takes none.
"""
# ruff: noqa: S608 - every name in these statements comes from a model, every value is a parameter

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models

from subscribers.bulk import MERGES, Merge
from subscribers.staging import COMMITMENT, CONTACT, SUBSCRIBER, column

TOLD = (SUBSCRIBER.kind, CONTACT.kind, COMMITMENT.kind)
STEP = 2000
KEYS = {
    SUBSCRIBER.kind: ("s.reference",),
    CONTACT.kind: ("s.subscriber", "COALESCE(NULLIF(s.email, ''), s.phone)"),
    COMMITMENT.kind: ("s.subscriber", 's."window"'),
}
"""How people tell the rows of a kind apart."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value that changes."""

    name: str
    was: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is new, or whose fields change; where the files say so."""

    kind: str
    file: int
    line: int
    key: str
    is_new: bool
    fields: tuple[Field, ...]


def changes() -> Iterator[Change]:
    """All that would be created or changed, in the order of the files."""
    for merge in MERGES:
        if merge.table.kind in TOLD:
            yield from _of(merge)


def digest(found: Iterator[Change], *, kept: int) -> tuple[str, list[Change]]:
    """The SHA-256 over all changes, and the first of them."""
    running, first = hashlib.sha256(), list[Change]()
    for change in found:
        running.update(repr(change).encode() + b"\n")
        if len(first) < kept:
            first.append(change)
    return running.hexdigest(), first


def _of(merge: Merge) -> Iterator[Change]:
    names = list(merge.changes)
    was = [f't."{name}"' for name in names]
    becomes = [f"CASE WHEN t.id IS NULL THEN {_fresh(merge, name)} ELSE {merge.changes[name]} END" for name in names]
    keys = KEYS[merge.table.kind]
    sql = (
        f'SELECT s.file, s.line, t.id, {", ".join((*keys, *was, *becomes))} FROM "{merge.table.name}" s {merge.joins}'
        f" LEFT JOIN {merge.target} t ON {merge.match}"
        f" WHERE s.wave = 0 AND (t.id IS NULL OR {merge.differs}) ORDER BY s.n"
    )
    kinds = [column(merge.table, name) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(STEP):
            for file, line, known, *values in rows:
                key, rest = values[: len(keys)], values[len(keys) :]
                fields = tuple(_changed(kinds, rest))
                yield Change(merge.table.kind, file, line, _key(merge, key), known is None, fields)


def _fresh(merge: Merge, name: str) -> str:
    """What a new row says in a column."""
    default = merge.defaults.get(name)
    return f's."{name}"' if default is None else f'COALESCE(s."{name}", {default})'


def _changed(kinds: "list[models.Field[Any, Any]]", values: list[Any]) -> Iterator[Field]:
    half = len(kinds)
    for kind, was, becomes in zip(kinds, values[:half], values[half:], strict=True):
        before, after = _shown(kind, was), _shown(kind, becomes)
        if before != after:
            yield Field(kind.name, before, after)


def _key(merge: Merge, values: list[Any]) -> str:
    if merge.table.kind == COMMITMENT.kind:
        return f"{values[0]} within {_length(values[1])}"
    return " ".join(str(value) for value in values)


def _shown(kind: "models.Field[Any, Any]", value: Any) -> str:
    """A value of the database as a person reads it, the same on every database."""
    if value is None or value == "":
        return ""
    if isinstance(kind, models.BooleanField):
        return "yes" if value else "no"
    if isinstance(kind, models.DurationField):
        return _length(value)
    if isinstance(kind, models.DateTimeField):
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)


def _length(value: Any) -> str:
    """A window; SQLite keeps microseconds."""
    length = value if isinstance(value, timedelta) else timedelta(microseconds=int(value))
    return f"{length // timedelta(hours=1)} h"
