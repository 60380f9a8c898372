"""The console's pages for campaigns: lists, and acts that each call one service."""

from campaigns.admin.additions import ScopeAdditionAdmin
from campaigns.admin.campaign import CampaignAdmin
from campaigns.admin.exclusions import ExclusionAdmin
from campaigns.admin.policies import EscalationPolicyAdmin

__all__ = ["CampaignAdmin", "EscalationPolicyAdmin", "ExclusionAdmin", "ScopeAdditionAdmin"]
