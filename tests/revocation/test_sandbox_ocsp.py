"""What the sandbox CA's OCSP responder says, and that OpenSSL agrees."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as x509_ocsp

from core.errors import Refused
from revocation import ocsp
from revocation.sandbox import SandboxCA
from tests import pki
from tests.conftest import NOW
from tests.revocation.test_sandbox_books import issue, requests, wanted
from tests.revocation.test_sandbox_crls import make, openssl

SECOND = timedelta(seconds=1)


def status(ca: SandboxCA, serial: str, now=NOW) -> ocsp.VerifiedStatus:
    answer = ca.answer(ocsp.request(serial, ca.certificate), now=now)
    return ocsp.read(answer, serial_number=serial, issuer=ca.certificate, now=now)


def test_a_certificate_is_good_until_it_is_revoked_and_then_revoked_at_once(tmp_path: Path):
    ca = make(tmp_path, crl_interval=timedelta(hours=6))
    (serial,) = issue(ca)
    assert status(ca, serial).status == "good"
    ca.revoke(requests([serial], "privilegeWithdrawn"), now=NOW)
    found = status(ca, serial, NOW + SECOND)
    assert (found.status, found.revoked_at, found.reason) == ("revoked", NOW, "privilegeWithdrawn")
    assert found.next_update - found.this_update == timedelta(hours=8)


def test_an_unspecified_reason_is_left_out(tmp_path: Path):
    ca = make(tmp_path)
    (serial,) = issue(ca)
    ca.revoke(requests([serial], "unspecified"), now=NOW)
    answer = x509_ocsp.load_der_ocsp_response(ca.answer(ocsp.request(serial, ca.certificate), now=NOW))
    assert answer.revocation_reason is None
    assert status(ca, serial).reason == "unspecified"


def test_a_serial_number_that_was_never_issued_is_unknown_and_not_good(tmp_path: Path):
    assert status(make(tmp_path), "abc").status == "unknown"


def test_the_certificate_may_be_named_by_sha256(tmp_path: Path):
    ca = make(tmp_path)
    leaf = ca.issue(wanted())
    asked = x509_ocsp.OCSPRequestBuilder().add_certificate(leaf, ca.certificate, hashes.SHA256()).build()
    answer = ca.answer(asked.public_bytes(Encoding.DER), now=NOW)
    assert ocsp.read(answer, serial_number=pki.hex_of(leaf), issuer=ca.certificate, now=NOW).status == "good"


@pytest.mark.parametrize(("length", "is_echoed"), [(1, True), (32, True), (128, True), (129, False)])
def test_a_nonce_of_a_lawful_length_comes_back(tmp_path: Path, length: int, is_echoed: bool):
    ca = make(tmp_path)
    builder = x509_ocsp.OCSPRequestBuilder().add_certificate(ca.issue(wanted()), ca.certificate, hashes.SHA1())
    asked = builder.add_extension(x509.OCSPNonce(b"n" * length), critical=False).build()
    answer = x509_ocsp.load_der_ocsp_response(ca.answer(asked.public_bytes(Encoding.DER), now=NOW))
    assert [one.value for one in answer.extensions] == [x509.OCSPNonce(b"n" * length)] * is_echoed


def test_a_request_about_another_ca_is_unauthorized(tmp_path: Path):
    answer = make(tmp_path).answer(ocsp.request("abc", pki.authority().certificate), now=NOW)
    with pytest.raises(Refused, match="UNAUTHORIZED"):
        ocsp.read(answer, serial_number="abc", issuer=pki.authority().certificate, now=NOW)


@pytest.mark.parametrize("request_", [b"", b"no DER", b"\x30\x03\x02\x01\x05"])
def test_a_request_that_is_none_is_malformed(tmp_path: Path, request_: bytes):
    answer = make(tmp_path).answer(request_, now=NOW)
    assert x509_ocsp.load_der_ocsp_response(answer).response_status is x509_ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_openssl_asks_and_agrees(tmp_path: Path):
    ca = make(tmp_path)
    gone, good = ca.issue_many([wanted("gone"), wanted("good")])
    ca.revoke(requests([pki.hex_of(gone)]), now=NOW)
    issuer = ca.folder / "ca.pem"
    for leaf, words in ((gone, "gone.pem: revoked"), (good, "good.pem: good")):
        path = tmp_path / f"{words.split('.')[0]}.pem"
        path.write_bytes(pki.pem(leaf))
        openssl("ocsp", "-issuer", issuer, "-cert", path, "-no_nonce", "-reqout", tmp_path / "req")
        (tmp_path / "resp").write_bytes(ca.answer((tmp_path / "req").read_bytes(), now=NOW))
        # OpenSSL compares thisUpdate with the machine's clock, hence the tolerance in seconds.
        told = openssl(
            "ocsp", "-issuer", issuer, "-cert", path, "-no_nonce", "-respin", tmp_path / "resp", "-CAfile", issuer,
            "-validity_period", str(10**9), "-attime", str(int(NOW.timestamp())),
        )  # fmt: skip
        assert "Response verify OK" in told
        assert words in told
        assert ("Reason: superseded" in told) is (leaf is gone)
