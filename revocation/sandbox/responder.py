"""The OCSP responder of a sandbox CA; it signs with the CA's own key and answers from the books as they are now."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from core import crl_reason
from revocation.sandbox.books import Record

LIFETIME = timedelta(hours=8)
"""From thisUpdate to nextUpdate: the shortest that BR 4.9.10 allows."""
MAX_NONCE = 128
"""RFC 9654 2.1."""


def refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    """An unsigned answer that says only why there is none."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def parse(data: bytes) -> ocsp.OCSPRequest | None:
    """A request for one certificate, None if it cannot be read."""
    try:
        request = ocsp.load_der_ocsp_request(data)
        request.hash_algorithm, request.extensions  # noqa: B018 - both are parsed on use, and may be malformed
    except (ValueError, NotImplementedError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None
    return request


def answer(
    request: ocsp.OCSPRequest,
    record: Record | None,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
) -> bytes:
    """The signed answer; a serial number that was never issued is unknown, never good (BR 4.9.10)."""
    now = now.replace(microsecond=0)
    revoked_at = record.revoked_at if record else None
    status = ocsp.OCSPCertStatus.GOOD if record else ocsp.OCSPCertStatus.UNKNOWN
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        request.issuer_name_hash,
        request.issuer_key_hash,
        request.serial_number,
        request.hash_algorithm,
        ocsp.OCSPCertStatus.REVOKED if revoked_at else status,
        now,
        now + LIFETIME,
        revoked_at,
        crl_reason.flag(record.reason) if record and revoked_at and record.reason else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
    for extension in request.extensions:
        if isinstance(extension.value, x509.OCSPNonce) and 0 < len(extension.value.nonce) <= MAX_NONCE:
            builder = builder.add_extension(extension.value, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
