"""Which OCSP answers are relied on, and which are refused with which words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as x509_ocsp

from core.errors import Malformed, Refused, Unavailable
from revocation import ocsp
from tests import pki
from tests.conftest import NOW
from tests.pki import GOOD, REVOKED, UNKNOWN, Answer

SECOND = timedelta(seconds=1)
BY_NAME = x509_ocsp.OCSPResponderEncoding.NAME
LEAF_SERIAL = 0xF0C0FFEE


def leaf() -> x509.Certificate:
    return pki.leaf(serial=LEAF_SERIAL)


def read(data: bytes, **changes) -> ocsp.VerifiedStatus:
    known: dict[str, Any] = {
        "serial_number": format(LEAF_SERIAL, "x"),
        "issuer": pki.authority().certificate,
        "now": NOW,
    }
    return ocsp.read(data, **known | changes)


def test_a_request_names_the_certificate_as_cryptography_would():
    ours = x509_ocsp.load_der_ocsp_request(ocsp.request("f0c0ffee", pki.authority().certificate))
    builder = x509_ocsp.OCSPRequestBuilder().add_certificate(leaf(), pki.authority().certificate, hashes.SHA1())
    assert ours.public_bytes(Encoding.DER) == builder.build().public_bytes(Encoding.DER)


@pytest.mark.parametrize(("answer", "status"), [(GOOD, "good"), (REVOKED, "revoked"), (UNKNOWN, "unknown")])
def test_each_status_is_read(answer: Answer, status: str):
    assert read(pki.ocsp_answer(leaf(), answer)).status == status


def test_a_revoked_answer_gives_date_reason_and_freshness():
    found = read(pki.ocsp_answer(leaf(), REVOKED))
    assert (found.revoked_at, found.reason) == (NOW - timedelta(hours=2), "superseded")
    assert (found.this_update, found.next_update) == (NOW - timedelta(hours=1), NOW + timedelta(hours=7))


def test_an_absent_reason_means_unspecified_and_only_of_a_revoked_certificate():
    assert read(pki.ocsp_answer(leaf(), replace(REVOKED, reason=None))).reason == "unspecified"
    assert read(pki.ocsp_answer(leaf(), GOOD)).reason is None


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()], ids=lambda one: one.name)
def test_the_certificate_may_be_named_by_either_digest(algorithm: hashes.HashAlgorithm):
    assert read(pki.ocsp_answer(leaf(), algorithm=algorithm)).status == "good"


def test_a_responder_that_the_issuer_appointed_may_sign():
    assert read(pki.ocsp_answer(leaf(), REVOKED, by=pki.responder())).status == "revoked"


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (lambda: pki.responder(is_for_ocsp=False), "not for OCSP signing"),
        (lambda: pki.responder(has_nocheck=False), "lacks OCSPNoCheck"),
        (lambda: pki.responder(not_after=NOW - SECOND), "not valid now"),
        (lambda: pki.responder(pki.authority("Other CA", "other")), "not from the issuer"),
        (lambda: pki.responder(pki.authority(key_name="other")), "not from the issuer"),
        (lambda: pki.Authority(pki.key("leaf"), leaf()), "lacks extendedKeyUsage"),
    ],
)
def test_a_responder_that_the_issuer_did_not_appoint_may_not(by, words: str):
    with pytest.raises(ocsp.NotTrusted, match=words):
        read(pki.ocsp_answer(leaf(), by=by()))


def test_a_wrong_signature_is_not_trusted():
    stranger = pki.authority(key_name="stranger")
    with pytest.raises(ocsp.NotTrusted, match="does not hold"):
        read(pki.ocsp_answer(leaf(), by=stranger, names_responder=BY_NAME))


def test_one_changed_byte_is_noticed():
    for by in (None, pki.responder()):
        sound = pki.ocsp_answer(leaf(), REVOKED, by=by)
        assert sound.count(b"20240319063000Z") == 1
        with pytest.raises(ocsp.NotTrusted, match="does not hold"):
            read(sound.replace(b"20240319063000Z", b"20240319063001Z"))


def test_the_signer_may_be_named_by_name():
    assert read(pki.ocsp_answer(leaf(), names_responder=BY_NAME)).status == "good"
    assert read(pki.ocsp_answer(leaf(), by=pki.responder(), names_responder=BY_NAME)).status == "good"


def test_an_answer_of_another_ca_says_nothing():
    other = pki.authority("Other CA", "other")
    with pytest.raises(ocsp.NoAnswer):
        read(pki.ocsp_answer(pki.leaf(other, serial=LEAF_SERIAL), ca=other))


def test_an_answer_about_another_certificate_says_nothing():
    with pytest.raises(ocsp.NoAnswer, match="f0c0ffee"):
        read(pki.ocsp_answer(pki.leaf(serial=5)))


def test_an_answer_is_fresh_from_this_update_to_just_before_next_update():
    assert read(pki.ocsp_answer(leaf(), replace(GOOD, this_update=NOW, next_update=NOW + SECOND))).status == "good"
    with pytest.raises(ocsp.NotFresh, match="stale since 2024-03-19 08:30:00"):
        read(pki.ocsp_answer(leaf(), replace(GOOD, next_update=NOW)))
    ahead = pki.ocsp_answer(leaf(), replace(GOOD, this_update=NOW + SECOND))
    with pytest.raises(ocsp.NotFresh, match="not valid before"):
        read(ahead)
    assert read(ahead, skew=SECOND).status == "good"


def test_an_answer_without_next_update_is_not_fresh():
    with pytest.raises(ocsp.NotFresh, match="no nextUpdate"):
        read(pki.ocsp_answer(leaf(), replace(GOOD, next_update=None)))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (x509_ocsp.OCSPResponseStatus.TRY_LATER, Unavailable),
        (x509_ocsp.OCSPResponseStatus.INTERNAL_ERROR, Unavailable),
        (x509_ocsp.OCSPResponseStatus.UNAUTHORIZED, Refused),
        (x509_ocsp.OCSPResponseStatus.MALFORMED_REQUEST, Refused),
    ],
)
def test_an_answer_that_is_none_says_no_or_later(status: x509_ocsp.OCSPResponseStatus, error: type[Exception]):
    data = x509_ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
    with pytest.raises(error, match=status.name):
        read(data)


@pytest.mark.parametrize("data", [b"", b"<html>", bytes(ocsp.LIMIT_BYTES + 1)])
def test_what_is_no_answer_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        read(data)


def test_a_truncated_answer_is_malformed():
    whole = pki.ocsp_answer(leaf())
    for missing in (1, 20, 100, len(whole) - 5):
        with pytest.raises(Malformed):
            read(pki.truncated(whole, missing))
