"""Which CRLs are relied on, and which are refused with which words."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from core import der
from core.errors import Malformed, Refused
from revocation import crl
from tests import pki
from tests.conftest import NOW
from tests.pki import SHARD

SECOND = timedelta(seconds=1)
SUPERSEDED = x509.ReasonFlags.superseded
SOME = frozenset([SUPERSEDED])
RELATIVE = pki.name("shard").rdns[0]


def read(data: bytes, **changes) -> crl.VerifiedCRL:
    known: dict[str, Any] = {"issuer": pki.authority().certificate, "now": NOW, "url": SHARD}
    return crl.read(data, **known | changes)


def test_a_sound_shard_gives_its_number_dates_and_entries():
    listed = pki.entry(0xAB, NOW - 2 * SECOND, SUPERSEDED)
    data = pki.crl(
        [listed, (pki.HIGH_BIT, NOW, None), (pki.TWENTY_OCTETS, NOW, None)], number=12, scope=pki.shard_scope()
    )
    found = read(data)
    assert (found.number, found.url) == (12, SHARD)
    assert (found.this_update, found.next_update) == (NOW - timedelta(hours=1), NOW + timedelta(days=7))
    assert found.entries["ab"] == (NOW - 2 * SECOND, "superseded")
    assert found.entries[format(pki.HIGH_BIT, "x")].reason == "unspecified"
    assert found.entries[format(pki.TWENTY_OCTETS, "x")].revocation_date == NOW
    assert len(found.entries) == 3
    assert "ac" not in found.entries
    assert "no hex" not in found.entries


def test_a_crl_without_entries_is_empty():
    assert dict(read(pki.crl()).entries) == {}


def test_a_crl_of_everything_needs_no_scope():
    assert "1" in read(pki.crl([(1, NOW, None)])).entries


@pytest.mark.parametrize("reason", list(x509.ReasonFlags), ids=lambda reason: reason.value)
def test_each_reason_is_read_by_its_name(reason: x509.ReasonFlags):
    assert read(pki.crl([(5, NOW, reason)])).entries["5"].reason == reason.value


def test_an_invalidity_date_is_no_obstacle():
    early = (x509.InvalidityDate(NOW - timedelta(days=9)), False)
    assert read(pki.crl([pki.entry(5, NOW, x509.ReasonFlags.key_compromise, early)])).entries["5"] == (
        NOW,
        "keyCompromise",
    )


def test_this_update_may_be_now_but_not_a_second_ahead():
    read(pki.crl(this_update=NOW))
    with pytest.raises(crl.NotYetValid, match="2024-03-19 08:30:01"):
        read(pki.crl(this_update=NOW + SECOND))
    read(pki.crl(this_update=NOW + SECOND), skew=SECOND)


def test_next_update_must_lie_ahead():
    read(pki.crl(next_update=NOW + SECOND))
    with pytest.raises(crl.Stale, match="stale since 2024-03-19 08:30:00"):
        read(pki.crl(next_update=NOW))
    with pytest.raises(crl.Stale):
        read(pki.crl(next_update=NOW), skew=timedelta(days=1))


def test_another_key_does_not_sign_for_the_issuer():
    with pytest.raises(crl.WrongSignature):
        read(pki.crl(signer=pki.key("stranger")))


def test_one_changed_byte_anywhere_in_the_entries_is_noticed():
    data = pki.crl([(0x1234567890, NOW, SUPERSEDED)])
    with pytest.raises(crl.WrongSignature):
        read(data.replace(bytes.fromhex("1234567890"), bytes.fromhex("1234567891")))


def test_a_sha384_signature_counts_and_a_sha1_signature_does_not():
    assert read(_signed_by(hashes.SHA384(), bytes.fromhex("06082a8648ce3d040303"))).number == 1
    with pytest.raises(crl.WrongSignature):
        read(_signed_by(hashes.SHA1(), bytes.fromhex("06072a8648ce3d0401")))


def _signed_by(digest: hashes.HashAlgorithm, scheme: bytes) -> bytes:
    """A CRL signed with another algorithm, which it names too."""
    tbs = x509.load_der_x509_crl(pki.crl()).tbs_certlist_bytes
    start, end = der.expect(tbs, 0, der.SEQUENCE)
    algorithm = der.sequence(scheme)
    tbs = der.sequence(tbs[start:end].replace(pki.ECDSA_WITH_SHA256, algorithm))
    signature = pki.key().sign(tbs, ec.ECDSA(digest))
    return der.sequence(tbs, algorithm, der.tlv(der.BIT_STRING, b"\x00" + signature))


def test_two_different_algorithms_are_malformed():
    data = pki.crl()
    sha256, sha384 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040303")
    at = data.rindex(sha256)
    with pytest.raises(Malformed, match="do not match"):
        read(data[:at] + sha384 + data[at + len(sha256) :])


def test_a_crl_of_another_name_is_refused():
    other = pki.authority("Other CA", "other")
    with pytest.raises(crl.OtherIssuer, match="CN=Other CA, not of CN=Test CA"):
        read(pki.crl(ca=other))


def test_a_crl_of_the_same_name_and_another_key_is_refused():
    with pytest.raises(crl.OtherIssuer, match="of the key"):
        read(pki.crl(ca=pki.authority(key_name="other")))


def test_an_issuer_that_may_not_sign_crls_is_refused():
    ca = pki.authority("Mute CA", "mute", signs_crls=False)
    with pytest.raises(crl.OtherIssuer, match="does not allow"):
        read(pki.crl(ca=ca), issuer=ca.certificate)


def test_the_number_may_stay_but_not_go_back():
    assert read(pki.crl(number=7), after_number=7).number == 7
    with pytest.raises(crl.OlderNumber, match="number 6; 7 has been seen"):
        read(pki.crl(number=6), after_number=7)


def test_a_crl_without_a_number_is_malformed():
    with pytest.raises(Malformed, match="no CRLNumber"):
        read(pki.crl(number=None))


def test_the_shard_must_be_the_one_that_was_asked_for():
    with pytest.raises(crl.OutOfScope, match=r"for http://crl.ca.example/2.crl, not for http://crl.ca.example/1.crl"):
        read(pki.crl(scope=pki.shard_scope("http://crl.ca.example/2.crl")))


def test_a_scope_that_is_not_critical_is_malformed():
    with pytest.raises(Malformed, match="not critical"):
        read(pki.crl(scope=pki.shard_scope(), scope_is_critical=False))


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (x509.IssuingDistributionPoint(None, None, False, False, None, True, False), "indirect"),
        (x509.IssuingDistributionPoint(None, None, False, True, None, False, False), "subscribers"),
        (x509.IssuingDistributionPoint(None, None, False, False, None, False, True), "subscribers"),
        (x509.IssuingDistributionPoint(None, None, False, False, SOME, False, False), "some reasons"),
        (x509.IssuingDistributionPoint(None, RELATIVE, False, False, None, False, False), "relative"),
    ],
)  # fmt: skip
def test_a_scope_that_does_not_fit_is_refused(scope: x509.IssuingDistributionPoint, words: str):
    with pytest.raises(crl.OutOfScope, match=words):
        read(pki.crl(scope=scope))


def test_a_delta_crl_is_refused():
    with pytest.raises(crl.OutOfScope, match=r"2\.5\.29\.27"):
        read(pki.crl(more=[(x509.DeltaCRLIndicator(1), True)]))


def test_a_critical_entry_extension_that_is_not_understood_voids_the_crl():
    other = (x509.CertificateIssuer([x509.DirectoryName(pki.name("Other CA"))]), True)
    with pytest.raises(crl.OutOfScope, match="critical"):
        read(pki.crl([pki.entry(5, NOW, None, other)]))


def test_a_serial_number_listed_twice_alike_is_one_entry_and_unlike_is_malformed():
    assert len(read(pki.crl([(5, NOW, SUPERSEDED), (5, NOW, SUPERSEDED)])).entries) == 1
    with pytest.raises(Malformed, match="two different things"):
        read(pki.crl([(5, NOW, SUPERSEDED), (5, NOW, None)]))


@pytest.mark.parametrize("data", [b"", b"\x30", b"<html>Not found</html>", b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_crl_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        read(data)


@pytest.mark.parametrize("missing", [1, 20, 100, 200])
def test_a_truncated_crl_is_malformed(missing: int):
    with pytest.raises(Malformed):
        read(pki.truncated(pki.crl([(5, NOW, SUPERSEDED)]), missing))


def test_bytes_after_the_crl_are_malformed():
    with pytest.raises(Malformed):
        read(pki.crl() + b"\x00")


def test_pem_is_named_for_what_it_is():
    pem = x509.load_der_x509_crl(pki.crl()).public_bytes(Encoding.PEM)
    with pytest.raises(Malformed, match="PEM"):
        read(pem)


def test_a_crl_over_the_limit_is_not_even_parsed():
    with pytest.raises(Malformed, match="the most that is read"):
        read(bytes(crl.LIMIT_BYTES + 1))


def test_every_refusal_is_a_refusal():
    assert issubclass(Malformed, Refused)
    for error in (crl.Stale, crl.NotYetValid, crl.WrongSignature, crl.OtherIssuer, crl.OlderNumber, crl.OutOfScope):
        assert issubclass(error, Refused)
