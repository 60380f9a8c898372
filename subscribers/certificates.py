"""Certificates as the register needs them: parsed once from PEM or DER, strictly, and fast.

`cryptography` decides whether the bytes are a certificate at all; the fields are then cut out of the DER, each
extension read once. An extension that cannot be read is named in `unread` and refuses nothing: a badly made
certificate must be revocable above all others.
"""

import binascii
import hashlib
import ipaddress
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext

from core import der as walk
from core.errors import Malformed

SERIAL_OCTETS = 20
"""RFC 5280 4.1.2.2; a leading zero octet that only carries the sign is not counted."""
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
POLICIES = {"2.23.140.1.1": "EV", "2.23.140.1.2.1": "DV", "2.23.140.1.2.2": "OV", "2.23.140.1.2.3": "IV"}
"""The reserved policy identifiers of BR 7.1.6.1."""
DNS_NAME, URI, IP_ADDRESS = 0x82, 0x86, 0x87
"""Tags of GeneralName (RFC 5280 4.2.1.6)."""
KEY_IDENTIFIER, CONSTRUCTED_0 = 0x80, 0xA0
ISSUERS_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    """A certificate's fields, texts empty where it says nothing; its identity is (issuer_key, serial_number)."""

    issuer_key: str
    """`aki` where there is one, else `name:` and the SHA-256 of the issuer's DER name."""
    serial_number: str
    """Lower-case hex without leading zeros."""
    serial_der: bytes
    """The content of the DER integer, with the octet that carries the sign (RFC 9773 4.1)."""
    fingerprint_sha256: str
    spki_sha256: str
    subject: str
    """RFC 4514, or `#` and the DER in hex where the name cannot be read."""
    issuer_subject: str
    names: tuple[str, ...]
    """dNSNames and IP addresses, in the order of the certificate."""
    not_before: datetime
    not_after: datetime
    policy: str
    """DV, OV, EV or IV; else the first policy identifier."""
    aki: str
    crl_url: str
    ocsp_url: str
    is_precertificate: bool
    is_ca: bool
    has_noncritical_basic_constraints: bool
    unread: tuple[str, ...]
    """Names of extensions that could not be read."""
    der: bytes

    @property
    def ari_id(self) -> str:
        """The certID of RFC 9773 4.1; empty where the certificate has no authorityKeyIdentifier."""
        return f"{_base64url(bytes.fromhex(self.aki))}.{_base64url(self.serial_der)}" if self.aki else ""

    @property
    def validity(self) -> timedelta:
        """The validity period, both end seconds included (BR 1.6.1)."""
        return validity(self.not_before, self.not_after)


def validity(not_before: datetime, not_after: datetime) -> timedelta:
    """How long a certificate is valid; notBefore and notAfter are both part of it (BR 1.6.1, RFC 5280 4.1.2.5)."""
    return not_after - not_before + timedelta(seconds=1)


def parse_pem(pem: str | bytes) -> ParsedCertificate:
    """Parse the one certificate of a PEM text. Raises `Malformed` if there is none, several, or it cannot be read."""
    data = pem.encode() if isinstance(pem, str) else pem
    _, begin, rest = data.partition(BEGIN)
    if not begin:
        raise Malformed(gettext("There is no PEM certificate here."))
    if BEGIN in rest:
        raise Malformed(gettext("There is more than one certificate here."))
    body, end, _ = rest.partition(END)
    if not end:
        raise Malformed(gettext("The PEM block has no END line: the certificate is truncated."))
    return parse_der(decode_pem(body))


def decode_pem(body: bytes) -> bytes:
    """The DER in the base64 between a BEGIN and an END line. Raises `Malformed`."""
    try:
        return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as error:
        raise Malformed(gettext("The PEM block is not base64: %(error)s.") % {"error": error}) from None


def parse_der(der: bytes) -> ParsedCertificate:
    """Parse one DER certificate. Raises `Malformed` with what is wrong with it."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise Malformed(
            gettext("This is not an X.509 certificate: %(error)s.") % {"error": _first_line(error)}
        ) from None
    tbs = _fields(der)
    found = _read_extensions(der, *tbs.extensions)
    issuer_der = der[slice(*tbs.issuer)]
    return ParsedCertificate(
        issuer_key=found["aki"] or "name:" + hashlib.sha256(issuer_der).hexdigest(),
        serial_number=serial_hex(tbs.serial),
        serial_der=tbs.serial,
        fingerprint_sha256=hashlib.sha256(der).hexdigest(),
        spki_sha256=hashlib.sha256(der[slice(*tbs.spki)]).hexdigest(),
        subject=_text(lambda: certificate.subject, der[slice(*tbs.subject)]),
        issuer_subject=_issuer_subject(certificate, issuer_der),
        not_before=tbs.not_before,
        not_after=tbs.not_after,
        der=der,
        **found,
    )


def serial_hex(content: bytes) -> str:
    """A serial number's DER content as lower-case hex. Raises `Malformed` if it is not positive or over 20 octets."""
    number = int.from_bytes(content, signed=True)
    if number <= 0:
        raise Malformed(f"The serial number {number} is not positive (RFC 5280 4.1.2.2).")
    if number.bit_length() > 8 * SERIAL_OCTETS:
        raise Malformed(f"The serial number is longer than {SERIAL_OCTETS} octets (RFC 5280 4.1.2.2).")
    return format(number, "x")


@dataclass(frozen=True, slots=True)
class ParsedIssuer:
    """What the register keeps of an issuing CA certificate."""

    key_id: str
    """Its subjectKeyIdentifier in hex; without one, the SHA-1 of its key (RFC 5280 4.2.1.2 method 1)."""
    subject: str
    pem: str


def parse_issuer(pem: str | bytes) -> ParsedIssuer:
    """Parse an issuing CA certificate. Raises `Malformed` if it cannot be read or is not a CA's."""
    parsed = parse_pem(pem)
    if not parsed.is_ca:
        raise Malformed("This certificate is not a CA's: its basicConstraints does not say CA.")
    certificate = x509.load_der_x509_certificate(parsed.der)
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    except ValueError as error:
        raise Malformed(f"An extension of this CA certificate cannot be read: {_first_line(error)}.") from None
    return ParsedIssuer(
        key_id=identifier.hex(), subject=parsed.subject, pem=certificate.public_bytes(Encoding.PEM).decode("ascii")
    )


# The fields of TBSCertificate (RFC 5280 4.1)


@dataclass(frozen=True, slots=True)
class _Fields:
    serial: bytes
    issuer: tuple[int, int]
    subject: tuple[int, int]
    spki: tuple[int, int]
    not_before: datetime
    not_after: datetime
    extensions: tuple[int, int]


def _fields(der: bytes) -> _Fields:
    """Where the fields are. The order is fixed by the standard, and `cryptography` has checked it."""
    header = walk.header
    _, at, _ = header(der, 0)
    _, at, tbs_end = header(der, at)
    if der[at] == 0xA0:  # noqa: PLR2004 - the explicit version
        at = header(der, at)[2]
    _, serial_start, serial_end = header(der, at)
    issuer_start = header(der, serial_end)[2]
    _, at, validity_start = header(der, issuer_start)
    _, at, subject_start = header(der, validity_start)
    tag, start, end = header(der, at)
    not_before = walk.read_time(tag, der[start:end])
    tag, start, end = header(der, end)
    spki_start = header(der, subject_start)[2]
    spki_end = at = header(der, spki_start)[2]
    extensions = (0, 0)
    while at < tbs_end:
        kind, first, at_end = header(der, at)
        if kind == 0xA3:  # noqa: PLR2004 - the explicit extensions
            extensions = header(der, first)[1:]
        at = at_end
    return _Fields(
        serial=der[serial_start:serial_end],
        issuer=(issuer_start, validity_start),
        subject=(subject_start, spki_start),
        spki=(spki_start, spki_end),
        not_before=not_before,
        not_after=walk.read_time(tag, der[start:end]),
        extensions=extensions,
    )


# The extensions (RFC 5280 4.2)


def _extensions(der: bytes, start: int, end: int) -> Iterator[tuple[bytes, bool, bytes]]:
    """Each extension's OID, whether it is critical, and its value."""
    header = walk.header
    while start < end:
        _, at, start = header(der, start)
        _, oid_start, oid_end = header(der, at)
        tag, first, last = header(der, oid_end)
        is_critical = tag == walk.BOOLEAN and der[first:last] != b"\0"
        if tag == walk.BOOLEAN:
            _, first, last = header(der, last)
        yield der[oid_start:oid_end], is_critical, der[first:last]


def _read_extensions(der: bytes, start: int, end: int) -> dict[str, Any]:
    """The fields of ParsedCertificate that extensions give."""
    found: dict[str, Any] = dict(_ABSENT)
    unread: list[str] = []
    for oid, is_critical, value in _extensions(der, start, end):
        if (reader := _READERS.get(oid)) is None:
            continue
        field, read, name = reader
        try:
            found[field] = read(value)
        except (Malformed, ValueError, IndexError):
            unread.append(name)
        if field == "is_ca":
            found["has_noncritical_basic_constraints"] = not is_critical
    found["unread"] = tuple(unread)
    return found


def _names(value: bytes) -> tuple[str, ...]:
    names = []
    for tag, start, end in walk.sequence_values(value):
        if tag == DNS_NAME:
            names.append(value[start:end].decode("utf-8", "backslashreplace"))
        elif tag == IP_ADDRESS:
            names.append(str(ipaddress.ip_address(value[start:end])))
    return tuple(names)


def _is_ca(value: bytes) -> bool:
    return any(tag == walk.BOOLEAN and value[start] != 0 for tag, start, _ in walk.sequence_values(value))


@lru_cache(maxsize=1024)
def _aki(value: bytes) -> str:
    return next(
        (value[start:end].hex() for tag, start, end in walk.sequence_values(value) if tag == KEY_IDENTIFIER), ""
    )


@lru_cache(maxsize=1024)
def _policy(value: bytes) -> str:
    """The reserved policy that the certificate asserts; else the first policy of all."""
    found = []
    for _, start, _ in walk.sequence_values(value):
        _, first, last = walk.header(value, start)
        found.append(walk.dotted(value[first:last]))
    return next((POLICIES[oid] for oid in found if oid in POLICIES), found[0] if found else "")


@lru_cache(maxsize=1024)
def _crl_url(value: bytes) -> str:
    """The first http address of a complete list; entries with a distributionPoint by name alone have none."""
    return next((uri for _, start, end in walk.sequence_values(value) for uri in _uris(value, start, end, depth=2)), "")


@lru_cache(maxsize=1024)
def _ocsp_url(value: bytes) -> str:
    for _, start, end in walk.sequence_values(value):
        _, first, last = walk.header(value, start)
        if value[first:last] == OCSP_METHOD:
            return next(_uris(value, last, end, depth=0), "")
    return ""


def _uris(value: bytes, start: int, end: int, *, depth: int) -> Iterator[str]:
    """The http addresses in a value: depth 2 is that of DistributionPoint, distributionPoint and fullName."""
    for tag, first, last in walk.values(value, start, end):
        if tag == URI and value[first : first + 4].lower() == b"http":
            yield value[first:last].decode("ascii")
        elif tag == CONSTRUCTED_0 and depth:
            yield from _uris(value, first, last, depth=depth - 1)


def _present(_value: bytes) -> bool:
    return True


_ABSENT = {
    "names": (),
    "policy": "",
    "aki": "",
    "crl_url": "",
    "ocsp_url": "",
    "is_precertificate": False,
    "is_ca": False,
    "has_noncritical_basic_constraints": False,
}
_READERS: dict[bytes, tuple[str, Callable[[bytes], object], str]] = {
    bytes.fromhex("551d11"): ("names", _names, "subjectAltName"),
    bytes.fromhex("551d13"): ("is_ca", _is_ca, "basicConstraints"),
    bytes.fromhex("551d1f"): ("crl_url", _crl_url, "cRLDistributionPoints"),
    bytes.fromhex("551d20"): ("policy", _policy, "certificatePolicies"),
    bytes.fromhex("551d23"): ("aki", _aki, "authorityKeyIdentifier"),
    bytes.fromhex("2b06010505070101"): ("ocsp_url", _ocsp_url, "authorityInfoAccess"),
    bytes.fromhex("2b06010401d679020403"): ("is_precertificate", _present, "precertificate poison"),
}
OCSP_METHOD = bytes.fromhex("2b06010505073001")


# The names


_issuer_subjects: dict[bytes, str] = {}


def _issuer_subject(certificate: x509.Certificate, der: bytes) -> str:
    """The issuer's name; there are few issuers and many certificates, so it is read once per issuer."""
    if der not in _issuer_subjects:
        if len(_issuer_subjects) >= ISSUERS_REMEMBERED:
            _issuer_subjects.clear()
        _issuer_subjects[der] = _text(lambda: certificate.issuer, der)
    return _issuer_subjects[der]


def _text(name: Callable[[], x509.Name], der: bytes) -> str:
    try:
        return name().rfc4514_string()
    except (ValueError, UnicodeError, TypeError):
        return "#" + der.hex()


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
