"""The CRLs of a sandbox CA, encoded directly: linear in their entries, signed by `cryptography`."""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from core import der
from core.crl_reason import CODES, CRLReason
from revocation.sandbox.books import aware
from revocation.sandbox.leaves import Signer
from revocation.sandbox.profile import CRL_LIFETIME

REFRESH = timedelta(hours=1)
"""An unchanged CRL is renewed when it is this old."""
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ID_CE = bytes.fromhex("0603551d")
"""All but the last octet of an OID below 2.5.29, encoded."""
REASON_CODE = ID_CE + b"\x15"
VERSION_2 = der.tlv(der.INTEGER, b"\x01")
EXTENSIONS_TAG = 0xA0

Row = tuple[bytes, int, str]
"""Serial number (content octets), moment of revocation, reason."""


@dataclass(frozen=True)
class Published:
    """One CRL as it went out."""

    shard: int
    number: int
    this_update: datetime
    sha256: str
    der: bytes


def current(db: sqlite3.Connection, shard: int) -> tuple[Published | None, bool]:
    """The CRL of a shard that the world sees, and whether something has changed since it was built."""
    row = db.execute(
        "SELECT number, this_update, sha256, der, crl.changes != shard.changes "
        "FROM crl JOIN shard ON shard.shard = crl.shard WHERE crl.shard = ?", (shard,),
    ).fetchone()  # fmt: skip
    return (Published(shard, row[0], aware(row[1]), row[2], row[3]), bool(row[4])) if row else (None, True)


def is_due(seen: Published | None, *, has_changed: bool, interval: timedelta, now: datetime) -> bool:
    """Whether a CRL is to be replaced: it is as old as `interval`, and something has changed or it is an hour old."""
    if seen is None:
        return True
    age = now - seen.this_update
    return age >= interval and (has_changed or age >= REFRESH)


def publish(db: sqlite3.Connection, shard: int, signer: Signer, url: str, *, now: datetime) -> Published:
    """Build, sign and write down the next CRL of a shard.

    An entry leaves when a CRL issued after its certificate's expiry has carried it (RFC 5280 3.3, BR 4.10.1).
    """
    before = db.execute("SELECT number, this_update FROM crl WHERE shard = ?", (shard,)).fetchone()
    number, seen_at = (before[0] + 1, before[1]) if before else (1, 0)
    (changes,) = db.execute("SELECT changes FROM shard WHERE shard = ?", (shard,)).fetchone()
    rows = db.execute(
        "SELECT serial, revoked_at, reason FROM revoked WHERE shard = ? AND not_after >= ?", (shard, seen_at)
    )
    now = now.replace(microsecond=0)
    data = encode(rows, signer, url, number=number, now=now)
    digest = hashlib.sha256(data).hexdigest()
    db.execute(
        "INSERT OR REPLACE INTO crl (shard, number, this_update, changes, sha256, der) VALUES (?, ?, ?, ?, ?, ?)",
        (shard, number, int(now.timestamp()), changes, digest, data),
    )
    return Published(shard, number, now, digest, data)


def encode(rows: Iterable[Row], signer: Signer, url: str, *, number: int, now: datetime) -> bytes:
    """A signed CRL in DER (RFC 5280 5.1) for one shard, of entries with distinct serial numbers."""
    entries = _entries(rows)
    tbs = der.sequence(
        VERSION_2,
        ECDSA_WITH_SHA256,
        signer.name.public_bytes(),
        der.time(now),
        der.time(now + CRL_LIFETIME),
        der.tlv(der.SEQUENCE, entries) if entries else b"",  # RFC 5280 5.1.2.6: absent, never empty
        der.tlv(EXTENSIONS_TAG, _extensions(signer, url, number)),
    )
    signature = signer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der.sequence(tbs, ECDSA_WITH_SHA256, der.tlv(der.BIT_STRING, b"\x00" + signature))


class _Frames(dict[tuple[int, int, str], tuple[bytes, bytes]]):
    """What stands before and after a serial number of a given length, for each date and reason, encoded once."""

    def __missing__(self, key: tuple[int, int, str]) -> tuple[bytes, bytes]:
        length, moment, reason = key
        after = der.time(aware(moment)) + _reason(reason)
        inner = bytes((der.INTEGER, length))
        self[key] = frame = bytes((der.SEQUENCE,)) + der.tlv_length(len(inner) + length + len(after)) + inner, after
        return frame


def _entries(rows: Iterable[Row]) -> bytes:
    frames, parts = _Frames(), list[bytes]()
    for serial, moment, reason in rows:
        before, after = frames[len(serial), moment, reason]
        parts += (before, serial, after)
    return b"".join(parts)


def _reason(reason: str) -> bytes:
    """The entry extensions with a reasonCode; nothing for unspecified (BR 7.2.2)."""
    if reason == CRLReason.UNSPECIFIED:
        return b""
    code = der.tlv(der.ENUMERATED, bytes((CODES[CRLReason(reason)],)))
    return der.sequence(der.sequence(REASON_CODE, der.tlv(der.OCTET_STRING, code)))


def _extensions(signer: Signer, url: str, number: int) -> bytes:
    scope = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)], relative_name=None, only_contains_user_certs=True,
        only_contains_ca_certs=False, only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
    )  # fmt: skip
    stated: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (signer.key_identifier, False), (x509.CRLNumber(number), False), (scope, True),
    )  # fmt: skip
    return der.sequence(*(_extension(extension, critical) for extension, critical in stated))


def _extension(extension: x509.ExtensionType, critical: bool) -> bytes:
    name = ID_CE + bytes((int(extension.oid.dotted_string.rpartition(".")[2]),))
    flag = der.tlv(der.BOOLEAN, b"\xff") if critical else b""
    return der.sequence(name, flag, der.tlv(der.OCTET_STRING, extension.public_bytes()))
