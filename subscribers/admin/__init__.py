"""The register in the operators' console."""

from subscribers.admin.register import CertificateAdmin, ContactAdmin, IssuerAdmin, SubscriberAdmin
from subscribers.admin.rounds import CheckRoundAdmin

__all__ = ["CertificateAdmin", "CheckRoundAdmin", "ContactAdmin", "IssuerAdmin", "SubscriberAdmin"]
