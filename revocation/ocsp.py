"""Asking an OCSP responder, and what its answer proves (RFC 6960).

Pure: bytes in, facts out. A nonce is neither sent nor asked for, since responders of this trade answer from prepared
responses (RFC 5019); what keeps an old answer out is its nextUpdate.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from core import der
from core.crl_reason import from_flag
from core.errors import Malformed, Refused, Unavailable
from revocation import signatures

LIMIT_BYTES = 64 * 1024
"""No answer larger than this is read; real ones have 1 to 4 KB."""
REQUEST_TYPE = "application/ocsp-request"
RESPONSE_TYPE = "application/ocsp-response"
STATUS = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}
LATER = {ocsp.OCSPResponseStatus.TRY_LATER, ocsp.OCSPResponseStatus.INTERNAL_ERROR}


class NoAnswer(Refused):
    """The answer is signed and well formed, and says nothing of the certificate that was asked for."""


class NotTrusted(Refused):
    """Neither the issuer nor a responder that it appointed has signed the answer."""


class NotFresh(Refused):
    """The answer is of another time: thisUpdate lies ahead, or nextUpdate has passed or is missing."""


@dataclass(frozen=True)
class VerifiedStatus:
    """An OCSP answer that may be relied on; `status` is good, revoked or unknown."""

    status: str
    revoked_at: datetime | None
    reason: str | None
    this_update: datetime
    next_update: datetime
    sha256: str


def request(serial_number: str, issuer: x509.Certificate) -> bytes:
    """The request in DER for one certificate, named by its serial number in hex and its issuer.

    SHA-1 only names the issuer here and protects nothing; it is what every responder understands (RFC 5019 2.1.1).
    """
    sha1 = hashes.SHA1()  # noqa: S303 - see above
    name_hash, key_hash = issuer_hashes(issuer, sha1)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name_hash, key_hash, int(serial_number, 16), sha1)
    return builder.build().public_bytes(serialization.Encoding.DER)


def read(
    data: bytes, *, serial_number: str, issuer: x509.Certificate, now: datetime, skew: timedelta = timedelta(0)
) -> VerifiedStatus:
    """Verify an answer in DER and give what it says of one certificate (RFC 6960 3.2).

    `skew` is how far the responder's clock may be ahead of ours. Raises `Malformed`, a subclass of `Refused` that
    names what does not hold, or `Unavailable` where the responder says "try later".
    """
    answer = _parse(data)
    single = _single(answer, int(serial_number, 16), issuer)
    _check_signature(answer, issuer, now)
    this_update, next_update = _check_dates(single, now, skew)
    is_revoked = single.certificate_status is ocsp.OCSPCertStatus.REVOKED
    return VerifiedStatus(
        status=STATUS[single.certificate_status],
        revoked_at=single.revocation_time_utc,
        reason=from_flag(single.revocation_reason) if is_revoked else None,
        this_update=this_update,
        next_update=next_update,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def issuer_hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """The digests of the issuer's name and key by which a CertID names it (RFC 6960 4.1.1)."""
    public = issuer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    start, _ = der.expect(public, 0, der.SEQUENCE)
    _, at = der.expect(public, start, der.SEQUENCE)
    start, end = der.expect(public, at, der.BIT_STRING)
    digest = algorithm.name.replace("-", "")
    name = hashlib.new(digest, issuer.subject.public_bytes(), usedforsecurity=False).digest()
    return name, hashlib.new(digest, public[start + 1 : end], usedforsecurity=False).digest()


def _parse(data: bytes) -> ocsp.OCSPResponse:
    if len(data) > LIMIT_BYTES:
        raise Malformed(f"The OCSP answer has {len(data)} bytes; {LIMIT_BYTES} are the most that is read.")
    try:
        answer = ocsp.load_der_ocsp_response(data)
    except ValueError as error:
        raise Malformed(f"This is no OCSP answer: {error}.") from error
    if answer.response_status in LATER:
        raise Unavailable(f"The OCSP responder answered {answer.response_status.name}.")
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Refused(f"The OCSP responder answered {answer.response_status.name}.")
    return answer


def _single(answer: ocsp.OCSPResponse, serial_number: int, issuer: x509.Certificate) -> ocsp.OCSPSingleResponse:
    try:
        for single in answer.responses:
            if single.serial_number == serial_number and issuer_hashes(issuer, single.hash_algorithm) == (
                single.issuer_name_hash,
                single.issuer_key_hash,
            ):
                return single
    except ValueError as error:
        raise Malformed(f"The OCSP answer cannot be read: {error}.") from error
    raise NoAnswer(f"The OCSP answer says nothing of serial number {serial_number:x} of this issuer.")


def _check_signature(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    signer = _signer(answer, issuer, now)
    try:
        digest = answer.signature_hash_algorithm
    except ValueError:
        digest = None
    if not signatures.is_valid(
        signer, answer.signature, answer.tbs_response_bytes, digest, answer.signature_algorithm_oid
    ):
        raise NotTrusted("The signature of the OCSP answer does not hold.")


def _signer(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """The certificate whose key must have signed: the issuer's, or a responder's that the issuer appointed."""
    if _is_named(answer, issuer):
        return issuer
    problem = "the answer brings no certificate of the responder that it names"
    for candidate in answer.certificates:
        if _is_named(answer, candidate):
            problem = _problem(candidate, issuer, now)
            if not problem:
                return candidate
    raise NotTrusted(f"The OCSP answer is not signed for this issuer: {problem}.")


def _is_named(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == certificate.subject
    return answer.responder_key_hash == issuer_hashes(certificate, hashes.SHA1())[1]  # noqa: S303 - RFC 6960 4.2.1


def _problem(responder: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str:
    """Why this certificate does not appoint a responder (RFC 6960 4.2.2.2); empty if it does.

    A responder's certificate without ocsp-nocheck would have to be checked itself; BR 4.9.9 demands the extension.
    """
    try:
        responder.verify_directly_issued_by(issuer)
        extensions = responder.extensions
    except (InvalidSignature, ValueError, TypeError, x509.DuplicateExtension):
        return "the responder's certificate is not from the issuer"
    if not responder.not_valid_before_utc <= now <= responder.not_valid_after_utc:
        return "the responder's certificate is not valid now"
    try:
        if ExtendedKeyUsageOID.OCSP_SIGNING not in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value:
            return "the responder's certificate is not for OCSP signing"
        extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound as error:
        return f"the responder's certificate lacks {error.oid._name}"
    return ""


def _check_dates(single: ocsp.OCSPSingleResponse, now: datetime, skew: timedelta) -> tuple[datetime, datetime]:
    this_update, next_update = single.this_update_utc, single.next_update_utc
    if this_update > now + skew:
        raise NotFresh(f"The OCSP answer is not valid before {this_update:%Y-%m-%d %H:%M:%S} UTC.")
    if next_update is None or now >= next_update:
        ended = f"is stale since {next_update:%Y-%m-%d %H:%M:%S} UTC" if next_update else "has no nextUpdate"
        raise NotFresh(f"The OCSP answer {ended}.")
    return this_update, next_update
