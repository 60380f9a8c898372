"""Revocation: claim, order, settle, proof on a CRL, and the CRL itself."""

import hashlib
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from bench import plain
from bench.material import (
    FIRST_CANARY_AT,
    LAUNCHED_AT,
    RELEASED_AT,
    SEEN_AT,
    TEN_CANARIES_AT,
    World,
    crl_ca,
)
from bench.measure import Act
from bench.scale import CRL_ENTRIES
from bench.stage import Stage
from core import der, due
from revocation import services
from revocation.models import Revocation
from revocation.services import LOOK_LIMIT

REVOCATIONS = Revocation._meta.db_table
SPACING = timedelta(hours=2)
ALL = sys.maxsize


def stages(world: World) -> list[Stage]:
    """From the gate that has just opened for the rest to revocations that are proven."""
    half = world.scale.certificates // 2
    return [
        Stage(
            "claim and settle", "revocations", before=lambda: lambda: _release(world),
            work=lambda: _settle, half=lambda: lambda: _settle(half),
            limit_is="plain SQL", limit=_plain_settle, wanted=0.6,
            is_undone=True,
        ),
        Stage(
            "revocation, sandbox CA", "revocations",
            work=lambda: lambda: _submit(RELEASED_AT),
            half=lambda: lambda: _submit(RELEASED_AT, half),
            limit_is="plain SQL with events", limit=_plain_accept, wanted=0.4,
        ),
        Stage(
            "verification by CRL", "revocations", before=lambda: lambda: _publish(world, RELEASED_AT),
            work=lambda: lambda: _verify(SEEN_AT), half=lambda: lambda: _verify(SEEN_AT, half),
            limit_is="look-ups, UPDATEs", limit=lambda: _plain_publish(world),
            wanted=0.3,
        ),
        Stage(
            "CRL of the sandbox CA", "entries",
            work=lambda: _crl(world, CRL_ENTRIES), half=lambda: _crl(world, CRL_ENTRIES // 2),
            limit_is="encoded, SHA-256, signed", limit=lambda: _assembled(world), wanted=round(1 / 3, 2),
        ),
    ]  # fmt: skip


def _release(world: World) -> int:
    """Prove both canaries, so that the rest is let through; how many those are."""
    for at, seen_at in ((FIRST_CANARY_AT, TEN_CANARIES_AT), (TEN_CANARIES_AT, RELEASED_AT)):
        services.schedule_revocations(now=at)
        _submit(at)
        _publish(world, at)
        _verify(seen_at)
    return services.schedule_revocations(now=RELEASED_AT)


def _publish(world: World, at: datetime) -> int:
    return len(world.ca().publish_crls(now=at))


def _submit(at: datetime, most: int = ALL) -> int:
    accepted = 0
    while accepted < most and (rows := due.claim(Revocation.objects.submittable(), now=at, limit=settings.BATCH)):
        accepted += services.submit(rows, now=at)
    return accepted


def _verify(at: datetime, most: int = ALL) -> int:
    proven = 0
    while proven < most and (
        rows := due.claim(Revocation.objects.unverified(), now=at, limit=min(LOOK_LIMIT, most - proven))
    ):
        proven += services.verify_published(rows, now=at)
    return proven


def _settle(most: int = ALL) -> int:
    settled = 0
    while settled < most and (rows := due.claim(Revocation.objects.all(), now=RELEASED_AT, limit=settings.BATCH)):
        settled += due.settle(rows)
    return settled


def _plain_settle() -> Act:
    plain.copy_of(REVOCATIONS)
    return lambda: plain.settle_all(RELEASED_AT)


def _plain_accept() -> Act:
    plain.copy_of(REVOCATIONS)
    plain.copy_of("audit_event", plain.EVENTS)
    return lambda: plain.accept_all(RELEASED_AT)


def _plain_publish(world: World) -> Act:
    """Everything known that a look gives: which serial numbers are on the CRLs."""
    plain.copy_of(REVOCATIONS)
    rows = Revocation.objects.unverified().values_list("pk", "affected_certificate__certificate__serial_number")
    known = list(rows)
    revoked = world.ca().lookup(serial for _, serial in known)
    return lambda: plain.publish_all(known, revoked, SEEN_AT)


def _crl(world: World, entries: int) -> Act:
    ca = crl_ca(world.folder / "many", entries)

    def publish() -> int:
        ca.publish_crls(now=LAUNCHED_AT + SPACING)
        return entries

    return publish


def _assembled(world: World) -> Act:
    """The same CRL from bytes that are ready, serial number, date and reason: encoded, hashed, signed, nothing else."""
    ca = crl_ca(world.folder / "many", CRL_ENTRIES)
    [published] = ca.publish_crls(now=LAUNCHED_AT)
    key = load_pem_private_key((ca.folder / "ca-key.pem").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    outer, _ = der.expect(published.der, 0, der.SEQUENCE)
    parts = list(_whole(published.der, *der.expect(published.der, outer, der.SEQUENCE)))
    at = max(range(len(parts)), key=lambda place: len(parts[place]))
    rows = [
        tuple(_whole(entry, *der.expect(entry, 0, der.SEQUENCE)))
        for entry in _whole(parts[at], *der.expect(parts[at], 0, der.SEQUENCE))
    ]

    def assemble() -> int:
        entries = [
            b"\x30" + bytes((len(serial) + len(date) + len(reason),)) + serial + date + reason
            for serial, date, reason in rows
        ]
        tbs = der.sequence(*parts[:at], der.tlv(der.SEQUENCE, b"".join(entries)), *parts[at + 1 :])
        signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        data = der.sequence(tbs, signature)
        hashlib.sha256(data).hexdigest()
        return len(entries)

    return assemble


def _whole(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The values between two offsets, each with its tag and length."""
    for _, _, stop in der.values(data, start, end):
        yield data[start:stop]
        start = stop
