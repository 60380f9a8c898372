"""Limits on the database: the same changes by plain SQL on copies of the tables, and rows by binary COPY."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from bench.database import COPIES
from core.due import lease

ROWS, EVENTS = COPIES
TYPES = {
    "issuer_id": "int8", "subscriber_id": "int8", "serial_number": "varchar", "fingerprint_sha256": "varchar",
    "precert_sha256": "varchar", "spki_sha256": "varchar", "subject": "varchar", "names": "jsonb",
    "not_before": "timestamptz", "not_after": "timestamptz", "policy": "varchar", "crl_url": "varchar",
    "ocsp_url": "varchar", "revocation_reason": "varchar", "der": "bytea",
}  # fmt: skip
"""Columns of a certificate and their types."""
CLAIM = f"""
UPDATE {ROWS} SET due_at = %s, attempts = attempts + 1 WHERE id IN (
    SELECT id FROM {ROWS} WHERE due_at <= %s ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING id, attempts
"""  # noqa: S608 - the name is ours
SETTLE = f"UPDATE {ROWS} SET due_at = NULL WHERE id = ANY(%s) AND attempts = %s"  # noqa: S608
EVENT = f"""
INSERT INTO {EVENTS} (at, actor, verb, stream, object_type, object_id, facts)
SELECT %s, 'system', 'revocation.accepted', 'campaign/bench', 'revocation', key::text, %s::jsonb
FROM unnest(%s::bigint[]) AS key
"""  # noqa: S608
FACTS = '{"from": "scheduled", "revoked_at": "2024-03-24T07:50:00+00:00"}'


def copy_of(table: str, name: str = ROWS, *, filled: bool = True) -> None:
    """Make a copy of a table with its indexes, and its rows."""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{name}"')
        cursor.execute(f'CREATE TABLE "{name}" (LIKE "{table}" INCLUDING ALL)')
        if filled:
            cursor.execute(f'INSERT INTO "{name}" SELECT * FROM "{table}"')  # noqa: S608
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM \"{name}\"")  # noqa: S608
            cursor.execute(f'VACUUM ANALYZE "{name}"')


def update_all(column: str) -> int:
    """One UPDATE of a column in all rows of the copy; how many they are."""
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE {ROWS} SET "{column}" = now()')  # noqa: S608
        return int(cursor.rowcount)


def claim(now: datetime) -> list[tuple[int, int]]:
    """Claim one batch of the copy: keys and fencing tokens."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now + lease(), now, settings.BATCH])
        return list(cursor.fetchall())


def settle_all(now: datetime) -> int:
    """Claim all due rows of the copy batch by batch and settle them; how many they were."""
    done = 0
    while taken := claim(now):
        with connection.cursor() as cursor:
            cursor.execute(SETTLE, [[key for key, _ in taken], taken[0][1]])
        done += len(taken)
    return done


def accept_all(now: datetime) -> int:
    """The same, with the columns of a revocation that was accepted, and with an event for each."""
    fields: dict[str, Any] = {
        "state": "accepted",
        "accepted_at": now,
        "revoked_at": now,
        "due_at": now + timedelta(minutes=1),
    }
    columns = ", ".join(f'"{name}" = %s' for name in fields)
    change = f"UPDATE {ROWS} SET {columns} WHERE id = ANY(%s) AND attempts = %s"  # noqa: S608
    done = 0
    while taken := claim(now):
        keys = [key for key, _ in taken]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change, [*fields.values(), keys, taken[0][1]])
            cursor.execute(EVENT, [now, FACTS, keys])
        done += len(taken)
    return done


def publish_all(rows: Sequence[tuple[int, str]], revoked: dict[str, Any], now: datetime) -> int:
    """Look up serial numbers in what a CRL says, and settle those that are there by one UPDATE for each batch."""
    done = 0
    for start in range(0, len(rows), settings.BATCH):
        keys = [key for key, serial in rows[start : start + settings.BATCH] if serial in revoked]
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {ROWS} SET published_at = %s, due_at = NULL WHERE id = ANY(%s)", [now, keys])  # noqa: S608
        done += len(keys)
    return done


def copy_in(rows: Iterable[tuple[Any, ...]], columns: Sequence[str]) -> int:
    """Rows into the copy of the certificates by binary COPY; how many they were."""
    names = ", ".join(f'"{name}"' for name in columns)
    done = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {ROWS} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([TYPES[name] for name in columns])
        for row in rows:
            copy.write_row(row)
            done += 1
    return done
