"""Looks for due notices. The rules are in the services."""

from celery import shared_task
from django.conf import settings

from campaigns.models import AffectedSubscriber
from core.due import work
from notices import services
from notices.models import Notice


@shared_task(expires=60)
def escalate() -> None:
    """Write the notices that are due."""
    work(AffectedSubscriber.objects.to_escalate, services.write_notices, again=escalate.delay)


@shared_task(expires=60)
def send() -> None:
    """Send the notices that are due, in one batch where a provider sets a limit for a tick."""
    ceiling = settings.NOTICES_PER_TICK or None
    work(Notice.objects.sendable, services.send_notices, again=None if ceiling else send.delay, limit=ceiling)
