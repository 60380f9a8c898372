"""CRLs and OCSP answers of issuers with all kinds of keys; RSA is what most real ones have."""

from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as x509_ocsp

from revocation import crl, ocsp
from tests import pki
from tests.conftest import NOW

PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


@cache
def issuer(kind: str) -> tuple[Any, x509.Certificate]:
    """A key of some kind and a CA certificate for it."""
    make: dict[str, Any] = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    key, name = make[kind](), pki.name(f"CA with {kind}")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - pki.DAY, NOW + pki.DAY)
    return key, builder.sign(key, None if kind == "ed25519" else hashes.SHA256())


def make_crl(kind: str, signer: Any, digest: Any, **how: Any) -> bytes:
    listed = [pki.entry(5, NOW, None)]
    builder = x509.CertificateRevocationListBuilder(pki.name(f"CA with {kind}"), NOW, NOW + pki.DAY, [], listed)
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    return builder.sign(signer, digest, **how).public_bytes(Encoding.DER)


SCHEMES = [
    ("rsa", hashes.SHA256(), {}),
    ("rsa", hashes.SHA512(), {}),
    ("rsa", hashes.SHA256(), {"rsa_padding": PSS}),
    ("p384", hashes.SHA384(), {}),
    ("ed25519", None, {}),
]


@pytest.mark.parametrize(("kind", "digest", "how"), SCHEMES)
def test_a_crl_is_read_whatever_the_issuers_key_is_and_not_with_another_key(kind: str, digest: Any, how: dict):
    key, certificate = issuer(kind)
    data = make_crl(kind, key, digest, **how)
    assert "5" in crl.read(data, issuer=certificate, now=NOW).entries
    with pytest.raises(crl.WrongSignature):
        crl.read(data[:-1] + bytes((data[-1] ^ 1,)), issuer=certificate, now=NOW)


def test_a_signature_of_another_kind_of_key_is_wrong():
    data = make_crl("rsa", pki.key(), hashes.SHA256())
    with pytest.raises(crl.WrongSignature):
        crl.read(data, issuer=issuer("rsa")[1], now=NOW)


@pytest.mark.parametrize(("kind", "digest"), [(kind, digest) for kind, digest, how in SCHEMES if not how])
def test_an_ocsp_answer_is_read_whatever_the_issuers_key_is(kind: str, digest: Any):
    key, certificate = issuer(kind)
    names = ocsp.issuer_hashes(certificate, hashes.SHA1())
    builder = x509_ocsp.OCSPResponseBuilder().add_response_by_hash(
        *names, 5, hashes.SHA1(), x509_ocsp.OCSPCertStatus.GOOD, NOW, NOW + pki.DAY, None, None
    )
    answer = builder.responder_id(x509_ocsp.OCSPResponderEncoding.HASH, certificate).sign(key, digest)
    data = answer.public_bytes(Encoding.DER)
    assert ocsp.read(data, serial_number="5", issuer=certificate, now=NOW).status == "good"
    with pytest.raises(ocsp.NotTrusted):
        ocsp.read(data[:-1] + bytes((data[-1] ^ 1,)), serial_number="5", issuer=certificate, now=NOW)
