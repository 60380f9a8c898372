"""Looks for due notices. The rules are in the services."""

from celery import shared_task
from django.conf import settings

from campaigns.models import AffectedSubscriber, News
from core import clock
from core.due import work
from notices import services
from notices.models import Letter, Notice, NoticeQuerySet
from notices.routes import PERIOD
from subscribers.models import Channel, ContactCheck

LETTERS = 100
"""So many letters go out in a tick at most: nobody waits for them."""


@shared_task(expires=60)
def escalate() -> None:
    """Write the notices that are due."""
    work(AffectedSubscriber.objects.to_escalate, services.write_notices, again=escalate.delay)


@shared_task(expires=60)
def tell_news() -> None:
    """Write the news that is due: additions, corrections, and that certificates are revoked now."""
    work(News.objects.to_tell, services.tell_news, again=tell_news.delay)


@shared_task(expires=60)
def send() -> None:
    """Send the notices that are due: mail in one batch where a ceiling is set, and the other channels beside it."""
    free = services.free_for_notices(now=clock.now())
    limit = _least(settings.NOTICES_PER_TICK or None, None if free is None else min(free, settings.BATCH))
    has_more = not settings.NOTICES_PER_TICK and (free is None or free > settings.BATCH)
    taken = (
        0 if limit == 0 else work(_mails, services.send_notices, again=send.delay if has_more else None, limit=limit)
    )
    if free is not None and taken == free > 0:
        # The ceilings are used up by this batch: the next one begins as soon as they are free, not at some later tick.
        wait = PERIOD.total_seconds() / max(clock.speed(), 1)
        send.apply_async(countdown=wait, expires=wait + 60)
    work(_others, services.send_notices)
    work(Notice.objects.left_over, services.send_notices)


@shared_task(expires=60)
def read_mailboxes() -> None:
    """Read what came back by mail; a mailbox that is away holds up no other."""
    services.read_mailboxes(now=clock.now())


@shared_task(expires=60)
def send_letters() -> None:
    """Send a few letters, if no notice is due."""
    now = clock.now()
    limit = _least(services.free_for_letters(now=now), LETTERS)
    if limit and not services.has_due_notices(now=now):
        work(Letter.objects.sendable, services.send_letters, limit=limit)


def _least(*limits: int | None) -> int | None:
    return min((each for each in limits if each is not None), default=None)


def _mails() -> NoticeQuerySet:
    return Notice.objects.sendable().filter(channel=Channel.MAIL)


def _others() -> NoticeQuerySet:
    return Notice.objects.sendable().exclude(channel=Channel.MAIL)


@shared_task(expires=60)
def write_letters() -> None:
    """Write the letters that are due in rounds of verification: one batch in a tick, for they can wait."""
    services.close_rounds(now=clock.now())
    work(ContactCheck.objects.to_write, services.write_check_letters)


@shared_task(expires=60)
def remind_commitments() -> None:
    """Ask for the renewal of commitments that end soon."""
    services.remind_commitments(now=clock.now())
