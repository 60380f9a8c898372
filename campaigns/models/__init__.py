"""The truth about what was promised: campaigns, their scope, their deadlines, and what subscribers have done."""

from campaigns.models.affected import (
    AffectedCertificate,
    AffectedSubscriber,
    Exclusion,
    Replacement,
    earliest_deadline,
)
from campaigns.models.campaign import Audience, Campaign, EscalationStep
from campaigns.models.records import ScopeImport, ScopeLine, Snapshot

__all__ = [
    "AffectedCertificate",
    "AffectedSubscriber",
    "Audience",
    "Campaign",
    "EscalationStep",
    "Exclusion",
    "Replacement",
    "ScopeImport",
    "ScopeLine",
    "Snapshot",
    "earliest_deadline",
]
