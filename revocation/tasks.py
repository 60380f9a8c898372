"""The tasks of revocation: look now. Which rows are due, and what is to be done, is said elsewhere."""

from celery import shared_task

from core import clock
from core.due import work
from revocation import services
from revocation.models import Revocation


@shared_task(expires=60)
def schedule() -> None:
    """Keep the plans, let through what is due, and complete what is finished."""
    now = clock.now()
    services.schedule_revocations(now=now)
    services.close_finished_campaigns(now=now)


@shared_task(expires=60)
def submit() -> None:
    """Hand a batch to the CAs."""
    work(Revocation.objects.submittable, services.submit, again=submit.delay)


@shared_task(expires=60)
def verify() -> None:
    """Look for a batch on the CRLs."""
    work(Revocation.objects.unverified, services.verify_published, again=verify.delay, limit=services.LOOK_LIMIT)
