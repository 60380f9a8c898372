"""The strange certificates that the other tests rely on are as strange as they say."""

import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests import pki


def load(data: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography warns of what is wrong on purpose
        return x509.load_der_x509_certificate(data)


def is_signed(certificate: x509.Certificate) -> bool:
    key, digest = pki.key().public_key(), certificate.signature_hash_algorithm
    assert digest is not None
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(digest))
    return True


@pytest.mark.parametrize("serial", [1, pki.HIGH_BIT, pki.TWENTY_OCTETS])
def test_a_serial_number_is_the_one_asked_for(serial: int):
    assert pki.leaf(serial=serial).serial_number == serial


def test_a_negative_serial_number_is_negative_and_signed():
    certificate = load(pki.with_negative_serial())
    with pytest.warns(UserWarning, match="serial number which wasn't positive"):
        assert certificate.serial_number == 0x7EDCBA9876543210 - 2**63
    assert is_signed(certificate)


def test_a_teletex_subject_has_an_octet_that_is_no_utf8():
    data = pki.with_teletex_subject()
    assert b"\x14\x0cBank Z\xfcrich " in data
    assert is_signed(load(data))


def test_without_names_there_is_no_san():
    with pytest.raises(x509.ExtensionNotFound):
        pki.leaf(names=()).extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize("knob", ["critical", "not-critical"])
def test_basic_constraints_are_critical_as_asked(knob):
    found = pki.leaf(basic_constraints=knob).extensions.get_extension_for_class(x509.BasicConstraints)
    assert found.critical is (knob == "critical")


def test_the_same_key_name_is_the_same_key():
    first, again, other = pki.leaf(), pki.leaf(), pki.leaf(key_name="new")
    assert first.public_key() == again.public_key() != other.public_key()
    assert first.serial_number != again.serial_number


def test_a_truncated_certificate_cannot_be_loaded():
    with pytest.raises(ValueError, match="parsing"):
        x509.load_der_x509_certificate(pki.truncated(pki.der_of(pki.leaf())))
