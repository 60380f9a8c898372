"""The reasons for which a certificate may be revoked, and what each looks like on a CRL."""

from cryptography import x509
from django.db import models


class CRLReason(models.TextChoices):
    """CRLReason of RFC 5280 5.3.1, only those that BR 7.2.2 allows for a subscriber's certificate.

    `certificateHold`, `cACompromise`, `removeFromCRL` and `aACompromise` cannot be spelled here on purpose.
    """

    UNSPECIFIED = "unspecified", "unspecified (0), no reasonCode on the CRL"
    KEY_COMPROMISE = "keyCompromise", "keyCompromise (1)"
    AFFILIATION_CHANGED = "affiliationChanged", "affiliationChanged (3)"
    SUPERSEDED = "superseded", "superseded (4)"
    CESSATION_OF_OPERATION = "cessationOfOperation", "cessationOfOperation (5)"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn", "privilegeWithdrawn (9)"


CODES = {
    CRLReason.UNSPECIFIED: 0,
    CRLReason.KEY_COMPROMISE: 1,
    CRLReason.AFFILIATION_CHANGED: 3,
    CRLReason.SUPERSEDED: 4,
    CRLReason.CESSATION_OF_OPERATION: 5,
    CRLReason.PRIVILEGE_WITHDRAWN: 9,
}

SUBSCRIBER_MAY_CHOOSE = (
    CRLReason.UNSPECIFIED,
    CRLReason.KEY_COMPROMISE,
    CRLReason.AFFILIATION_CHANGED,
    CRLReason.SUPERSEDED,
    CRLReason.CESSATION_OF_OPERATION,
)
"""What a subscriber is offered; privilegeWithdrawn is the CA's word alone (BR 7.2.2)."""


def flag(reason: str) -> x509.ReasonFlags | None:
    """The reasonCode to put on a CRL, or None where BR 7.2.2 demands that the extension be left out."""
    return None if reason == CRLReason.UNSPECIFIED else x509.ReasonFlags(reason)


def from_flag(found: x509.ReasonFlags | None) -> str:
    """The reason that a CRL entry states: an absent reasonCode means unspecified (RFC 5280 5.3.1)."""
    return CRLReason.UNSPECIFIED.value if found is None else found.value
