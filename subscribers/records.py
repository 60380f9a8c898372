"""The kinds of records that the register takes in, their columns, and how a row becomes one.

A column may have several names, whatever their case; spaces, dots and dashes count as underscores. The kind of a table
is seen from its columns. An empty cell says nothing: it never erases what the register knows.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from core.errors import Malformed
from subscribers import fields
from subscribers.certificates import ParsedCertificate, ParsedIssuer, parse_issuer, parse_pem


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    reference: str
    name: str
    subscriber_class: str | None = None
    language: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    subscriber: str
    email: str
    name: str | None = None
    phone: str | None = None
    role: str | None = None
    rank: int | None = None
    verified_at: datetime | None = None
    takes_sms: bool | None = None
    takes_voice: bool | None = None
    chat_url: str | None = None
    webhook_url: str | None = None
    language: str | None = None
    time_zone: str | None = None
    source: str | None = None
    bounced_at: datetime | None = None
    bounce_note: str | None = None
    left_at: datetime | None = None
    left_note: str | None = None


@dataclass(frozen=True, slots=True)
class CommitmentRecord:
    subscriber: str
    window: timedelta
    given_by: str
    given_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class IssuerRecord:
    name: str
    certificate: ParsedIssuer
    crl_urls: list[str] | None = None
    ocsp_url: str | None = None
    backend: str | None = None
    backend_options: dict[str, Any] | None = None
    crl_interval: timedelta | None = None
    revocations_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate that we hold."""

    certificate: ParsedCertificate
    subscriber: str | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class GivenCertificate:
    """A certificate that we have been told of; `issuer` is its name, key identifier or subject."""

    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    subscriber: str | None = None
    fingerprint_sha256: str | None = None
    precert_sha256: str | None = None
    spki_sha256: str | None = None
    subject: str | None = None
    names: list[str] | None = None
    policy: str | None = None
    crl_url: str | None = None
    ocsp_url: str | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class AssignmentRecord:
    """Which subscriber a certificate belongs to, by fingerprint or by issuer and serial number."""

    subscriber: str
    fingerprint_sha256: str | None = None
    issuer: str | None = None
    serial_number: str | None = None


Record: TypeAlias = (
    SubscriberRecord
    | ContactRecord
    | CommitmentRecord
    | IssuerRecord
    | CertificateRecord
    | GivenCertificate
    | AssignmentRecord
)


class FieldError(Malformed):
    """A value of one field is wrong."""

    def __init__(self, field: str, text: object) -> None:
        super().__init__(str(text))
        self.field = field


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind."""

    name: str
    convert: fields.Convert
    also: tuple[str, ...] = ()
    """Further names under which it is known outside."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: its columns, those that must be there, and what is made of a row's values."""

    name: str
    columns: tuple[Column, ...]
    required: tuple[tuple[str, ...], ...]
    """Of each tuple, one column must be there and be filled."""
    make: Callable[..., Record]

    def recognise(self, header: Iterable[str]) -> dict[str, int]:
        """Which of this kind's columns stand where in a header. Raises `Malformed` if one is there twice."""
        spelled = {name: column.name for column in self.columns for name in (column.name, *column.also)}
        found: dict[str, int] = {}
        for at, title in enumerate(header):
            if name := spelled.get(normal(title)):
                if name in found:
                    raise Malformed(f"The column {name} is there twice.")
                found[name] = at
        return found

    def missing(self, found: Iterable[str]) -> list[str]:
        """The required columns that are not there."""
        present = set(found)
        return [" or ".join(choice) for choice in self.required if not present.intersection(choice)]


def normal(title: str) -> str:
    """A column's name as it is compared."""
    return re.sub(r"[\s.\-/]+", "_", title.strip().lower())


def _contact(**values: Any) -> ContactRecord:
    if not values.get("phone") and (values.get("takes_sms") or values.get("takes_voice")):
        raise FieldError("phone", "is empty, and text messages or calls are to go there.")
    return ContactRecord(**{"email": "", **values})


def _commitment(**values: Any) -> CommitmentRecord:
    if values["valid_until"] <= values["given_at"]:
        raise FieldError("valid_until", "is not after given_at.")
    return CommitmentRecord(**values)


def _issuer(certificate_pem: str, **values: Any) -> IssuerRecord:
    try:
        return IssuerRecord(certificate=parse_issuer(certificate_pem), **values)
    except Malformed as error:
        raise FieldError("certificate_pem", error) from None


def _given(serial_number: str | None = None, serial_decimal: str | None = None, **values: Any) -> GivenCertificate:
    if values["not_after"] < values["not_before"]:
        raise FieldError("not_after", "is before not_before.")
    return GivenCertificate(serial_number=_one_serial(serial_number, serial_decimal) or "", **values)


def _held(certificate_pem: str, fingerprint_sha256: str | None = None, **values: Any) -> CertificateRecord:
    try:
        certificate = parse_pem(certificate_pem)
    except Malformed as error:
        raise FieldError("certificate_pem", error) from None
    if certificate.is_ca:
        raise FieldError("certificate_pem", CA_CERTIFICATE)
    if fingerprint_sha256 not in (None, certificate.fingerprint_sha256):
        raise FieldError("fingerprint_sha256", "is not that of the certificate in this row.")
    return CertificateRecord(certificate, **values)


def _assignment(serial_number: str | None = None, serial_decimal: str | None = None, **values: Any) -> AssignmentRecord:
    serial = _one_serial(serial_number, serial_decimal)
    if not values.get("fingerprint_sha256") and not (serial and values.get("issuer")):
        raise FieldError("fingerprint_sha256", "is empty, and there are not both issuer and serial_number.")
    return AssignmentRecord(serial_number=serial, **values)


def _one_serial(in_hex: str | None, in_decimal: str | None) -> str | None:
    if in_hex and in_decimal and in_hex != in_decimal:
        raise FieldError("serial_decimal", "is another number than serial_number.")
    return in_hex or in_decimal


CA_CERTIFICATE = "This is a CA's certificate; it belongs into a table of issuers."

REFERENCE = Column(
    "subscriber", fields.text(64), ("subscriber_reference", "subscriber_id", "account", "account_number")
)
SERIAL = Column("serial_number", fields.serial_number, ("serial", "serial_hex", "serialnumber"))
SERIAL_DECIMAL = Column("serial_decimal", fields.serial_decimal, ("serial_number_decimal", "decimal_serial"))
FINGERPRINT = Column("fingerprint_sha256", fields.sha256, ("fingerprint", "sha256", "sha_256", "sha256_fingerprint"))
ISSUER = Column("issuer", fields.text(1000), ("issuer_name", "ca", "issuer_key_id", "authority_key_identifier"))
PEM = Column("certificate_pem", lambda value: value, ("pem", "certificate"))
REVOKED = (
    Column("revoked_at", fields.moment, ("revocation_date",)),
    Column("revocation_reason", fields.one_of(fields.REASONS), ("reason", "crl_reason")),
)

SUBSCRIBERS = Kind(
    "subscriber",
    (
        Column("reference", fields.text(64), (REFERENCE.name, *REFERENCE.also, "id")),
        Column("name", fields.text(200), ("subscriber_name", "organization", "organisation")),
        Column("subscriber_class", fields.one_of(fields.CLASSES), ("class", "category")),
        Column("language", fields.language, ("lang", "locale")),
        Column("time_zone", fields.time_zone, ("timezone", "tz")),
    ),
    (("reference",), ("name",)),
    SubscriberRecord,
)
CONTACTS = Kind(
    "contact",
    (
        REFERENCE,
        Column("email", fields.email, ("e_mail", "mail", "email_address")),
        Column("name", fields.text(200), ("contact", "contact_name", "full_name")),
        Column("phone", fields.phone, ("telephone", "phone_number", "mobile")),
        Column("role", fields.one_of(fields.ROLES)),
        Column("rank", fields.number(32767), ("order", "priority")),
        Column("verified_at", fields.moment, ("verified", "last_verified_at")),
        Column("takes_sms", fields.yes_or_no, ("sms",)),
        Column("takes_voice", fields.yes_or_no, ("voice",)),
        Column("chat_url", fields.chat_url, ("chat",)),
        Column("webhook_url", fields.webhook_url, ("webhook",)),
        Column("language", fields.language, ("lang", "locale")),
        Column("time_zone", fields.time_zone, ("timezone", "tz")),
        Column("source", fields.text(200), ("comes_from",)),
        Column("bounced_at", fields.moment, ("last_bounce_at",)),
        Column("bounce_note", fields.text(500)),
        Column("left_at", fields.moment),
        Column("left_note", fields.text(500)),
    ),
    (("subscriber",), ("email", "phone")),
    _contact,
)
COMMITMENTS = Kind(
    "commitment",
    (
        REFERENCE,
        Column("window", fields.window, ("replaces_within",)),
        Column("given_by", fields.text(200), ("signed_by",)),
        Column("given_at", fields.moment, ("signed_at",)),
        Column("valid_until", fields.moment, ("until",)),
    ),
    (("subscriber",), ("window",), ("given_by",), ("given_at",), ("valid_until",)),
    _commitment,
)
ISSUERS = Kind(
    "issuer",
    (
        Column("name", fields.text(200)),
        PEM,
        Column("crl_urls", fields.urls, ("crl_url", "crl")),
        Column("ocsp_url", fields.url, ("ocsp",)),
        Column("backend", fields.text(40)),
        Column("backend_options", fields.mapping, ("options",)),
        Column("crl_interval", fields.duration),
        Column("revocations_per_second", fields.rate, ("rate",)),
    ),
    (("name",), ("certificate_pem",)),
    _issuer,
)
HELD = Kind("certificate", (PEM, REFERENCE, FINGERPRINT, *REVOKED), (("certificate_pem",),), _held)
GIVEN = Kind(
    "certificate",
    (
        ISSUER,
        SERIAL,
        SERIAL_DECIMAL,
        Column("not_before", fields.moment, ("valid_from", "notbefore")),
        Column("not_after", fields.moment, ("valid_to", "notafter", "expires", "expires_at")),
        REFERENCE,
        FINGERPRINT,
        Column("precert_sha256", fields.sha256, ("precertificate_sha256",)),
        Column("spki_sha256", fields.sha256, ("key_sha256",)),
        Column("subject", fields.text(1000), ("subject_dn",)),
        Column("names", fields.names, ("dns_names", "sans", "subject_alternative_names", "domains")),
        Column("policy", fields.text(64)),
        Column("crl_url", fields.url, ("crl",)),
        Column("ocsp_url", fields.url, ("ocsp",)),
        *REVOKED,
    ),
    (("issuer",), ("serial_number", "serial_decimal"), ("not_before",), ("not_after",)),
    _given,
)
ASSIGNMENTS = Kind(
    "assignment",
    (REFERENCE, FINGERPRINT, ISSUER, SERIAL, SERIAL_DECIMAL),
    (("subscriber",), ("fingerprint_sha256", "serial_number", "serial_decimal")),
    _assignment,
)
KINDS = (ISSUERS, HELD, GIVEN, COMMITMENTS, CONTACTS, ASSIGNMENTS, SUBSCRIBERS)
"""In the order in which they are tried: what demands more of a header comes first."""
BY_NAME = {kind.name: kind for kind in reversed(KINDS)}
