"""What can only be said about the rows of an import once all of them are staged: duplicates, and references to nothing.

Each check marks the rows that it finds as bad, and tells of the first of them one by one.
"""
# ruff: noqa: S608 - every name in these statements comes from a model, every value is a parameter

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from subscribers.issuers import Resolved
from subscribers.models import Certificate, Subscriber
from subscribers.staging import ASSIGNMENT, CERTIFICATE, COMMITMENT, CONTACT, ISSUER_MAP, SUBSCRIBER, Staging, Table

SHOWN = 1000
"""How many errors of one sort are told one by one; all of them are counted."""
SUBSCRIBERS = f'"{Subscriber._meta.db_table}"'
CERTIFICATES = f'"{Certificate._meta.db_table}"'


@dataclass(frozen=True, slots=True)
class Fault:
    """Staged rows of one kind with the same fault: how many, and the first of them by file number, line and text."""

    kind: str
    field: str
    count: int
    rows: list[tuple[int, int, str]]


def check(staging: Staging, files: list[str]) -> Iterator[Fault]:
    """Everything that is wrong with the staged rows; those rows will not be written."""
    issuers = [(plan.file, plan.line, field, text) for plan, field, text in staging.issuers.check()]
    for file, line, field, text in issuers:
        yield Fault("issuer", field, 1, [(file, line, text)])
    map_issuers(staging)
    for table in (SUBSCRIBER, CONTACT, COMMITMENT, ASSIGNMENT):
        yield from _duplicates(table, files)
    for table in (CONTACT, COMMITMENT, CERTIFICATE, ASSIGNMENT):
        yield from _unknown_subscribers(table)
    for table in (CERTIFICATE, ASSIGNMENT):
        yield from _unknown_issuers(table, staging)
    yield from _certificates(files)
    yield from _assignments()


def map_issuers(staging: Staging) -> None:
    """(Re)write the table of issuers."""
    found = {number: issuer for number, issuer in staging.issuers.resolve().items() if issuer}
    canonical: dict[str, int] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{ISSUER_MAP}"')
        cursor.execute(f'CREATE TEMPORARY TABLE "{ISSUER_MAP}" (no integer PRIMARY KEY, issuer_id bigint)')
        for number, issuer in sorted(found.items()):
            _unite(cursor, number, canonical.setdefault(issuer.key_id, number))
        _fill(cursor, found, canonical)


def _unite(cursor: Any, number: int, canonical: int) -> None:
    """Two ways of naming one issuer become one, so that a certificate named in both ways is seen as one."""
    for table in (CERTIFICATE, ASSIGNMENT) if number != canonical else ():
        cursor.execute(f'UPDATE "{table.name}" SET issuer_no = %s WHERE issuer_no = %s', [canonical, number])


def _fill(cursor: Any, found: dict[int, Resolved], canonical: dict[str, int]) -> None:
    rows = [(number, issuer.pk) for number, issuer in found.items() if canonical[issuer.key_id] == number]
    cursor.executemany(f'INSERT INTO "{ISSUER_MAP}" (no, issuer_id) VALUES (%s, %s)', rows)


def _fault(table: Table, field: str, bad: str, text: Callable[[Any], str]) -> Iterator[Fault]:
    """Mark the rows that a query finds (n, file, line and a detail)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT n, file, line, detail FROM ({bad}) found ORDER BY n LIMIT {SHOWN}")
        rows = cursor.fetchall()
        if not rows:
            return
        cursor.execute(f'UPDATE "{table.name}" SET wave = -1 WHERE n IN (SELECT n FROM ({bad}) found)')
        count = cursor.rowcount
    yield Fault(table.kind, field, count, [(file, line, text(detail)) for _, file, line, detail in rows])


def _ranked(table: Table, *more: str) -> str:
    """Staged rows with their place among those of the same identity; the detail is where the first of them stands."""
    identity = ", ".join(table.identity)
    columns = ", ".join(("n", "file", "line", *more))
    return (
        f"SELECT {columns}, row_number() OVER w AS place,"
        " CAST(first_value(file) OVER w AS varchar(20)) || ':'"
        " || CAST(first_value(line) OVER w AS varchar(20)) AS detail"
        f' FROM "{table.name}" WHERE wave >= 0 WINDOW w AS (PARTITION BY {identity} ORDER BY n)'
    )


def _place(detail: str, files: list[str]) -> str:
    file, line = detail.split(":")
    return f"{files[int(file)]}:{line}"


def _duplicates(table: Table, files: list[str]) -> Iterator[Fault]:
    bad = f"SELECT n, file, line, detail FROM ({_ranked(table)}) ranked WHERE place > 1"
    field = {"subscriber": "reference", "contact": "email", "commitment": "given_at"}.get(table.kind, "")
    return _fault(table, field, bad, lambda detail: f"This {table.kind} is there already, at {_place(detail, files)}.")


def _unknown_subscribers(table: Table) -> Iterator[Fault]:
    bad = (
        f'SELECT n, file, line, s.subscriber AS detail FROM "{table.name}" s WHERE wave >= 0 AND subscriber IS NOT NULL'
        f" AND NOT EXISTS (SELECT 1 FROM {SUBSCRIBERS} r WHERE r.reference = s.subscriber)"
        f' AND NOT EXISTS (SELECT 1 FROM "{SUBSCRIBER.name}" p WHERE p.reference = s.subscriber AND p.wave = 0)'
    )
    return _fault(table, "subscriber", bad, lambda detail: f"There is no subscriber {detail!r}.")


def _unknown_issuers(table: Table, staging: Staging) -> Iterator[Fault]:
    bad = (
        f'SELECT n, file, line, s.issuer_no AS detail FROM "{table.name}" s WHERE wave >= 0 AND issuer_no IS NOT NULL'
        f' AND issuer_no NOT IN (SELECT no FROM "{ISSUER_MAP}")'
    )
    return _fault(table, "issuer", bad, staging.issuers.named)


def _certificates(files: list[str]) -> Iterator[Fault]:
    """Two certificates with one serial number are a fault; one certificate told of twice is only repeated."""
    window = "(PARTITION BY issuer_no, serial_number)"
    spread = (
        f"min(fingerprint_sha256) OVER {window} AS lowest",
        f"max(fingerprint_sha256) OVER {window} AS highest",
    )
    further = f"SELECT n FROM ({_ranked(CERTIFICATE)}) ranked WHERE place > 1"
    with connection.cursor() as cursor:
        cursor.execute(f"{further} LIMIT 1")
        is_repeated = cursor.fetchone() is not None
    if is_repeated:
        ranked = _ranked(CERTIFICATE, *spread)
        bad = f"SELECT n, file, line, detail FROM ({ranked}) ranked WHERE place > 1 AND lowest <> highest"
        yield from _fault(
            CERTIFICATE,
            "serial_number",
            bad,
            lambda detail: f"Another certificate of this issuer has this serial number, at {_place(detail, files)}.",
        )
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f'UPDATE "{CERTIFICATE.name}" SET wave = 1 WHERE n IN ({further})')
    known = (
        f'SELECT s.n, s.file, s.line, s.serial_number AS detail FROM "{CERTIFICATE.name}" s'
        f' JOIN "{ISSUER_MAP}" m ON m.no = s.issuer_no'
        f" JOIN {CERTIFICATES} t ON t.issuer_id = m.issuer_id AND t.serial_number = s.serial_number"
        " WHERE s.wave >= 0 AND t.fingerprint_sha256 <> '' AND s.fingerprint_sha256 <> t.fingerprint_sha256"
    )
    yield from _fault(
        CERTIFICATE,
        "serial_number",
        known,
        lambda serial: f"The register has another certificate of this issuer with the serial number {serial}.",
    )


def _assignments() -> Iterator[Fault]:
    """Give the staged certificates their subscribers, and find the assignments of certificates that nobody knows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM "{ASSIGNMENT.name}" LIMIT 1')
        if cursor.fetchone() is None:
            return
        for columns in ("fingerprint_sha256", "serial_number"):
            for table in (ASSIGNMENT, CERTIFICATE):
                cursor.execute(f'CREATE INDEX "{table.name}_{columns}" ON "{table.name}" ({columns})')
        for match in STAGED_BY:
            cursor.execute(
                f'UPDATE "{CERTIFICATE.name}" AS c SET subscriber = s.subscriber FROM "{ASSIGNMENT.name}" s'
                f" WHERE s.wave = 0 AND {match}"
            )
    staged = " OR ".join(f'EXISTS (SELECT 1 FROM "{CERTIFICATE.name}" c WHERE {match})' for match in STAGED_BY)
    bad = (
        f'SELECT s.n, s.file, s.line, s.n AS detail FROM "{ASSIGNMENT.name}" s'
        f' LEFT JOIN "{ISSUER_MAP}" m ON m.no = s.issuer_no'
        f" WHERE s.wave >= 0 AND NOT ({staged})"
        f" AND NOT EXISTS (SELECT 1 FROM {CERTIFICATES} t WHERE t.fingerprint_sha256 = s.fingerprint_sha256)"
        f" AND (s.fingerprint_sha256 IS NOT NULL OR NOT EXISTS (SELECT 1 FROM {CERTIFICATES} t"
        " WHERE t.issuer_id = m.issuer_id AND t.serial_number = s.serial_number))"
    )
    yield from _fault(ASSIGNMENT, "", bad, lambda _: "There is no such certificate, neither here nor in the register.")


STAGED_BY = (
    "c.fingerprint_sha256 = s.fingerprint_sha256",
    "s.fingerprint_sha256 IS NULL AND c.issuer_no = s.issuer_no AND c.serial_number = s.serial_number",
)
