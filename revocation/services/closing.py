"""The end of a campaign: nothing is left to revoke."""

import logging
from datetime import datetime

from audit.actors import SYSTEM
from campaigns.models import AffectedCertificate, Campaign, Exclusion
from campaigns.services import complete_campaign
from core.errors import Refused

log = logging.getLogger(__name__)


def close_finished_campaigns(*, now: datetime) -> list[Campaign]:
    """Complete the running campaigns of which every certificate is published, expired or excluded for good."""
    return [campaign for campaign in Campaign.objects.running() if _close(campaign, now=now)]


def is_finished(campaign: Campaign, now: datetime) -> bool:
    """Whether nothing remains, and no exclusion that ends holds anything back."""
    if AffectedCertificate.objects.remaining(now).filter(campaign=campaign).exists():
        return False
    ending = Exclusion.objects.standing(now).filter(until__isnull=False, affected_certificate__campaign=campaign)
    return not ending.filter(affected_certificate__published_at=None).exists()


def _close(campaign: Campaign, *, now: datetime) -> bool:
    try:
        if not is_finished(campaign, now):
            return False
        complete_campaign(campaign, actor=SYSTEM, now=now)
    except Refused as refusal:
        log.info("%s is not complete yet: %s", campaign.stream, refusal)
        return False
    except Exception:
        log.exception("%s could not be completed; the next tick tries again.", campaign.stream)
        return False
    return True
