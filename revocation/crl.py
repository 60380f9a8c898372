"""What a CRL proves: read only after its signature, its issuer, its dates, its number and its scope have held.

Pure: bytes in, facts out. The outer structure is parsed by `cryptography`; the list of entries, which may be long, is
walked once over the very bytes that were signed, and an entry is decoded when somebody asks for it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from core import der
from core.crl_reason import from_flag
from core.errors import Malformed, Refused
from revocation import signatures

LIMIT_BYTES = 64 * 1024 * 1024
"""No CRL larger than this is read; about 1.3 million entries."""

CODES = {code: flag for code, flag in enumerate(
    ("unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
     "certificateHold", None, "removeFromCRL", "privilegeWithdrawn", "aACompromise")
) if flag}  # fmt: skip
"""CRLReason by its number (RFC 5280 5.3.1); 7 is not used."""
REASON_CODE = bytes.fromhex("0603551d15")
"""The OID 2.5.29.21, encoded."""
Known = TypeVar("Known", bound=x509.ExtensionType)
UNDERSTOOD = {x509.IssuingDistributionPoint.oid, x509.AuthorityKeyIdentifier.oid, x509.CRLNumber.oid}


class WrongSignature(Refused):
    """The issuer's key did not sign this."""


class OtherIssuer(Refused):
    """The CRL belongs to another CA, or to another key of this one."""


class NotYetValid(Refused):
    """thisUpdate lies ahead."""


class Stale(Refused):
    """nextUpdate has passed, or there is none."""


class OlderNumber(Refused):
    """A CRL with a higher number has been seen before: this is a step back in time."""


class OutOfScope(Refused):
    """The CRL says of itself that it does not cover what we ask, or by rules that we cannot follow."""


class Entry(NamedTuple):
    """What a CRL says about one certificate: when it was revoked, and a CRLReason (absent means unspecified)."""

    revocation_date: datetime
    reason: str


class Entries(Mapping[str, Entry]):
    """The entries of a CRL by serial number in lower-case hex, kept as bytes until they are asked for."""

    def __init__(self, raw: dict[bytes, bytes], decoded: dict[bytes, Entry]) -> None:
        self._raw, self._decoded = raw, decoded

    def __getitem__(self, serial_number: str) -> Entry:
        try:
            number = int(serial_number, 16)
        except ValueError:
            raise KeyError(serial_number) from None
        return self._decoded[self._raw[der.integer_content(number)]]

    def __iter__(self) -> Iterator[str]:
        return (format(int.from_bytes(content, "big", signed=True), "x") for content in self._raw)

    def __len__(self) -> int:
        return len(self._raw)


@dataclass(frozen=True)
class VerifiedCRL:
    """A CRL that may be relied on; `url` is the shard that its scope names, None for a CRL of everything."""

    number: int
    this_update: datetime
    next_update: datetime
    sha256: str
    url: str | None
    entries: Entries = field(repr=False)


def read(
    data: bytes,
    *,
    issuer: x509.Certificate,
    now: datetime,
    url: str | None = None,
    after_number: int | None = None,
    skew: timedelta = timedelta(0),
) -> VerifiedCRL:
    """Verify a CRL in DER and give its entries (RFC 5280 5 and 6.3.3).

    `url` is the distribution point it was fetched for, which a shard must name; `after_number` the highest number
    seen there before; `skew` how far the CA's clock may be ahead of ours. Raises `Malformed`, or the subclass of
    `Refused` that names what does not hold.
    """
    crl = _parse(data)
    _check_issuer(crl, issuer)
    tbs = _check_signature(crl, data, issuer)
    this_update, next_update = _check_dates(crl, now, skew)
    _check_extensions(crl.extensions, url)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    if after_number is not None and number < after_number:
        raise OlderNumber(f"The CRL has number {number}; {after_number} has been seen before.")
    return VerifiedCRL(number, this_update, next_update, hashlib.sha256(data).hexdigest(), url, _entries(tbs))


def _parse(data: bytes) -> x509.CertificateRevocationList:
    if len(data) > LIMIT_BYTES:
        raise Malformed(f"The CRL has {len(data)} bytes; {LIMIT_BYTES} are the most that is read.")
    if data[:5] == b"-----":
        raise Malformed("The CRL is PEM; a distribution point must serve DER (RFC 5280 4.2.1.13).")
    try:
        crl = x509.load_der_x509_crl(data)
        crl.extensions  # noqa: B018 - they are parsed on first use, and may be malformed on their own
    except (ValueError, x509.DuplicateExtension) as error:
        raise Malformed(f"This is no CRL: {error}.") from error
    return crl


def _check_issuer(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    if crl.issuer != issuer.subject:
        raise OtherIssuer(f"The CRL is of {crl.issuer.rfc4514_string()}, not of {issuer.subject.rfc4514_string()}.")
    named = _find(crl.extensions, x509.AuthorityKeyIdentifier)
    if named and named.key_identifier and named.key_identifier != key_identifier(issuer):
        raise OtherIssuer(f"The CRL is of the key {named.key_identifier.hex()}, not of {key_identifier(issuer).hex()}.")
    usage = _find(issuer.extensions, x509.KeyUsage)
    if usage and not usage.crl_sign:
        raise OtherIssuer("The issuer's certificate does not allow it to sign CRLs (RFC 5280 4.2.1.3).")


def key_identifier(issuer: x509.Certificate) -> bytes:
    """The issuer's subjectKeyIdentifier, or the usual digest of its key where the certificate has none."""
    stated = _find(issuer.extensions, x509.SubjectKeyIdentifier)
    return (stated or x509.SubjectKeyIdentifier.from_public_key(_key(issuer))).digest


def _key(issuer: x509.Certificate) -> CertificateIssuerPublicKeyTypes:
    key: CertificateIssuerPublicKeyTypes = issuer.public_key()  # type: ignore[assignment]
    return key


def _check_signature(crl: x509.CertificateRevocationList, data: bytes, issuer: x509.Certificate) -> bytes:
    """The content of the TBSCertList, cut from the bytes as they came, once the signature over them has held."""
    outer, _ = der.expect(data, 0, der.SEQUENCE)
    content, end = der.expect(data, outer, der.SEQUENCE)
    digest = crl.signature_hash_algorithm
    if not signatures.is_valid(issuer, crl.signature, data[outer:end], digest, crl.signature_algorithm_oid):
        raise WrongSignature("The issuer's key did not sign this CRL.")
    return data[content:end]


def _check_dates(crl: x509.CertificateRevocationList, now: datetime, skew: timedelta) -> tuple[datetime, datetime]:
    this_update, next_update = crl.last_update_utc, crl.next_update_utc
    if this_update > now + skew:
        raise NotYetValid(f"The CRL is not valid before {this_update:%Y-%m-%d %H:%M:%S} UTC.")
    if next_update is None:
        raise Stale("The CRL has no nextUpdate (RFC 5280 5.1.2.5).")
    if now >= next_update:
        raise Stale(f"The CRL is stale since {next_update:%Y-%m-%d %H:%M:%S} UTC.")
    return this_update, next_update


def _check_extensions(extensions: x509.Extensions, url: str | None) -> None:
    for extension in extensions:
        if extension.critical and extension.oid not in UNDERSTOOD:
            raise OutOfScope(
                f"The CRL has the critical extension {extension.oid.dotted_string}, which is not understood."
            )
    if _find(extensions, x509.CRLNumber) is None:
        raise Malformed("The CRL has no CRLNumber (RFC 5280 5.2.3).")
    if scope := _find(extensions, x509.IssuingDistributionPoint):
        if not extensions.get_extension_for_class(x509.IssuingDistributionPoint).critical:
            raise Malformed("The CRL's IssuingDistributionPoint is not critical (RFC 5280 5.2.5).")
        _check_scope(scope, url)


def _check_scope(scope: x509.IssuingDistributionPoint, url: str | None) -> None:
    if scope.indirect_crl:
        raise OutOfScope("The CRL is indirect: it may speak of the certificates of other CAs.")
    if scope.only_contains_ca_certs or scope.only_contains_attribute_certs:
        raise OutOfScope("The CRL does not cover certificates of subscribers.")
    if scope.only_some_reasons:
        raise OutOfScope("The CRL covers only some reasons.")
    if scope.relative_name:
        raise OutOfScope("The CRL names its distribution point relative to its issuer, which is not understood.")
    if scope.full_name and url is not None:
        named = [name.value for name in scope.full_name if isinstance(name, x509.UniformResourceIdentifier)]
        if url not in named:
            raise OutOfScope(f"The CRL is for {', '.join(named) or 'no URL'}, not for {url}.")


def _entries(tbs: bytes) -> Entries:
    """Walk revokedCertificates once; decode each distinct ending (date, extensions) once."""
    at, end = _revoked(tbs)
    raw: dict[bytes, bytes] = {}
    endings: dict[bytes, bytes] = {}
    while at < end:
        length = tbs[at + 1]
        if tbs[at] != der.SEQUENCE or length >= der.LONG_FORM or at + 2 + length > end:
            start, stop = der.expect(tbs, at, der.SEQUENCE)
        else:
            start, stop = at + 2, at + 2 + length
        if tbs[start] != der.INTEGER or not 0 < tbs[start + 1] < der.LONG_FORM:
            raise Malformed("An entry of the CRL has no serial number.")
        cut = start + 2 + tbs[start + 1]
        ending = tbs[cut:stop]
        ending = endings.setdefault(ending, ending)
        if raw.setdefault(tbs[start + 2 : cut], ending) is not ending:
            raise Malformed(f"The CRL says two different things of serial number {tbs[start + 2 : cut].hex()}.")
        at = stop
    return Entries(raw, {ending: _decode(ending) for ending in endings})


def _revoked(tbs: bytes) -> tuple[int, int]:
    """Where revokedCertificates starts and ends; an empty range if there is none (RFC 5280 5.1.2.6)."""
    at = der.expect(tbs, 0, der.INTEGER)[1] if tbs[0] == der.INTEGER else 0
    for tags in (
        (der.SEQUENCE,),
        (der.SEQUENCE,),
        (der.UTC_TIME, der.GENERALIZED_TIME),
        (der.UTC_TIME, der.GENERALIZED_TIME),
    ):
        at = der.expect(tbs, at, *tags)[1]
    if at == len(tbs) or tbs[at] != der.SEQUENCE:
        return at, at
    return der.expect(tbs, at, der.SEQUENCE)


def _decode(ending: bytes) -> Entry:
    start, at = der.expect(ending, 0, der.UTC_TIME, der.GENERALIZED_TIME)
    moment = der.read_time(ending[0], ending[start:at])
    if at == len(ending):
        return Entry(moment, from_flag(None))
    reason = from_flag(None)
    at, end = der.expect(ending, at, der.SEQUENCE)
    while at < end:
        start, at = der.expect(ending, at, der.SEQUENCE)
        reason = _reason(ending[start:at]) or reason
    return Entry(moment, reason)


def _reason(extension: bytes) -> str | None:
    """The reason that one entry extension states, None if it speaks of something else that may be ignored."""
    _, at = der.header(extension, 0)[1:]
    name, critical = extension[:at], False
    if extension[at : at + 1] == bytes((der.BOOLEAN,)):
        start, at = der.expect(extension, at, der.BOOLEAN)
        critical = extension[start:at] != b"\x00"
    if name != REASON_CODE:
        if critical:
            raise OutOfScope("An entry of the CRL has a critical extension that is not understood (RFC 5280 5.3).")
        return None
    start, _ = der.expect(extension, at, der.OCTET_STRING)
    start, stop = der.expect(extension, start, der.ENUMERATED)
    code = int.from_bytes(extension[start:stop], "big")
    if code not in CODES:
        raise Malformed(f"An entry of the CRL has the reason code {code}, which RFC 5280 does not know.")
    return CODES[code]


def _find(extensions: x509.Extensions, kind: type[Known]) -> Known | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
