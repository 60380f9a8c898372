"""Temporary tables that hold what was read, until all of it has been checked: the register is not touched before.

On PostgreSQL rows go in by COPY, on SQLite by `executemany`. Null means that a file says nothing about a column. The
tables belong to one database connection and vanish with it.
"""
# ruff: noqa: S608 - every name in these statements comes from a model, every value is a parameter

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from json.encoder import encode_basestring_ascii
from typing import Any, Self
from uuid import uuid4

from django.db import connection, models, transaction

from subscribers.importing import Row
from subscribers.issuers import IssuerBook
from subscribers.models import Certificate, Commitment, Contact, Subscriber
from subscribers.records import (
    AssignmentRecord,
    CertificateRecord,
    CommitmentRecord,
    ContactRecord,
    GivenCertificate,
    IssuerRecord,
    SubscriberRecord,
)

BATCH = 5000
SUBJECT_LENGTH = 1000
URL_LENGTH = 500
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Table:
    """A temporary table: bookkeeping (n, file, line, wave), references, and columns of the model."""

    kind: str
    model: type[models.Model]
    references: tuple[str, ...]
    """Columns that are resolved later: `subscriber` is a reference, `issuer_no` a number of the issuer book."""
    columns: tuple[str, ...]
    identity: tuple[str, ...]
    """What may be there only once."""

    @property
    def name(self) -> str:
        """The table's name in the database."""
        return f"staged_{self.kind}"


SUBSCRIBER = Table(
    "subscriber",
    Subscriber,
    (),
    ("reference", "public_id", "name", "subscriber_class", "language", "time_zone"),
    ("reference",),
)
CONTACT = Table(
    "contact",
    Contact,
    ("subscriber",),
    (
        "email", "public_id", "name", "phone", "role", "rank", "verified_at", "takes_sms", "takes_voice", "chat_url",
        "webhook_url", "language", "time_zone", "source", "bounced_at", "bounce_note", "left_at", "left_note",
    ),
    ("subscriber", "email", "CASE WHEN email = '' THEN phone END"),
)  # fmt: skip
COMMITMENT = Table(
    "commitment",
    Commitment,
    ("subscriber",),
    ("window", "given_at", "given_by", "valid_until"),
    ("subscriber", '"window"', "given_at"),
)
CERTIFICATE = Table(
    "certificate",
    Certificate,
    ("subscriber", "issuer_no"),
    (
        "serial_number", "fingerprint_sha256", "precert_sha256", "spki_sha256", "subject", "names", "not_before",
        "not_after", "policy", "crl_url", "ocsp_url", "revoked_at", "revocation_reason", "der",
    ),
    ("issuer_no", "serial_number"),
)  # fmt: skip
ASSIGNMENT = Table(
    "assignment",
    Certificate,
    ("subscriber", "issuer_no"),
    ("fingerprint_sha256", "serial_number"),
    ("fingerprint_sha256", "issuer_no", "serial_number"),
)
TABLES = (SUBSCRIBER, CONTACT, COMMITMENT, CERTIFICATE, ASSIGNMENT)
ISSUER_MAP = "staged_issuer"
"""From the numbers of the issuer book to registered issuers; null is one that is planned."""
REFERENCE_TYPES = {"subscriber": "varchar(64)", "issuer_no": "integer"}


class Staging:
    """What one import has read so far."""

    def __init__(self) -> None:
        self.issuers = IssuerBook()
        self._number = count(1)
        self._pending: dict[str, list[tuple[Any, ...]]] = {table.kind: [] for table in TABLES}
        self._is_postgresql = connection.vendor == "postgresql"
        self._moment: Callable[[datetime], Any] = _as_is if self._is_postgresql else _as_text

    def __enter__(self) -> Self:
        self._drop()
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(_create(table))
                if self._is_postgresql and "der" in table.columns:
                    cursor.execute(f'ALTER TABLE "{table.name}" ALTER COLUMN "der" SET STORAGE EXTERNAL')
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def _drop(self) -> None:
        if connection.needs_rollback:
            return
        with connection.cursor() as cursor:
            for name in (ISSUER_MAP, *(table.name for table in TABLES)):
                cursor.execute(f'DROP TABLE IF EXISTS "{name}"')

    def add(self, file: int, row: Row) -> None:
        """Take in a record."""
        record = row.record
        if isinstance(record, IssuerRecord):
            self.issuers.plan(record, file, row.line)
            return
        table, values = self._values(record)
        pending = self._pending[table.kind]
        pending.append((next(self._number), file, row.line, 0, *values))
        if len(pending) >= BATCH:
            self._write(table)

    def finish(self) -> None:
        """Write what is still pending, and let the database look at what it has."""
        for table in TABLES:
            self._write(table)
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE INDEX "staged_reference" ON "{SUBSCRIBER.name}" (reference)')
            for table in TABLES if self._is_postgresql else ():
                cursor.execute(f'CREATE INDEX ON "{table.name}" (n)')
                cursor.execute(f'ANALYZE "{table.name}"')

    def _values(self, record: Any) -> tuple[Table, tuple[Any, ...]]:
        match record:
            case CertificateRecord():
                return CERTIFICATE, self._held(record)
            case GivenCertificate():
                return CERTIFICATE, self._given(record)
            case AssignmentRecord():
                issuer = self.issuers.number_of_given(record.issuer) if record.issuer else None
                return ASSIGNMENT, (record.subscriber, issuer, record.fingerprint_sha256, record.serial_number)
            case SubscriberRecord():
                return SUBSCRIBER, self._prepared(
                    SUBSCRIBER,
                    (
                        record.reference,
                        uuid4(),
                        record.name,
                        record.subscriber_class,
                        record.language,
                        record.time_zone,
                    ),
                )
            case ContactRecord():
                return CONTACT, self._contact(record)
            case CommitmentRecord():
                values = (record.window, record.given_at, record.given_by, record.valid_until)
                return COMMITMENT, (record.subscriber, *self._prepared(COMMITMENT, values))
        raise TypeError(record)

    def _prepared(self, table: Table, values: Sequence[Any]) -> tuple[Any, ...]:
        """Values as the database wants them."""
        return tuple(
            None if value is None else field.get_db_prep_save(value, connection)
            for field, value in zip(_columns(table), values, strict=True)
        )

    def _contact(self, record: ContactRecord) -> tuple[Any, ...]:
        """A contact; whoever states only one of role and rank implies the other."""
        role, rank = record.role, record.rank
        if rank is None and role is not None:
            rank = 0 if role == Contact.Role.PRIMARY else 1
        elif role is None and rank is not None:
            role = Contact.Role.BACKUP if rank else Contact.Role.PRIMARY
        own = {"public_id": uuid4(), "role": role, "rank": rank}
        values = [own[name] if name in own else getattr(record, name) for name in CONTACT.columns]
        return (record.subscriber, *self._prepared(CONTACT, values))

    def _held(self, record: CertificateRecord) -> tuple[Any, ...]:
        """A certificate with its bytes. A precertificate's fingerprint stands beside that of the final certificate."""
        found = record.certificate
        is_final = not found.is_precertificate
        return (
            record.subscriber,
            self.issuers.number(found.issuer_key, found.issuer_subject),
            found.serial_number,
            found.fingerprint_sha256 if is_final else None,
            None if is_final else found.fingerprint_sha256,
            found.spki_sha256,
            found.subject[:SUBJECT_LENGTH],
            _json(found.names),
            self._moment(found.not_before),
            self._moment(found.not_after),
            found.policy,
            found.crl_url if len(found.crl_url) <= URL_LENGTH else "",
            found.ocsp_url if len(found.ocsp_url) <= URL_LENGTH else "",
            self._moment(record.revoked_at) if record.revoked_at else None,
            record.revocation_reason,
            found.der if is_final else None,
        )

    def _given(self, record: GivenCertificate) -> tuple[Any, ...]:
        return (
            record.subscriber,
            self.issuers.number_of_given(record.issuer),
            record.serial_number,
            record.fingerprint_sha256,
            record.precert_sha256,
            record.spki_sha256,
            record.subject,
            None if record.names is None else _json(record.names),
            self._moment(record.not_before),
            self._moment(record.not_after),
            record.policy,
            record.crl_url,
            record.ocsp_url,
            self._moment(record.revoked_at) if record.revoked_at else None,
            record.revocation_reason,
            None,
        )

    def _write(self, table: Table) -> None:
        rows = self._pending[table.kind]
        if not rows:
            return
        self._pending[table.kind] = []
        names = ", ".join(f'"{name}"' for name in ("n", "file", "line", "wave", *table.references, *table.columns))
        with transaction.atomic(), connection.cursor() as cursor:
            if self._is_postgresql:
                with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                    copy.write(copy_text(rows))
            else:
                places = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({places})', rows)


@cache
def _columns(table: Table) -> "tuple[models.Field[Any, Any], ...]":
    return tuple(column(table, name) for name in table.columns)


def column(table: Table, name: str) -> "models.Field[Any, Any]":
    """The model's field of a column."""
    field = table.model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(name)
    return field


def _as_is(moment: datetime) -> datetime:
    return moment


def _as_text(moment: datetime) -> str:
    """A moment in UTC as Django's SQLite backend writes it, ten times as fast."""
    return moment.isoformat(" ").removesuffix("+00:00")


def _json(texts: Iterable[str]) -> str:
    """A list of texts, exactly as `json.dumps` writes it."""
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]"


def copy_text(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Rows in the text format of COPY."""
    return "".join("\t".join([_cell(value) for value in row]) + "\n" for row in rows).encode()


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(ESCAPES) if "\\" in value or not value.isprintable() else value
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)} microseconds"
    return str(value)


def _create(table: Table) -> str:
    """The temporary table, each column with the type that it has in the model."""
    types = {"n": "bigint NOT NULL", "file": "integer NOT NULL", "line": "integer NOT NULL", "wave": "integer NOT NULL"}
    types |= {name: REFERENCE_TYPES[name] for name in table.references}
    types |= {name: column(table, name).db_type(connection) or "" for name in table.columns}
    if connection.vendor == "sqlite":
        types["n"] = "integer PRIMARY KEY"
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    return f'CREATE TEMPORARY TABLE "{table.name}" ({columns})'
