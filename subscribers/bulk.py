"""From the staged tables into the register, by a few statements for many rows; the same records again change nothing.

`wave` says what becomes of a staged row: 0 is written, 1 is a further row of a certificate that only adds to the first,
-1 is bad. Null in a staged column never erases. The facts of a certificate whose bytes the register holds are settled:
only its subscriber and a first revocation are still taken in.
"""
# ruff: noqa: S608 - every name in these statements comes from a model, every value is a parameter

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction

from core import statistics
from subscribers.models import Certificate, Contact, Subscriber, SubscriberClass
from subscribers.staging import ASSIGNMENT, CERTIFICATE, COMMITMENT, CONTACT, ISSUER_MAP, SUBSCRIBER, Table

STEP = 10_000
"""Rows written by one transaction."""
SUBSCRIBERS = f'"{Subscriber._meta.db_table}"'
CERTIFICATES = f'"{Certificate._meta.db_table}"'
HOLDER = f"{SUBSCRIBERS} r ON r.reference = s.subscriber"
ISSUER = f'"{ISSUER_MAP}" m ON m.no = s.issuer_no'


@dataclass(slots=True)
class Counts:
    """What became of the records of one kind; a record with an error of its own never became one."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    """Further rows about a certificate that the same files have already."""
    rejected: int = 0

    @property
    def read(self) -> int:
        """All records of this kind: the numbers add up."""
        return self.created + self.changed + self.unchanged + self.repeated + self.rejected


@dataclass(frozen=True, slots=True)
class Merge:
    """How a staged table s meets its model's table t; r is the registered subscriber, m the issuer."""

    table: Table
    joins: str
    match: str
    keys: dict[str, str] = field(default_factory=dict)
    """Foreign keys of a new row."""
    defaults: dict[str, str] = field(default_factory=dict)
    """What a new row says where the files say nothing."""
    changes: dict[str, str] = field(default_factory=dict)
    """Columns of a registered row that may change, and to what."""
    also: str = ""
    """A condition that makes a change of its own, for a subscriber that is not registered yet."""

    @property
    def target(self) -> str:
        """The model's table."""
        return f'"{self.table.model._meta.db_table}"'

    @property
    def differs(self) -> str:
        """Whether anything would change."""
        unlike = "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"
        found = [f'({value}) {unlike} t."{name}"' for name, value in self.changes.items()]
        return "(" + " OR ".join(found + [self.also] * bool(self.also)) + ")"


def _kept(*names: str) -> dict[str, str]:
    """Columns that take what the files say, and stay as they are where the files say nothing."""
    return {name: f'COALESCE(s."{name}", t."{name}")' for name in names}


def _while(condition: str, *names: str) -> dict[str, str]:
    """Columns that do so only while a condition holds."""
    return {name: f'CASE WHEN {condition} THEN {value} ELSE t."{name}" END' for name, value in _kept(*names).items()}


BLANK = "''"
FALSE = "false"
CONTACT_TEXTS = (
    "name", "phone", "chat_url", "webhook_url", "language", "time_zone", "source", "bounce_note", "left_note",
)  # fmt: skip
FACTS = ("spki_sha256", "subject", "names", "not_before", "not_after", "policy", "crl_url", "ocsp_url", "der")
TEXTS = (
    "fingerprint_sha256", "precert_sha256", "spki_sha256", "subject", "policy", "crl_url", "ocsp_url",
    "revocation_reason",
)  # fmt: skip
MERGES = (
    Merge(
        SUBSCRIBER,
        joins="",
        match="t.reference = s.reference",
        defaults={"subscriber_class": f"'{SubscriberClass.STANDARD.value}'", "language": "'en'", "time_zone": "'UTC'"},
        changes=_kept("name", "subscriber_class", "language", "time_zone"),
    ),
    Merge(
        CONTACT,
        joins=f"LEFT JOIN {HOLDER}",
        match="t.subscriber_id = r.id AND t.email = s.email AND (s.email <> '' OR t.phone = s.phone)",
        keys={"subscriber_id": "r.id"},
        defaults={"role": f"'{Contact.Role.PRIMARY.value}'", "rank": "0", "takes_sms": FALSE, "takes_voice": FALSE}
        | dict.fromkeys(CONTACT_TEXTS, BLANK),
        changes=_kept("role", "rank", "takes_sms", "takes_voice", *CONTACT_TEXTS)
        | _kept("left_at")
        # An old file never takes back that somebody was reached since.
        | _while("t.verified_at IS NULL OR s.verified_at > t.verified_at", "verified_at")
        | _while("t.verified_at IS NULL OR s.bounced_at > t.verified_at", "bounced_at", "bounce_note"),
    ),
    Merge(
        COMMITMENT,
        joins=f"LEFT JOIN {HOLDER}",
        match='t.subscriber_id = r.id AND t."window" = s."window" AND t.given_at = s.given_at',
        keys={"subscriber_id": "r.id"},
        changes=_kept("given_by", "valid_until"),
    ),
    Merge(
        CERTIFICATE,
        joins=f"JOIN {ISSUER} LEFT JOIN {HOLDER}",
        match="t.issuer_id = m.issuer_id AND t.serial_number = s.serial_number",
        keys={"issuer_id": "m.issuer_id", "subscriber_id": "r.id"},
        defaults=dict.fromkeys(TEXTS, BLANK) | {"names": "'[]'"},
        changes=_while("t.der IS NULL", *FACTS)
        | _while("t.fingerprint_sha256 = ''", "fingerprint_sha256")
        | _while("t.precert_sha256 = ''", "precert_sha256")
        | _while("t.revoked_at IS NULL", "revoked_at", "revocation_reason")
        | {"subscriber_id": "COALESCE(r.id, t.subscriber_id)"},
        also="(s.subscriber IS NOT NULL AND r.id IS NULL)",
    ),
)  # fmt: skip
ASSIGNED_BY = (
    ("s.fingerprint_sha256 IS NOT NULL AND t.fingerprint_sha256 = s.fingerprint_sha256", ""),
    (
        "s.fingerprint_sha256 IS NULL AND t.issuer_id = m.issuer_id AND t.serial_number = s.serial_number",
        f"JOIN {ISSUER}",
    ),
)
NOT_STAGED = (
    f'NOT EXISTS (SELECT 1 FROM "{CERTIFICATE.name}" c JOIN "{ISSUER_MAP}" k ON k.no = c.issuer_no'
    " WHERE k.issuer_id = t.issuer_id AND c.serial_number = t.serial_number)"
)


def forecast() -> dict[str, Counts]:
    """What writing the staged rows would do, without doing it. Issuers are counted by their book."""
    counts = {merge.table.kind: _counted(merge) for merge in MERGES}
    counts[ASSIGNMENT.kind] = _assigned(_count_assignments)
    return counts


def write(progress: Callable[[int, int], None]) -> dict[str, Counts]:
    """Write the staged rows in batches, each its own transaction; `progress` hears of rows done and rows in all."""
    waves = {merge.table.kind: _waves(merge.table) for merge in MERGES}
    total = sum(sum(found.values()) for found in waves.values())
    counts, done = {}, 0
    for merge in MERGES:
        found = waves[merge.table.kind]
        now = counts[merge.table.kind] = Counts(repeated=found.get(1, 0), rejected=found.get(-1, 0))
        for first, last in _steps(merge.table):
            with transaction.atomic():
                _prefer_indexes()
                created = _execute(_insert(merge), [first, last])
                # Where all rows of the range were new, none can differ.
                changed = _execute(_update(merge, wave=0), [first, last]) if created <= last - first else 0
            now.created, now.changed = now.created + created, now.changed + changed
            progress(done + min(last, sum(found.values())), total)
        for first, last in _steps(merge.table) if now.repeated else ():
            with transaction.atomic():
                _prefer_indexes()
                _execute(_update(merge, wave=1), [first, last])
        now.unchanged = found.get(0, 0) - now.created - now.changed
        done += sum(found.values())
    with transaction.atomic():
        counts[ASSIGNMENT.kind] = _assigned(_write_assignments)
    if any(found.created for found in counts.values()):
        statistics.refresh(Subscriber, Contact, Certificate)
    return counts


def _prefer_indexes() -> None:
    """Until this transaction ends, find registered rows by their indexes.

    PostgreSQL may prefer to read the whole register for each batch, and then an import costs the square of its size.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")


def _execute(sql: str, parameters: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _row(sql: str) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(value or 0 for value in cursor.fetchone())


def _waves(table: Table) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT wave, count(*) FROM "{table.name}" GROUP BY wave')
        return dict(cursor.fetchall())


def _steps(table: Table) -> list[tuple[int, int]]:
    """Ranges of the numbering, each of about one batch; empty for an empty table."""
    first, last = _row(f'SELECT min(n), max(n) FROM "{table.name}"')
    return [(start, min(start + STEP - 1, last)) for start in range(first, last + 1, STEP)] if first else []


def _insert(merge: Merge) -> str:
    """New rows of a range; a row that somebody else has just made is left to them."""
    values = dict(merge.keys)
    for name in merge.table.columns:
        default = merge.defaults.get(name)
        cast = "::jsonb" if name == "names" and connection.vendor == "postgresql" else ""
        values[name] = f's."{name}"' if default is None else f'COALESCE(s."{name}", {default}{cast})'
    names = ", ".join(f'"{name}"' for name in values)
    return (
        f"INSERT INTO {merge.target} ({names}) SELECT {', '.join(values.values())}"
        f' FROM "{merge.table.name}" s {merge.joins}'
        f" LEFT JOIN {merge.target} t ON {merge.match}"
        " WHERE s.wave = 0 AND t.id IS NULL AND s.n BETWEEN %s AND %s ORDER BY s.n ON CONFLICT DO NOTHING"
    )


def _update(merge: Merge, *, wave: int) -> str:
    """Registered rows of a range that differ."""
    changes = ", ".join(f'"{name}" = {value}' for name, value in merge.changes.items())
    return (
        f'UPDATE {merge.target} AS t SET {changes} FROM "{merge.table.name}" s {merge.joins}'
        f" WHERE s.wave = {wave} AND {merge.match} AND s.n BETWEEN %s AND %s AND {merge.differs}"
    )


def _counted(merge: Merge) -> Counts:
    waves = _waves(merge.table)
    known, changed = _row(
        f"SELECT count(t.id), sum(CASE WHEN t.id IS NOT NULL AND {merge.differs} THEN 1 ELSE 0 END)"
        f' FROM "{merge.table.name}" s {merge.joins} LEFT JOIN {merge.target} t ON {merge.match} WHERE s.wave = 0'
    )
    return Counts(
        created=waves.get(0, 0) - known,
        changed=changed,
        unchanged=known - changed,
        repeated=waves.get(1, 0),
        rejected=waves.get(-1, 0),
    )


def _assigned(change: Callable[[str, str], int]) -> Counts:
    """Assignments; changed are certificates that only the register has, those in these files carry theirs."""
    waves = _waves(ASSIGNMENT)
    changed = sum(change(match, joins) for match, joins in ASSIGNED_BY) if waves.get(0) else 0
    return Counts(changed=changed, unchanged=waves.get(0, 0) - changed, rejected=waves.get(-1, 0))


def _write_assignments(match: str, joins: str) -> int:
    return _execute(
        f'UPDATE {CERTIFICATES} AS t SET subscriber_id = r.id FROM "{ASSIGNMENT.name}" s JOIN {HOLDER} {joins}'
        f" WHERE s.wave = 0 AND {match} AND COALESCE(t.subscriber_id, 0) <> r.id AND {NOT_STAGED}",
        [],
    )


def _count_assignments(match: str, joins: str) -> int:
    return _row(
        f'SELECT count(*) FROM "{ASSIGNMENT.name}" s LEFT JOIN {HOLDER} {joins} JOIN {CERTIFICATES} t ON {match}'
        f" WHERE s.wave = 0 AND COALESCE(t.subscriber_id, 0) <> COALESCE(r.id, -1) AND {NOT_STAGED}"
    )[0]
