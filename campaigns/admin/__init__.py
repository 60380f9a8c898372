"""The console's pages for campaigns: lists, and acts that each call one service."""

from campaigns.admin.campaign import CampaignAdmin
from campaigns.admin.exclusions import ExclusionAdmin

__all__ = ["CampaignAdmin", "ExclusionAdmin"]
