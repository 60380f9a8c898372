"""The certificates that a sandbox CA issues: DER in the shape of BR 7.1.2.7, and one known defect on demand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

BasicConstraints = Literal["absent", "critical", "not-critical"]
DOMAIN_VALIDATED, ORGANIZATION_VALIDATED = (
    x509.ObjectIdentifier("2.23.140.1.2.1"),
    x509.ObjectIdentifier("2.23.140.1.2.2"),
)
USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """What to put into one certificate. `basic_constraints` "not-critical" is the defect of the 2024 incident."""

    public_key: CertificatePublicKeyTypes
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    basic_constraints: BasicConstraints = "absent"
    subject: x509.Name | None = None


@dataclass(frozen=True)
class Signer:
    """Who signs, and what its certificates say about where their status is found."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    key_identifier: x509.AuthorityKeyIdentifier
    authority_access: x509.AuthorityInformationAccess


def access(ocsp_url: str) -> x509.AuthorityInformationAccess:
    """The extension that names the OCSP responder."""
    where = x509.UniformResourceIdentifier(ocsp_url)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)])


def sign(leaf: Leaf, signer: Signer, *, serial_number: int, crl_url: str) -> x509.Certificate:
    """Build and sign one certificate. Raises ValueError for names or dates that cannot be encoded."""
    subject = leaf.subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, leaf.names[0])])
    has_organization = bool(subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    policy = ORGANIZATION_VALIDATED if has_organization else DOMAIN_VALIDATED
    builder = x509.CertificateBuilder(
        signer.name, subject, leaf.public_key, serial_number, leaf.not_before, leaf.not_after
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([x509.DNSName(name) for name in leaf.names]), False),
        (USAGE, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.CertificatePolicies([x509.PolicyInformation(policy, None)]), False),
        (signer.key_identifier, False),
        (signer.authority_access, False),
        (distribution_point(crl_url), False),
    ]
    if leaf.basic_constraints != "absent":
        extensions.append((x509.BasicConstraints(ca=False, path_length=None), leaf.basic_constraints == "critical"))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer.key, hashes.SHA256())


def distribution_point(crl_url: str) -> x509.CRLDistributionPoints:
    """The extension that names the CRL shard of a certificate."""
    where = [x509.UniformResourceIdentifier(crl_url)]
    return x509.CRLDistributionPoints([x509.DistributionPoint(where, None, None, None)])
