"""Looks for confirmed certificates to verify, and keeps the numbers of running campaigns."""

import logging

from celery import shared_task

from campaigns import services
from campaigns.models import AffectedCertificate, Campaign
from core import clock
from core.due import work

log = logging.getLogger(__name__)


@shared_task(expires=60)
def check_replacements() -> None:
    """Look for the replacements of confirmed certificates."""
    work(AffectedCertificate.objects.to_verify, services.verify_replacements, again=check_replacements.delay)


@shared_task(expires=60)
def snapshot() -> None:
    """Keep the counts of each running campaign."""
    now = clock.now()
    for campaign in Campaign.objects.running():
        try:
            services.take_snapshot(campaign, now=now)
        except Exception:
            log.exception("%s could not be counted; the next tick tries again.", campaign.stream)
