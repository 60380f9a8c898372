"""A certificate's fields, against what `cryptography` reads in the same bytes."""

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from core.errors import Malformed
from subscribers.certificates import parse_der, parse_issuer, parse_pem, validity
from tests import pki
from tests.conftest import NOW
from tests.subscribers.material import issuer_key

VECTORS = Path(cryptography_vectors.__file__).parent / "x509"


def corpus() -> list[bytes]:
    """Every certificate of the vectors that `cryptography` loads."""
    found = []
    for path in sorted(VECTORS.rglob("*")):
        if path.suffix not in (".pem", ".der", ".crt", ".cer"):
            continue
        data = path.read_bytes()
        try:
            loaded = (
                x509.load_pem_x509_certificates(data)
                if b"-----BEGIN" in data
                else [x509.load_der_x509_certificate(data)]
            )
            found += [one.public_bytes(serialization.Encoding.DER) for one in loaded]
        except (ValueError, x509.InvalidVersion):
            continue
    return found


@pytest.mark.filterwarnings("ignore")
def test_fields_agree_with_cryptography_on_real_and_strange_certificates():
    compared = 0
    for der in corpus():
        certificate = x509.load_der_x509_certificate(der)
        if not 0 < certificate.serial_number < 2**160:
            with pytest.raises(Malformed, match="serial number"):
                parse_der(der)
            continue
        parsed = parse_der(der)
        assert parsed.serial_number == format(certificate.serial_number, "x")
        assert int.from_bytes(parsed.serial_der, signed=True) == certificate.serial_number
        assert parsed.not_before == certificate.not_valid_before_utc
        assert parsed.not_after == certificate.not_valid_after_utc
        assert parsed.fingerprint_sha256 == certificate.fingerprint(hashes.SHA256()).hex()
        assert_extensions_agree(parsed, certificate)
        compared += 1
    assert compared > 300


def assert_extensions_agree(parsed, certificate):
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return
    assert parsed.unread == ()
    found = {type(one.value): one for one in extensions}
    if san := found.get(x509.SubjectAlternativeName):
        names = [str(one.value) for one in san.value if isinstance(one, (x509.DNSName, x509.IPAddress))]
        assert parsed.names == tuple(names)
    if aki := found.get(x509.AuthorityKeyIdentifier):
        assert parsed.aki == (aki.value.key_identifier or b"").hex()
    basic = found.get(x509.BasicConstraints)
    assert parsed.is_ca == bool(basic and basic.value.ca)
    assert parsed.has_noncritical_basic_constraints == bool(basic and not basic.critical)
    assert parsed.is_precertificate == (x509.PrecertPoison in found)
    if policies := found.get(x509.CertificatePolicies):
        oids = [one.policy_identifier.dotted_string for one in policies.value]
        assert parsed.policy in oids or parsed.policy in ("DV", "OV", "EV", "IV")


def test_key_and_names_and_addresses_are_found():
    leaf = pki.leaf(names=("a.example", "*.b.example"))
    parsed = parse_der(pki.der_of(leaf))
    spki = leaf.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert parsed.spki_sha256 == hashlib.sha256(spki).hexdigest()
    assert parsed.names == ("a.example", "*.b.example")
    assert parsed.subject == leaf.subject.rfc4514_string()
    assert parsed.issuer_subject == leaf.issuer.rfc4514_string()
    assert (parsed.crl_url, parsed.ocsp_url) == (pki.SHARD, pki.RESPONDER)
    assert parsed.issuer_key == parsed.aki == issuer_key()


def test_certificate_identifier_is_that_of_rfc_9773():
    ca = pki.authority()
    aki = x509.AuthorityKeyIdentifier(bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4"), None, None)
    built = (
        x509.CertificateBuilder(ca.certificate.subject, pki.name("x"), ca.key.public_key(), 0x87654321, NOW, NOW)
        .add_extension(aki, critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    assert parse_der(pki.der_of(built)).ari_id == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_noncritical_basic_constraints_are_seen():
    seen = {
        how: parse_der(pki.der_of(pki.leaf(basic_constraints=how))).has_noncritical_basic_constraints
        for how in ("absent", "critical", "not-critical")
    }
    assert seen == {"absent": False, "critical": False, "not-critical": True}


def test_addresses_are_names_too():
    ca = pki.authority()
    san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("2001:db8::1")), x509.DNSName("a.example")])
    built = (
        x509.CertificateBuilder(ca.certificate.subject, pki.name("x"), ca.key.public_key(), 7, NOW, NOW)
        .add_extension(san, critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    parsed = parse_der(pki.der_of(built))
    assert parsed.names == ("2001:db8::1", "a.example")
    assert parsed.issuer_key.startswith("name:")
    assert parsed.ari_id == ""


def test_both_end_seconds_are_part_of_the_validity():
    start = datetime(2026, 4, 1, tzinfo=UTC)
    assert validity(start, start + timedelta(seconds=604_799)) == timedelta(seconds=604_800)


def test_certificate_without_names_is_read():
    assert parse_der(pki.der_of(pki.leaf(names=()))).names == ()


def test_serial_numbers_with_a_high_bit_and_of_twenty_octets_are_read():
    for serial in (1, pki.HIGH_BIT, pki.TWENTY_OCTETS):
        assert parse_der(pki.der_of(pki.leaf(serial=serial))).serial_number == format(serial, "x")


@pytest.mark.filterwarnings("ignore")
def test_negative_serial_number_is_refused():
    with pytest.raises(Malformed, match=r"not positive|not an X\.509"):
        parse_der(pki.with_negative_serial())


def test_strange_encoding_of_a_subject_refuses_nothing():
    assert parse_der(pki.with_teletex_subject()).subject.startswith(("CN=Bank", "#", "O=Bank"))


def test_unreadable_extension_is_named_and_refuses_nothing():
    plain = pki.der_of(pki.leaf(names=("broken.subscriber.example",)))
    value = b"\x82\x19broken.subscriber.example"
    assert plain.count(value) == 1
    parsed = parse_der(plain.replace(value, b"\x82\x29broken.subscriber.example"))
    assert parsed.unread == ("subjectAltName",)
    assert parsed.names == ()
    assert parsed.aki


@pytest.mark.parametrize("missing", [1, 20, 300])
def test_truncated_certificate_is_refused(missing: int):
    with pytest.raises(Malformed, match=r"not an X\.509 certificate"):
        parse_der(pki.truncated(pki.der_of(pki.leaf()), missing))


def test_something_after_the_certificate_is_refused():
    with pytest.raises(Malformed, match=r"not an X\.509 certificate"):
        parse_der(pki.der_of(pki.leaf()) + b"\0")


@pytest.mark.parametrize(
    ("pem", "text"),
    [
        (b"hello", "no PEM certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMII", "no END line"),
        (b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----", "base64"),
    ],
)
def test_text_that_is_no_certificate_says_why(pem: bytes, text: str):
    with pytest.raises(Malformed, match=text):
        parse_pem(pem)


def test_two_certificates_where_one_is_wanted_are_refused():
    with pytest.raises(Malformed, match="more than one"):
        parse_pem(pki.pem(pki.leaf()) * 2)


def test_issuer_is_known_by_its_key_identifier():
    ca = pki.authority()
    identifier = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert parse_issuer(ca.pem).key_id == identifier.digest.hex()


def test_leaf_is_no_issuer():
    with pytest.raises(Malformed, match="not a CA's"):
        parse_issuer(pki.pem(pki.leaf()))
