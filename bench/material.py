"""What is measured on: the example incident at the size of the run, its files, its sandbox CA, its moments."""

import csv
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from audit.actors import staff
from bench.database import Keeper
from bench.scale import Scale
from campaigns.models import Campaign
from rehearsal import history, incident
from revocation import sandbox
from revocation.sandbox import SandboxCA
from subscribers import importing
from subscribers.certificates import ParsedCertificate
from subscribers.records import CertificateRecord
from subscribers.services import ImportReport, import_register
from subscribers.sources import open_source

OPERATOR = staff("operator")
MINUTE = timedelta(minutes=1)
LAUNCHED_AT = history.FIXED_AT + 5 * MINUTE
DEADLINE = history.REPORT_READ_AT + history.WINDOW
FIRST_CANARY_AT = DEADLINE - 60 * MINUTE
TEN_CANARIES_AT = FIRST_CANARY_AT + 10 * MINUTE
RELEASED_AT = TEN_CANARIES_AT + 10 * MINUTE
SEEN_AT = RELEASED_AT + 10 * MINUTE
GIVEN = (
    "issuer", "subscriber", "serial_number", "fingerprint_sha256", "spki_sha256", "subject", "names", "not_before",
    "not_after", "policy", "crl_url", "ocsp_url",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """One run: its size, its folder, and the `host:port` where the CRLs of its CA are served."""

    scale: Scale
    folder: Path
    status: str

    @property
    def keeper(self) -> Keeper:
        """Keeps the database and the CA as they are at a moment."""
        return Keeper(self.folder / "ca")

    def file(self, name: str) -> Path:
        """A file of the incident."""
        return self.folder / "register" / name

    def ca(self) -> SandboxCA:
        """The sandbox CA that issued everything."""
        return sandbox.open_ca(self.folder / "ca", incident.SLUG)


def prepare(world: World) -> int:
    """The database, two people, the incident's files, and the register but for its certificates; how many of those."""
    call_command("migrate", verbosity=0)
    for name in ("operator", "approver"):
        User.objects.create_user(name, is_staff=True)
    size = incident.Size(certificates=world.scale.certificates, subscribers=world.scale.subscribers)
    incident.make(world.folder / "register", f"http://{world.status}", size)
    _write_halves(world)
    read_in([world.file(name) for name in ("issuers.csv", "subscribers.csv", "contacts.csv")])
    return world.scale.certificates


def read_in(paths: list[Path]) -> ImportReport:
    """Import files; anything wrong with them ends the run."""
    report = import_register(paths, commit=True, actor=OPERATOR, now=LAUNCHED_AT)
    if report.errors:
        raise ValueError(report.errors[0])
    return report


def complete(world: World) -> int:
    """Register what a hasty search lists too. No certificate names OCSP then: what is measured is the way over CRLs."""
    read_in([world.file("other-certificates.pem")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscribers_certificate SET ocsp_url = ''")
        return int(cursor.rowcount)


def parsed(path: Path) -> Iterator[tuple[str, ParsedCertificate]]:
    """The certificates of a file, each with its subscriber's reference."""
    source = open_source(path)
    try:
        for row in importing.read(source):
            if not isinstance(row, importing.Row) or not isinstance(row.record, CertificateRecord):
                raise TypeError(row)
            yield row.record.subscriber or "", row.record.certificate
    finally:
        source.close()


def _write_halves(world: World) -> None:
    """The same certificates as a table of given fields, and of each file its first half."""
    half = world.scale.certificates // 2
    with world.file("certificates.csv").open("w", newline="") as whole:
        writer = csv.writer(whole)
        writer.writerow(GIVEN)
        writer.writerows(_given(*found) for found in parsed(world.file("certificates.pem")))
    for name in ("certificates.csv", "scope.csv"):
        with world.file(name).open() as whole, world.file(f"half-{name}").open("w") as part:
            part.writelines(itertools.islice(whole, 1 + half))
    with world.file("certificates.pem").open() as whole, world.file("half-certificates.pem").open("w") as part:
        begun = 0
        for line in whole:
            begun += line.startswith("Subscriber:")
            if begun > half:
                break
            part.write(line)


def _given(subscriber: str, found: ParsedCertificate) -> tuple[str, ...]:
    return (
        incident.ISSUER,
        subscriber,
        found.serial_number,
        found.fingerprint_sha256,
        found.spki_sha256,
        found.subject,
        " ".join(found.names),
        found.not_before.isoformat(),
        found.not_after.isoformat(),
        found.policy,
        found.crl_url,
        found.ocsp_url,
    )


def the_campaign() -> Campaign:
    """The one campaign of the run."""
    return Campaign.objects.get()


def crl_ca(folder: Path, entries: int) -> SandboxCA:
    """A sandbox CA with one CRL shard and so many revoked certificates in its books."""
    slug = f"revoked-{entries}"
    shutil.rmtree(folder / slug, ignore_errors=True)
    profile = sandbox.Profile("Many revoked", "http://127.0.0.1", shards=1, crl_interval=timedelta(hours=1))
    ca = sandbox.create(folder, slug, profile, now=LAUNCHED_AT)
    first, start = 1 << 126, int(LAUNCHED_AT.timestamp())
    not_after = start + 86_400 * 90
    rows = (
        (0, (first + 7919 * number).to_bytes(16, "big"), start - number // 50, "superseded", not_after)
        for number in range(entries)
    )
    with ca.store.writing() as books:
        books.executemany("INSERT INTO revoked (shard, serial, revoked_at, reason, not_after) VALUES (?,?,?,?,?)", rows)
        books.execute("UPDATE shard SET changes = changes + 1")
    return ca
