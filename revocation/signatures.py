"""Whether a signature on a CRL or an OCSP answer holds."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

STRONG = {"sha256", "sha384", "sha512"}
"""BR 7.1.3.2 allows no other digest in a signature."""


def is_valid(
    certificate: x509.Certificate,
    signature: bytes,
    signed: bytes,
    digest: hashes.HashAlgorithm | None,
    scheme: x509.ObjectIdentifier,
) -> bool:
    """Whether the key of a certificate made this signature; a weak or unknown algorithm counts as no signature."""
    key = certificate.public_key()
    if digest is not None and digest.name not in STRONG:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signature, signed, _padding(digest, scheme), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(signature, signed, ec.ECDSA(digest))
        elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)) and digest is None:
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _padding(digest: hashes.HashAlgorithm, scheme: x509.ObjectIdentifier) -> padding.AsymmetricPadding:
    if scheme == SignatureAlgorithmOID.RSASSA_PSS:
        return padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.DIGEST_LENGTH)
    return padding.PKCS1v15()
