"""Seals the journal."""

from celery import shared_task

from audit.services import seal_events
from core import clock


@shared_task(expires=600)
def seal() -> None:
    """Seal the events that have settled."""
    seal_events(now=clock.now())
