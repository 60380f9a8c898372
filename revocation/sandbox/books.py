"""What a sandbox CA has written down: which certificates it issued, which are revoked since when, and why."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import islice

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from core import der
from core.crl_reason import CRLReason
from core.errors import Refused

BATCH = 1000
FIND = """
SELECT issued.serial, issued.fingerprint, issued.not_after, issued.shard, revoked.revoked_at, revoked.reason
FROM issued LEFT JOIN revoked ON revoked.shard = issued.shard AND revoked.serial = issued.serial
WHERE issued.serial IN (%s)
"""


class Verdict(Enum):
    """What became of one request to revoke."""

    REVOKED = "revoked"
    ALREADY = "already revoked"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    MISMATCH = "another certificate has this serial number"


@dataclass(frozen=True)
class Request:
    """One certificate to revoke, by serial number in hex; a fingerprint, if given, must be that of the certificate."""

    serial_number: str
    reason: str
    fingerprint_sha256: str = ""


@dataclass(frozen=True)
class Record:
    """What the books say of one certificate. With Verdict.UNKNOWN nothing but the serial number is known."""

    serial_number: str
    verdict: Verdict | None = None
    not_after: datetime | None = None
    revoked_at: datetime | None = None
    reason: str | None = None


@dataclass
class Line:
    """One certificate in the books, with its revocation if there is one."""

    fingerprint: str
    not_after: int
    shard: int
    revoked_at: int | None
    reason: str | None


def enter(db: sqlite3.Connection, certificates: Iterable[tuple[x509.Certificate, int]]) -> None:
    """Write down what was issued, each with its shard."""
    rows = []
    for certificate, shard in certificates:
        data = certificate.public_bytes(serialization.Encoding.DER)
        not_after = int(certificate.not_valid_after_utc.timestamp())
        rows.append(
            (der.integer_content(certificate.serial_number), hashlib.sha256(data).hexdigest(), not_after, shard, data)
        )
    db.executemany("INSERT INTO issued (serial, fingerprint, not_after, shard, der) VALUES (?, ?, ?, ?, ?)", rows)


def key_of(serial_number: str) -> bytes:
    """A serial number in hex as the books keep it. Raises `Refused` if it is none."""
    try:
        return der.integer_content(int(serial_number, 16))
    except ValueError:
        raise Refused(f"{serial_number!r} is no serial number in hex.") from None


def find(db: sqlite3.Connection, serials: Sequence[bytes]) -> dict[bytes, Line]:
    """The lines of up to `BATCH` serial numbers, those that are known."""
    marks = ",".join("?" * len(serials))
    return {row[0]: Line(*row[1:]) for row in db.execute(FIND % marks, serials)}


def revoke(db: sqlite3.Connection, requests: Sequence[Request], *, now: datetime) -> Iterator[Record]:
    """Record revocations and say of each request what became of it, in order.

    The first date stays for ever. The reason of a revoked certificate changes only towards keyCompromise (BR 7.2.2).
    An expired certificate is not revoked (BR 4.10.1 ends with its expiry). Raises `Refused` for a reason that is none.
    """
    moment = int(now.timestamp())
    for start in range(0, len(requests), BATCH):
        batch = requests[start : start + BATCH]
        keys = [key_of(request.serial_number) for request in batch]
        lines = find(db, keys)
        changes: dict[bytes, Line] = {}
        for key, request in zip(keys, batch, strict=True):
            line = lines.get(key)
            before = (line.revoked_at, line.reason) if line else None
            yield _record(request, line, _judge(request, line, moment))
            if line and (line.revoked_at, line.reason) != before:
                changes[key] = line
        _write(db, changes)


def _judge(request: Request, line: Line | None, moment: int) -> Verdict:
    """Decide one request, and change its line in memory accordingly."""
    if request.reason not in CRLReason.values:
        raise Refused(f"{request.reason!r} is no CRLReason of BR 7.2.2.")
    if line is None:
        return Verdict.UNKNOWN
    if request.fingerprint_sha256 and request.fingerprint_sha256 != line.fingerprint:
        return Verdict.MISMATCH
    if line.revoked_at is not None:
        if request.reason == CRLReason.KEY_COMPROMISE:
            line.reason = request.reason
        return Verdict.ALREADY
    if moment > line.not_after:
        return Verdict.EXPIRED
    line.revoked_at, line.reason = moment, request.reason
    return Verdict.REVOKED


def _record(request: Request, line: Line | None, verdict: Verdict) -> Record:
    if line is None:
        return Record(request.serial_number, verdict)
    return Record(request.serial_number, verdict, aware(line.not_after), aware_or_none(line.revoked_at), line.reason)


def _write(db: sqlite3.Connection, changes: dict[bytes, Line]) -> None:
    db.executemany(
        "INSERT INTO revoked (shard, serial, revoked_at, reason, not_after) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (shard, serial) DO UPDATE SET reason = excluded.reason",
        ((line.shard, key, line.revoked_at, line.reason, line.not_after) for key, line in changes.items()),
    )
    shards = {line.shard for line in changes.values()}
    db.executemany("UPDATE shard SET changes = changes + 1 WHERE shard = ?", ((shard,) for shard in shards))


def lookup(db: sqlite3.Connection, serial_numbers: Iterable[str]) -> dict[str, Record]:
    """What the books say of these certificates, those that are known."""
    found: dict[str, Record] = {}
    rest = iter(serial_numbers)
    while batch := list(islice(rest, BATCH)):
        keys = {key_of(serial_number): serial_number for serial_number in batch}
        for key, line in find(db, list(keys)).items():
            found[keys[key]] = Record(
                keys[key], None, aware(line.not_after), aware_or_none(line.revoked_at), line.reason
            )
    return found


def aware(seconds: int) -> datetime:
    """A moment as the books keep it, made aware."""
    return datetime.fromtimestamp(seconds, UTC)


def aware_or_none(seconds: int | None) -> datetime | None:
    """The same for a moment that may not have come."""
    return None if seconds is None else aware(seconds)
