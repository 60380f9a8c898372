"""What the sandbox CA publishes, when, and that OpenSSL agrees."""

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from core.crl_reason import CRLReason
from core.errors import Refused
from revocation import crl
from revocation.sandbox import Profile, Request, SandboxCA, create, open_ca
from tests import pki
from tests.conftest import NOW
from tests.revocation.test_sandbox_books import issue, requests, wanted

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def make(folder: Path, **changes) -> SandboxCA:
    known: dict[str, Any] = {"common_name": "Sandbox CA 1", "base_url": "http://127.0.0.1:8000", "shards": 1}
    return create(folder, "ca1", Profile(**known | changes), now=NOW)


def read(ca: SandboxCA, now, shard: int = 0, **changes) -> crl.VerifiedCRL:
    """What a stranger reads on the shard."""
    published = ca.crl(shard, now=now)
    return crl.read(published.der, issuer=ca.certificate, now=now, url=ca.crl_url(shard), **changes)


def openssl(*arguments: str | Path, status: int = 0) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout + done.stderr


def test_each_reason_is_published_and_unspecified_is_left_out(tmp_path: Path):
    ca = make(tmp_path)
    serials = issue(ca, len(CRLReason.values))
    ca.revoke([Request(serial, reason) for serial, reason in zip(serials, CRLReason.values, strict=True)], now=NOW)
    found = read(ca, NOW)
    assert [found.entries[serial].reason for serial in serials] == CRLReason.values
    raw = x509.load_der_x509_crl(ca.crl(0, now=NOW).der)
    unspecified = raw.get_revoked_certificate_by_serial_number(int(serials[0], 16))
    assert unspecified is not None
    assert len(unspecified.extensions) == 0


def test_a_crl_is_what_the_profile_of_rfc_5280_asks_for(tmp_path: Path):
    ca = make(tmp_path)
    raw = x509.load_der_x509_crl(ca.crl(0, now=NOW + timedelta(microseconds=5)).der)
    assert (raw.last_update_utc, raw.next_update_utc) == (NOW, NOW + timedelta(days=7))
    assert [(one.oid._name, one.critical) for one in raw.extensions] == [
        ("authorityKeyIdentifier", False), ("cRLNumber", False), ("issuingDistributionPoint", True),
    ]  # fmt: skip
    scope = raw.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert scope.full_name == [x509.UniformResourceIdentifier(ca.crl_url(0))]
    assert scope.only_contains_user_certs


def test_each_certificate_is_on_the_shard_that_it_names_and_on_no_other(tmp_path: Path):
    ca = make(tmp_path, shards=4)
    certificates = list(ca.issue_many(wanted(f"h{i}") for i in range(60)))
    ca.revoke(requests([pki.hex_of(one) for one in certificates]), now=NOW)
    shown = {url: read(ca, NOW, shard) for shard, url in enumerate(ca.crl_urls)}
    for certificate in certificates:
        named = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0].full_name[0].value
        assert [url for url, one in shown.items() if pki.hex_of(certificate) in one.entries] == [named]


def test_without_an_interval_a_revocation_is_seen_at_once(tmp_path: Path):
    ca = make(tmp_path)
    (serial,) = issue(ca)
    assert serial not in read(ca, NOW).entries
    ca.revoke(requests([serial]), now=NOW)
    assert serial in read(ca, NOW).entries


def test_with_an_interval_a_revocation_is_seen_when_the_crl_is_that_old(tmp_path: Path):
    ca = make(tmp_path, crl_interval=6 * HOUR)
    (serial,) = issue(ca)
    assert read(ca, NOW).number == 1
    ca.revoke(requests([serial]), now=NOW)
    assert serial not in read(ca, NOW + 6 * HOUR - SECOND).entries
    found = read(ca, NOW + 6 * HOUR)
    assert found.entries[serial].revocation_date == NOW
    assert found.number == 2


def test_publishing_by_hand_shows_changes_before_their_interval(tmp_path: Path):
    ca = make(tmp_path, shards=2, crl_interval=6 * HOUR)
    assert [(one.shard, one.number) for one in ca.publish_crls(now=NOW)] == [(0, 1), (1, 1)]
    assert ca.publish_crls(now=NOW + SECOND) == []
    (serial,) = issue(ca)
    ca.revoke(requests([serial]), now=NOW + SECOND)
    (published,) = ca.publish_crls(now=NOW + 2 * SECOND)
    assert published.number == 2
    assert serial in read(ca, NOW + 3 * SECOND, published.shard).entries


def test_an_unchanged_crl_is_renewed_when_it_is_an_hour_old(tmp_path: Path):
    ca = make(tmp_path)
    assert [read(ca, NOW + at).number for at in (0 * HOUR, HOUR - SECOND, HOUR, HOUR + SECOND)] == [1, 1, 2, 2]


def test_a_raised_reason_is_a_change_that_is_published(tmp_path: Path):
    ca = make(tmp_path)
    (serial,) = issue(ca)
    ca.revoke(requests([serial]), now=NOW)
    before = read(ca, NOW)
    ca.revoke(requests([serial], "keyCompromise"), now=NOW + SECOND)
    after = read(ca, NOW + SECOND, after_number=before.number)
    assert after.entries[serial] == (NOW, "keyCompromise")


def test_a_request_that_changed_nothing_publishes_nothing(tmp_path: Path):
    ca = make(tmp_path)
    (serial,) = issue(ca)
    ca.revoke(requests([serial]), now=NOW)
    number = read(ca, NOW).number
    ca.revoke(requests([serial, "abc"]), now=NOW + SECOND)
    assert read(ca, NOW + SECOND).number == number


def test_an_entry_stays_until_one_crl_after_expiry_has_carried_it(tmp_path: Path):
    ca = make(tmp_path)
    (serial,) = issue(ca, not_after=NOW + HOUR)
    ca.revoke(requests([serial]), now=NOW)
    for at in (NOW, NOW + HOUR, NOW + 2 * HOUR):
        assert serial in read(ca, at).entries
    assert serial not in read(ca, NOW + 3 * HOUR).entries


def test_a_shard_that_is_not_there_is_refused(tmp_path: Path):
    ca = make(tmp_path)
    for shard in (1, -1):
        with pytest.raises(Refused, match="no CRL shard"):
            ca.crl(shard, now=NOW)


def test_numbers_go_on_when_the_ca_is_opened_again(tmp_path: Path):
    ca = make(tmp_path)
    assert read(ca, NOW).number == 1
    assert read(open_ca(tmp_path, "ca1"), NOW + HOUR).number == 2


def test_openssl_agrees_with_the_crl_and_with_what_it_says_of_each_certificate(tmp_path: Path):
    ca = make(tmp_path)
    gone, good = ca.issue_many([wanted("gone"), wanted("good")])
    ca.revoke(requests([pki.hex_of(gone)], "keyCompromise"), now=NOW - SECOND)
    (tmp_path / "crl.der").write_bytes(ca.crl(0, now=NOW).der)
    authority = ca.folder / "ca.pem"
    shown = openssl(
        "crl", "-in", tmp_path / "crl.der", "-inform", "DER", "-CAfile", authority, "-verify", "-noout", "-text"
    )
    assert "verify OK" in shown
    assert f"Serial Number: {gone.serial_number:032X}" in shown
    assert "Key Compromise" in shown
    assert "Full Name" in shown
    openssl("crl", "-in", tmp_path / "crl.der", "-inform", "DER", "-out", tmp_path / "crl.pem")
    for name, leaf in (("gone", gone), ("good", good)):
        (tmp_path / f"{name}.pem").write_bytes(pki.pem(leaf))
    at = str(int(NOW.timestamp()))
    check: list[str | Path] = [
        "verify",
        "-crl_check",
        "-extended_crl",
        "-attime",
        at,
        "-CAfile",
        authority,
        "-CRLfile",
        tmp_path / "crl.pem",
    ]
    assert "good.pem: OK" in openssl(*check, tmp_path / "good.pem")
    assert "certificate revoked" in openssl(*check, tmp_path / "gone.pem", status=2)


def test_openssl_too_rejects_a_crl_of_another_key(tmp_path: Path):
    ca = make(tmp_path)
    (tmp_path / "crl.der").write_bytes(pki.crl())
    shown = openssl(
        "crl",
        "-in",
        tmp_path / "crl.der",
        "-inform",
        "DER",
        "-CAfile",
        ca.folder / "ca.pem",
        "-verify",
        "-noout",
        status=1,
    )
    assert "verify OK" not in shown
