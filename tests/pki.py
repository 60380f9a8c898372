"""A real CA for tests: certificates, CRLs and OCSP answers made by `cryptography`, sound or broken on purpose.

Keys are made once per run and never written to disk. Everything is a plain function with knobs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from core import der
from tests.conftest import NOW

DAY = timedelta(days=1)
SHARD = "http://crl.ca.example/1.crl"
RESPONDER = "http://ocsp.ca.example"
HIGH_BIT = 0xF0DEBC9A78563412
"""A serial number whose DER needs a leading zero octet, or it would read as negative."""
TWENTY_OCTETS = 2**159 - 1
"""The largest serial number of RFC 5280 4.1.2.2."""
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")

Entry = tuple[int, datetime, x509.ReasonFlags | None]


@cache
def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key(name: str = "ca") -> ec.EllipticCurvePrivateKey:
    """A P-256 key, the same for the same name throughout one run."""
    return _key(name)


def name(common_name: str, organization: str = "") -> x509.Name:
    """A subject or issuer name."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Authority:
    """A CA: its key and its own certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())


def authority(common_name: str = "Test CA", key_name: str = "ca", signs_crls: bool = True) -> Authority:
    """A self-signed CA, the same for the same arguments throughout one run."""
    return _authority(common_name, key_name, signs_crls)


@cache
def _authority(common_name: str, key_name: str, signs_crls: bool) -> Authority:
    own, title = key(key_name), name(common_name)
    usage = x509.KeyUsage(False, False, False, False, False, True, signs_crls, False, False)
    builder = x509.CertificateBuilder(title, title, own.public_key(), 1, NOW - 900 * DAY, NOW + 3000 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    return Authority(own, builder.sign(own, hashes.SHA256()))


def leaf(
    ca: Authority | None = None,
    *,
    names: Sequence[str] = ("www.subscriber.example",),
    subject: x509.Name | None = None,
    serial: int | None = None,
    key_name: str = "leaf",
    not_before: datetime = NOW - 30 * DAY,
    not_after: datetime = NOW + 60 * DAY - timedelta(seconds=1),
    basic_constraints: Literal["absent", "critical", "not-critical"] = "absent",
    crl_url: str = SHARD,
    ocsp_url: str = RESPONDER,
) -> x509.Certificate:
    """A subscriber's certificate. Without `names` there is no SAN, without a URL no extension that names it."""
    ca = ca or authority()
    subject = subject or name(names[0] if names else "without SAN")
    serial = x509.random_serial_number() if serial is None else serial
    builder = x509.CertificateBuilder(
        ca.certificate.subject, subject, key(key_name).public_key(), serial, not_before, not_after
    ).add_extension(ca.key_identifier, critical=False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
        )
    if basic_constraints != "absent":
        is_critical = basic_constraints == "critical"
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=is_critical)
    if crl_url:
        where = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([where]), critical=False)
    if ocsp_url:
        found_at = x509.UniformResourceIdentifier(ocsp_url)
        responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, found_at)
        builder = builder.add_extension(x509.AuthorityInformationAccess([responder]), critical=False)
    return builder.sign(ca.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def hex_of(certificate: x509.Certificate) -> str:
    """The serial number as the register keeps it."""
    return format(certificate.serial_number, "x")


# Strange certificates, which no builder makes


def resigned(certificate: x509.Certificate, old: bytes, new: bytes, ca: Authority | None = None) -> bytes:
    """The DER with the one place that reads `old` replaced by `new` of the same length, and signed again."""
    tbs = certificate.tbs_certificate_bytes
    assert len(old) == len(new)
    assert tbs.count(old) == 1
    return _signed(tbs.replace(old, new), (ca or authority()).key)


def with_negative_serial(ca: Authority | None = None) -> bytes:
    """A certificate whose serial number lacks the leading zero octet and so reads as negative."""
    certificate = leaf(ca, serial=0x7EDCBA9876543210)
    return resigned(certificate, bytes.fromhex("02087edcba9876543210"), bytes.fromhex("0208fedcba9876543210"), ca)


def with_teletex_subject(ca: Authority | None = None) -> bytes:
    """A certificate whose subject is a T61String with a Latin-1 octet: old, and still met."""
    certificate = leaf(ca, names=("old.subscriber.example",), subject=name("Bank Zuerich"))
    plain = certificate.subject.public_bytes()
    strange = plain.replace(b"\x0c\x0cBank Zuerich", b"\x14\x0cBank Z\xfcrich ")
    return resigned(certificate, plain, strange, ca)


def truncated(data: bytes, missing: int = 20) -> bytes:
    """The same without its end."""
    return data[:-missing]


def _signed(tbs: bytes, signer: ec.EllipticCurvePrivateKey) -> bytes:
    signature = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der.sequence(tbs, ECDSA_WITH_SHA256, der.tlv(der.BIT_STRING, b"\x00" + signature))


# CRLs


def shard_scope(url: str | None = SHARD) -> x509.IssuingDistributionPoint:
    """The scope of one shard of subscribers' certificates."""
    full_name = [x509.UniformResourceIdentifier(url)] if url else None
    return x509.IssuingDistributionPoint(full_name, None, True, False, None, False, False)


def entry(
    serial: int, at: datetime, reason: x509.ReasonFlags | None, *more: tuple[x509.ExtensionType, bool]
) -> x509.RevokedCertificate:
    """One entry of a CRL; `more` are further extensions with their criticality."""
    builder = x509.RevokedCertificateBuilder(serial, at)
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    return builder.build()


def crl(
    entries: Iterable[Entry | x509.RevokedCertificate] = (),
    ca: Authority | None = None,
    *,
    signer: ec.EllipticCurvePrivateKey | None = None,
    number: int | None = 1,
    this_update: datetime = NOW - timedelta(hours=1),
    next_update: datetime = NOW + 7 * DAY,
    scope: x509.IssuingDistributionPoint | None = None,
    scope_is_critical: bool = True,
    key_identifier: x509.AuthorityKeyIdentifier | None = None,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """A CRL in DER; another `signer` than the CA's own key makes its signature wrong."""
    ca = ca or authority()
    listed = [one if isinstance(one, x509.RevokedCertificate) else entry(*one) for one in entries]
    builder = x509.CertificateRevocationListBuilder(
        ca.certificate.subject, this_update, next_update, revoked_certificates=listed
    )
    extensions = [(key_identifier or ca.key_identifier, False), *more]
    if number is not None:
        extensions.append((x509.CRLNumber(number), False))
    if scope is not None:
        extensions.append((scope, scope_is_critical))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer or ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# OCSP


@dataclass(frozen=True)
class Answer:
    """What an OCSP responder says of one certificate."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    revoked_at: datetime | None = None
    reason: x509.ReasonFlags | None = None
    this_update: datetime = NOW - timedelta(hours=1)
    next_update: datetime | None = NOW + timedelta(hours=7)


GOOD = Answer()
REVOKED = Answer(ocsp.OCSPCertStatus.REVOKED, NOW - timedelta(hours=2), x509.ReasonFlags.superseded)
UNKNOWN = replace(GOOD, status=ocsp.OCSPCertStatus.UNKNOWN)


def responder(
    ca: Authority | None = None,
    *,
    is_for_ocsp: bool = True,
    has_nocheck: bool = True,
    not_after: datetime = NOW + 30 * DAY,
) -> Authority:
    """A delegated OCSP responder, appointed by the CA (RFC 6960 4.2.2.2) as far as the knobs allow."""
    ca = ca or authority()
    own = key("responder")
    usage = ExtendedKeyUsageOID.OCSP_SIGNING if is_for_ocsp else ExtendedKeyUsageOID.SERVER_AUTH
    builder = x509.CertificateBuilder(
        ca.certificate.subject, name("Test OCSP"), own.public_key(), 7, NOW - DAY, not_after
    ).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if has_nocheck:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    return Authority(own, builder.sign(ca.key, hashes.SHA256()))


def ocsp_answer(
    certificate: x509.Certificate,
    answer: Answer = GOOD,
    ca: Authority | None = None,
    *,
    by: Authority | None = None,
    names_responder: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """A signed answer in DER, by the CA or by a responder, which it names by key or by name."""
    ca = ca or authority()
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate, ca.certificate, algorithm or hashes.SHA1(), answer.status, answer.this_update, answer.next_update,
        answer.revoked_at, answer.reason,
    )  # fmt: skip
    builder = builder.responder_id(names_responder, (by or ca).certificate)
    if by:
        builder = builder.certificates([by.certificate])
    return builder.sign((by or ca).key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
