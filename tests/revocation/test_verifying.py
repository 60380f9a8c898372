"""Published is only what we have seen ourselves: on a CRL that holds, with the ordered reason, and by OCSP."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import LazySettings

from campaigns.services import halt_campaign
from core.crl_reason import CRLReason
from revocation import crl, ocsp, services
from revocation.models import Revocation, StatusCheck
from revocation.sandbox import Request
from tests import make, pki
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock
from tests.revocation.scene import DAY, HOUR, MINUTE, Scene, make_ca, set_up
from tests.revocation.shelf import Body, Shelf, shelf
from tests.revocation.test_sandbox_crls import openssl

State, Method = Revocation.State, StatusCheck.Method
DEADLINE = NOW + 5 * DAY
LAST_HOUR = DEADLINE - HOUR
TICK = timedelta(seconds=30)


@pytest.fixture
def status(settings: LazySettings, tmp_path: Path) -> Iterator[Shelf]:
    settings.SANDBOX_ROOT = str(tmp_path / "sandbox")
    with shelf() as it:
        settings.PRIVATE_STATUS_HOSTS = [it.host]
        yield it


@pytest.fixture
def it(status: Shelf, frozen_clock: FrozenClock, db: None) -> Scene:
    """One certificate on one shard, accepted by the CA an hour before the deadline and not yet looked for."""
    scene = set_up(status.url, frozen_clock, 1, shards=1)
    scene.clock.now = LAST_HOUR
    scene.schedule()
    scene.submit()
    scene.clock.move(MINUTE)
    return scene


def row(it: Scene) -> Any:
    return it.rows.select_related("affected_certificate__certificate").get()


def look(it: Scene, status: Shelf, body: Body | None = None) -> Any:
    """Look once, at the truth or at something else; the check that came of it."""
    path = status.path(it.ca.crl_url(0))
    if body is not None:
        status.instead[path] = body
    assert it.verify() == 1
    status.instead.pop(path, None)
    return StatusCheck.objects.filter(method=Method.CRL).latest("pk")


def test_what_is_on_the_crl_is_published_with_the_bytes_that_prove_it(it: Scene, status: Shelf):
    check = look(it, status)
    found = row(it)
    assert found.state == State.PUBLISHED
    assert found.due_at is None
    assert timedelta(0) <= found.published_at - it.clock.now < timedelta(seconds=10)
    assert found.affected_certificate.published_at == found.published_at
    assert (check.is_valid, check.found, check.problem, check.url) == (True, 1, "", it.ca.crl_url(0))
    assert bytes(check.response) == it.ca.crl(0, now=it.clock.now).der
    assert_event("revocation.published", found, crl_sha256=check.response_sha256, reason="superseded")
    certificate = found.affected_certificate.certificate
    assert (certificate.revoked_at, certificate.revocation_reason) == (LAST_HOUR, "superseded")


def test_the_ocsp_answer_is_kept_too(it: Scene, status: Shelf):
    look(it, status)
    check: Any = StatusCheck.objects.get(method=Method.OCSP)
    assert (check.is_valid, check.found, check.url) == (True, 1, it.ca.ocsp_url)
    read = ocsp.read(
        bytes(check.response), serial_number=str(row(it)), issuer=it.ca.certificate, now=it.clock.now + MINUTE
    )
    assert read.status == "revoked"


def test_openssl_agrees_with_what_is_called_published(it: Scene, status: Shelf, tmp_path: Path):
    check = look(it, status)
    (tmp_path / "crl.der").write_bytes(bytes(check.response))
    openssl("crl", "-in", tmp_path / "crl.der", "-inform", "DER", "-out", tmp_path / "crl.pem")
    assert "verify OK" in openssl("crl", "-in", tmp_path / "crl.pem", "-CAfile", it.ca.folder / "ca.pem", "-noout")
    leaf = tmp_path / "leaf.pem"
    der = bytes(row(it).affected_certificate.certificate.der)
    leaf.write_bytes(pki.pem(x509.load_der_x509_certificate(der)))
    said = openssl(
        "verify", "-crl_check", "-attime", str(int(it.clock.now.timestamp()) + 60), "-CAfile", it.ca.folder / "ca.pem",
        "-CRLfile", tmp_path / "crl.pem", leaf, status=2,
    )  # fmt: skip
    assert "certificate revoked" in said


def made(
    it: Scene, *entries: pki.Entry, moment: datetime | None = None, forged: bool = False, number: int = 9
) -> bytes:
    """A CRL in the name of the scene's CA; `forged` by another key."""
    at = moment or it.clock.now
    signer = pki.Authority(it.ca._signer.key, it.ca.certificate)
    return pki.crl(
        entries, signer, number=number, this_update=at, next_update=at + 7 * DAY,
        scope=pki.shard_scope(it.ca.crl_url(0)), key_identifier=it.ca._signer.key_identifier,
        signer=pki.key("forger") if forged else None,
    )  # fmt: skip


def listed(it: Scene, reason: x509.ReasonFlags | None, at: datetime = LAST_HOUR) -> pki.Entry:
    return int(str(row(it)), 16), at, reason


BAD: dict[str, Callable[[Scene], bytes]] = {
    "The CRL is stale since": lambda it: made(it, listed(it, None), moment=it.clock.now - 8 * DAY),
    "This is no CRL": lambda it: it.ca.crl(0, now=it.clock.now).der[:-20],
    "The CRL is PEM": lambda it: it.ca.certificate.public_bytes(Encoding.PEM),
    "The CRL is of": lambda it: make_ca("other", url=it.ca.profile.base_url, shards=1).crl(0, now=it.clock.now).der,
    "The issuer's key did not sign": lambda it: made(it, listed(it, None), forged=True),
    "The CRL is not valid before": lambda it: made(it, listed(it, None), moment=it.clock.now + HOUR),
}


@pytest.mark.parametrize("problem", BAD)
def test_a_crl_that_does_not_hold_proves_nothing_and_is_looked_at_again(it: Scene, status: Shelf, problem: str):
    check = look(it, status, BAD[problem](it))
    assert (check.is_valid, check.found, check.response) == (False, 0, None)
    assert check.problem.startswith(problem)
    found = row(it)
    assert (found.state, found.affected_certificate.published_at) == (State.ACCEPTED, None)
    assert found.last_error == check.problem
    assert [alarm.kind for alarm in services.alarms(now=it.clock.now)] == ["crl"]
    it.clock.now = found.due_at
    look(it, status)
    assert row(it).state == State.PUBLISHED
    assert services.alarms(now=it.clock.now) == []


def test_an_endless_crl_proves_nothing(it: Scene, status: Shelf, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crl, "LIMIT_BYTES", 1_000_000)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"\x30" * 65536

    assert "sends more than 1000000 bytes" in look(it, status, endless).problem
    assert row(it).state == State.ACCEPTED


def test_a_crl_with_a_lower_number_than_seen_before_proves_nothing(it: Scene, status: Shelf):
    assert look(it, status, made(it, number=99)).is_valid
    it.clock.now = row(it).due_at
    check = look(it, status, made(it, listed(it, x509.ReasonFlags.superseded), number=98))
    assert check.problem == "The CRL has number 98; 99 has been seen before."
    assert row(it).state == State.ACCEPTED


def test_a_private_address_that_nobody_configured_is_not_asked(it: Scene, status: Shelf, settings: LazySettings):
    settings.PRIVATE_STATUS_HOSTS = []
    assert "is no public address" in look(it, status).problem
    assert not status.asked


def test_what_is_not_listed_yet_is_looked_for_again_before_long(status: Shelf, frozen_clock: FrozenClock, db: None):
    it = set_up(status.url, frozen_clock, 1, shards=1, crl_interval=HOUR)
    it.clock.now = LAST_HOUR - 4 * HOUR
    it.ca.crl(0, now=it.clock.now)
    it.schedule()
    it.submit()
    it.clock.now = row(it).due_at
    check = look(it, status)
    assert (check.is_valid, check.found) == (True, 0)
    found = row(it)
    assert (found.state, found.last_error) == (State.ACCEPTED, "")
    pause = found.due_at - it.clock.now
    assert HOUR / 8 <= pause < HOUR / 8 + timedelta(seconds=10)


def test_ocsp_that_still_says_good_holds_the_proof_back(it: Scene, status: Shelf):
    good = pki.Answer(this_update=it.clock.now - MINUTE, next_update=it.clock.now + HOUR)
    signer = pki.Authority(it.ca._signer.key, it.ca.certificate)
    leaf = x509.load_der_x509_certificate(bytes(row(it).affected_certificate.certificate.der))
    status.instead["/sandbox/ca1/ocsp"] = pki.ocsp_answer(leaf, good, signer)
    look(it, status)
    assert (row(it).state, row(it).last_error) == (State.ACCEPTED, "On the CRL, but OCSP still says good.")
    assert StatusCheck.objects.get(method=Method.OCSP).found == 0
    status.instead.clear()
    it.clock.now = row(it).due_at
    look(it, status)
    assert row(it).state == State.PUBLISHED


def test_ocsp_that_answers_nonsense_holds_the_proof_back(it: Scene, status: Shelf):
    status.instead["/sandbox/ca1/ocsp"] = b"hello"
    look(it, status)
    assert row(it).state == State.ACCEPTED
    assert row(it).last_error.startswith("On the CRL, but OCSP proves nothing: This is no OCSP answer")


def test_without_an_ocsp_url_the_crl_is_enough(it: Scene, status: Shelf):
    certificate = row(it).affected_certificate.certificate
    certificate.ocsp_url = ""
    certificate.save()
    look(it, status)
    assert row(it).state == State.PUBLISHED
    assert "/sandbox/ca1/ocsp" not in status.asked


def test_without_a_distribution_point_all_crls_of_the_issuer_are_looked_at(
    status: Shelf, frozen_clock: FrozenClock, db: None
):
    it = set_up(status.url, frozen_clock, 6, shards=3)
    for each in it.affected.select_related("certificate"):
        each.certificate.crl_url = ""
        each.certificate.save()
    it.clock.now = LAST_HOUR
    it.tick_until(DEADLINE, every=TICK * 10)
    assert it.counts().revoked == 6


def test_each_crl_is_fetched_once_for_a_whole_batch(status: Shelf, frozen_clock: FrozenClock, db: None):
    it = set_up(status.url, frozen_clock, 60, shards=2)
    it.clock.now = LAST_HOUR
    it.schedule()
    it.rows.update(wave=3, due_at=LAST_HOUR)
    it.submit()
    it.clock.move(MINUTE)
    it.verify()
    assert it.counts().revoked == 60
    assert [status.asked[status.path(it.ca.crl_url(shard))] for shard in (0, 1)] == [1, 1]
    assert sum(check.found for check in StatusCheck.objects.filter(method=Method.CRL)) == 60


def test_a_missing_crl_or_issuer_certificate_is_said_and_asked_again(it: Scene, status: Shelf):
    it.issuer.certificate_pem = "nothing"
    it.issuer.save()
    assert "cannot be read" in look(it, status).problem
    it.issuer.crl_urls = []
    it.issuer.save()
    certificate = row(it).affected_certificate.certificate
    certificate.crl_url = ""
    certificate.save()
    it.clock.now = row(it).due_at
    it.verify()
    assert row(it).last_error == "Neither the certificate nor its issuer names a CRL."
    assert row(it).due_at > it.clock.now


def before_launch(status: Shelf, clock: FrozenClock, *, rule: str, reason: CRLReason) -> Scene:
    """A certificate that the CA had revoked, for a reason of its own, the day before the campaign was launched."""
    it = set_up(status.url, clock, 1, shards=1, rule=rule)
    serial = str(it.affected.select_related("certificate").get())
    it.ca.revoke([Request(serial, reason)], now=NOW - DAY)
    it.clock.now = LAST_HOUR
    it.schedule()
    it.submit()
    it.clock.move(MINUTE)
    it.verify()
    it.campaign.refresh_from_db()
    return it


def test_what_was_revoked_before_the_launch_keeps_its_reason_and_is_published(
    status: Shelf, frozen_clock: FrozenClock, db: None
):
    it = before_launch(status, frozen_clock, rule="12", reason=CRLReason.CESSATION_OF_OPERATION)
    found = row(it)
    assert (found.state, found.revoked_at, found.was_revoked_before) == (State.PUBLISHED, NOW - DAY, True)
    assert found.affected_certificate.certificate.revocation_reason == "cessationOfOperation"
    assert_event("revocation.published", found, reason="cessationOfOperation", ordered="superseded")
    assert it.campaign.halted_at is None


def test_a_reason_that_was_not_raised_to_key_compromise_is_a_mismatch_however_old(it: Scene, status: Shelf):
    it.rows.update(was_revoked_before=True, crl_reason=CRLReason.KEY_COMPROMISE)
    look(it, status, made(it, listed(it, x509.ReasonFlags.superseded, at=NOW - DAY)))
    it.campaign.refresh_from_db()
    assert row(it).state == State.REJECTED
    assert "superseded, ordered was keyCompromise" in it.campaign.halt_reason


def test_a_wrong_reason_after_the_launch_is_a_mismatch_even_if_the_ca_says_already(it: Scene, status: Shelf):
    it.rows.update(was_revoked_before=True)
    body = made(it, listed(it, x509.ReasonFlags.privilege_withdrawn))
    check = look(it, status, body)
    assert row(it).state == State.REJECTED
    assert bytes(check.response) == body
    it.campaign.refresh_from_db()
    assert "privilegeWithdrawn, ordered was superseded" in it.campaign.halt_reason


def test_an_absent_reason_means_unspecified(status: Shelf, frozen_clock: FrozenClock, db: None):
    it = set_up(status.url, frozen_clock, 1, shards=1, rule="14")
    it.clock.now = LAST_HOUR
    it.schedule()
    it.submit()
    it.clock.move(MINUTE)
    it.verify()
    assert (row(it).crl_reason, row(it).state) == ("unspecified", State.PUBLISHED)


def test_what_expired_unseen_is_not_looked_for_for_ever(it: Scene, status: Shelf):
    it.affected.update(not_after=it.clock.now - MINUTE)
    look(it, status, made(it))
    assert (row(it).due_at, row(it).last_error) == (None, "It expired before it was seen on a CRL.")
    assert services.close_finished_campaigns(now=it.clock.now) == [it.campaign]


def test_published_after_the_deadline_is_late_for_ever(it: Scene, status: Shelf):
    it.clock.now = DEADLINE + MINUTE
    look(it, status)
    assert it.counts().late == 1
    assert row(it).affected_certificate.is_late


def test_looking_goes_on_while_the_campaign_is_halted(it: Scene, status: Shelf):
    halt_campaign(it.campaign, reason="Wait.", actor=make.OPERATOR, now=it.clock.now)
    look(it, status)
    assert row(it).state == State.PUBLISHED
