"""A launched campaign over a real sandbox CA that a real site serves: the whole way to a proven revocation."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import LazySettings, settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import models
from django.test.testcases import QuietWSGIRequestHandler

from campaigns.models import AffectedCertificate, Campaign
from campaigns.services import Counts, add_replacement, counts
from core.due import work
from revocation import sandbox, services
from revocation.crl import key_identifier
from revocation.models import Gate, Revocation, RevocationQuerySet
from revocation.sandbox import Leaf, Profile, SandboxCA
from subscribers.models import Certificate, Issuer, Subscriber
from tests import make, pki
from tests.conftest import NOW, FrozenClock

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@contextmanager
def site() -> Iterator[str]:
    """The site on a free port of loopback; its URL."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(WSGIHandler())
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Scene:
    """A campaign, its CA, and a clock that is moved by hand."""

    ca: SandboxCA
    issuer: Issuer
    campaign: Campaign
    clock: FrozenClock

    @property
    def rows(self) -> RevocationQuerySet:
        return Revocation.objects.filter(affected_certificate__campaign=self.campaign)

    @property
    def affected(self) -> models.QuerySet[AffectedCertificate]:
        return AffectedCertificate.objects.filter(campaign=self.campaign)

    @property
    def gate(self) -> Gate:
        return Gate.objects.get(campaign=self.campaign)

    def schedule(self) -> int:
        return services.schedule_revocations(now=self.clock.now)

    def submit(self) -> int:
        return work(Revocation.objects.submittable, services.submit)

    def verify(self) -> int:
        return work(Revocation.objects.unverified, services.verify_published, limit=services.LOOK_LIMIT)

    def tick(self, by: timedelta = timedelta(0)) -> None:
        """One round of the three tasks, after some time has passed."""
        self.clock.move(by)
        self.schedule()
        self.submit()
        self.verify()
        services.close_finished_campaigns(now=self.clock.now)
        self.campaign.refresh_from_db()

    def tick_until(self, end: datetime, *, every: timedelta) -> None:
        while self.clock.now < end:
            self.tick(every)

    def replace(self, rows: Iterable[AffectedCertificate]) -> None:
        """Let the subscribers hand in good replacements, issued now and not in the register."""
        for row in rows:
            leaf = Leaf(
                pki.key(f"new-{row.pk}").public_key(), tuple(row.certificate.names), self.clock.now, NOW + 90 * DAY
            )
            pem = self.ca.issue(leaf).public_bytes(Encoding.PEM)
            verdicts = add_replacement(row.affected_subscriber, pem=pem, actor="contact:1", now=self.clock.now)
            assert [each.problems for each in verdicts] == [[]]

    def counts(self) -> Counts:
        return counts(self.campaign, self.clock.now)


def make_ca(slug: str = "ca1", *, url: str, shards: int = 2, crl_interval: timedelta = timedelta(0)) -> SandboxCA:
    """A sandbox CA in the site's folder."""
    profile = Profile(f"Sandbox {slug}", url, shards=shards, crl_interval=crl_interval)
    return sandbox.create(Path(settings.SANDBOX_ROOT), slug, profile, now=NOW)


def make_issuer(ca: SandboxCA, *, rate: float = 10.0, **fields: Any) -> Issuer:
    """The register's row for a sandbox CA."""
    slug = ca.folder.name
    defaults = {
        "certificate_pem": ca.certificate.public_bytes(Encoding.PEM).decode(),
        "key_id": key_identifier(ca.certificate).hex(),
        "crl_urls": ca.crl_urls,
        "backend": "sandbox",
        "backend_options": {"root": str(ca.folder.parent), "slug": slug},
        "crl_interval": ca.profile.crl_interval,
        "revocations_per_second": rate,
    }
    return Issuer.objects.create(name=f"Issuer {slug}", **{**defaults, **fields})


def issue(ca: SandboxCA, issuer: Issuer, number: int, *, holder: Subscriber, days: int = 90) -> list[Certificate]:
    """Certificates that the CA has issued, in the register, bound to expire after so many days."""
    key = pki.key("leaf").public_key()
    wanted = (
        Leaf(key, (f"host{index}.subscriber.example",), NOW - 30 * DAY, NOW + days * DAY, "not-critical")
        for index in range(number)
    )
    rows = [make.row_of(certificate, issuer, holder) for certificate in ca.issue_many(wanted)]
    return Certificate.objects.bulk_create(rows, batch_size=500)


SetUp = Callable[..., Scene]


def set_up(url: str, clock: FrozenClock, number: int = 13, *, launch: bool = True, **options: Any) -> Scene:
    """A launched campaign over so many certificates of one new sandbox CA with one subscriber.

    `shards` and `crl_interval` are of the CA, `issuer` has columns of its row, `days` is the certificates' age left,
    the rest is the draft's.
    """
    ca = make_ca(url=url, shards=options.pop("shards", 2), crl_interval=options.pop("crl_interval", timedelta(0)))
    issuer = make_issuer(ca, **options.pop("issuer", {}))
    certificates = issue(ca, issuer, number, holder=make.subscriber(), days=options.pop("days", 90))
    state = "running" if launch else "approved"
    return Scene(ca, issuer, make.campaign(certificates, state=state, **options), clock)


@pytest.fixture
def site_url(settings: LazySettings, tmp_path: Path) -> Iterator[str]:
    """The site, serving sandbox CAs of this test's folder."""
    settings.SANDBOX_ROOT = str(tmp_path / "sandbox")
    with site() as url:
        settings.SITE_URL = url
        yield url


@pytest.fixture
def scene(site_url: str, frozen_clock: FrozenClock, db: None) -> SetUp:
    """`scene(13, crl_interval=HOUR)` gives a launched campaign; see `set_up`."""
    return partial(set_up, site_url, frozen_clock)
