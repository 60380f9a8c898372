"""The truth about what was promised: campaigns, their scope, their deadlines, and what subscribers have done."""

from campaigns.models.affected import (
    AffectedCertificate,
    AffectedSubscriber,
    Exclusion,
    Replacement,
    earliest_deadline,
)
from campaigns.models.campaign import Audience, Campaign, EscalationPolicy, EscalationStep, PolicyStep
from campaigns.models.news import AdditionLine, News, PageView, ScopeAddition
from campaigns.models.records import ScopeImport, ScopeLine, Snapshot

__all__ = [
    "AdditionLine",
    "AffectedCertificate",
    "AffectedSubscriber",
    "Audience",
    "Campaign",
    "EscalationPolicy",
    "EscalationStep",
    "Exclusion",
    "News",
    "PageView",
    "PolicyStep",
    "Replacement",
    "ScopeAddition",
    "ScopeImport",
    "ScopeLine",
    "Snapshot",
    "earliest_deadline",
]
