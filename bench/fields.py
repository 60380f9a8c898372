"""The fields of a certificate by the objects of `cryptography`: the limit that the register's own parser is held to."""

import binascii
import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
_SHA256 = hashes.SHA256()
Fields = tuple[str, str, str, str, str, list[str], datetime, datetime, str, str, str]
"""Serial number, SHA-256 (none of a precertificate), SHA-256 of the key, subject, names, validity, policy, URLs."""


def blocks(path: Path) -> Iterator[bytes]:
    """The DER of each PEM block of a file, line by line."""
    inside: list[bytes] | None = None
    with path.open("rb") as lines:
        for line in lines:
            if line == BEGIN:
                inside = []
            elif line == END and inside is not None:
                yield binascii.a2b_base64(b"".join(inside))
                inside = None
            elif inside is not None:
                inside.append(line)


def read(certificate: x509.Certificate) -> Fields:
    """What the register keeps, with its extensions gone through once."""
    found: dict[type[Any], Any] = {type(each.value): each.value for each in certificate.extensions}
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    policies = found.get(x509.CertificatePolicies, ())
    return (
        format(certificate.serial_number, "x"),
        certificate.fingerprint(_SHA256).hex(),
        "",
        hashlib.sha256(key).hexdigest(),
        certificate.subject.rfc4514_string(),
        found[x509.SubjectAlternativeName].get_values_for_type(x509.DNSName),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        next((policy.policy_identifier.dotted_string for policy in policies), ""),
        next((name.value for point in found[x509.CRLDistributionPoints] for name in point.full_name or ()), ""),
        _ocsp_url(found[x509.AuthorityInformationAccess]),
    )


def _ocsp_url(access: x509.AuthorityInformationAccess) -> str:
    ocsp = AuthorityInformationAccessOID.OCSP
    return next((str(each.access_location.value) for each in access if each.access_method == ocsp), "")
