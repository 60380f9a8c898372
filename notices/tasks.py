"""Looks for due notices. The rules are in the services."""

from celery import shared_task
from django.conf import settings

from campaigns.models import AffectedSubscriber
from core import clock
from core.due import work
from notices import services
from notices.models import Notice
from subscribers.models import ContactCheck


@shared_task(expires=60)
def escalate() -> None:
    """Write the notices that are due."""
    work(AffectedSubscriber.objects.to_escalate, services.write_notices, again=escalate.delay)


@shared_task(expires=60)
def send() -> None:
    """Send the notices that are due, in one batch where a provider sets a limit for a tick."""
    ceiling = settings.NOTICES_PER_TICK or None
    work(Notice.objects.sendable, services.send_notices, again=None if ceiling else send.delay, limit=ceiling)


@shared_task(expires=60)
def write_letters() -> None:
    """Write the letters that are due in rounds of verification: one batch in a tick, for they can wait."""
    services.close_rounds(now=clock.now())
    work(ContactCheck.objects.to_write, services.write_check_letters)


@shared_task(expires=60)
def remind_commitments() -> None:
    """Ask for the renewal of commitments that end soon."""
    services.remind_commitments(now=clock.now())
