"""Collecting what comes back from the mailboxes of the house."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from audit.actors import SYSTEM
from audit.services import record
from core import clock
from core.errors import Refused, Unavailable
from notices.mailboxes import Found, Mailbox, name_of, open_mailbox
from notices.models import Route
from notices.services.inbound import record_inbound

log = logging.getLogger(__name__)
BATCH = 500


def read_mailboxes(urls: Sequence[str] | None = None, *, now: datetime) -> int:
    """Take in what lies in the mailboxes, each message once; how many there were.

    A mailbox that is away delays no other one; the journal says when that begins and when it ends.
    """
    taken = 0
    for url in settings.RETURN_MAILBOXES if urls is None else urls:
        name = name_of(url)
        try:
            with open_mailbox(url) as mailbox:
                taken += _collect(mailbox, name, now=now)
        except (Unavailable, Refused) as trouble:
            log.warning("%s cannot be read: %s", name, trouble)
            _note(name, str(trouble), now=now)
        else:
            _note(name, "", now=now)
    return taken


def mailboxes_away(*, now: datetime) -> timedelta | None:
    """For how long the mailbox that has been away longest could not be read; None when all are well."""
    names = [_row_name(name_of(url)) for url in settings.RETURN_MAILBOXES]
    rows = Route.objects.filter(name__in=names).exclude(trouble="")
    since: datetime | None = rows.aggregate(since=Min("measured_at"))["since"]
    return max(now - since, timedelta(0)) if since else None


def _collect(mailbox: Mailbox, name: str, *, now: datetime) -> int:
    taken = 0
    for found in mailbox.unread(limit=BATCH):
        if _kept(found, name, now=now):
            mailbox.mark(found.key)
            taken += 1
    return taken


def _kept(found: Found, name: str, *, now: datetime) -> bool:
    """Record one message. One that cannot be recorded stays where it is, and does not hold up those behind it."""
    received_at = now if clock.is_rehearsed() else min(found.received_at, now)
    try:
        record_inbound(found.raw, source=name, received_at=received_at, size=found.size, now=now)
    except Exception:
        log.exception("Message %s in %s could not be recorded; it stays there.", found.key, name)
        return False
    return True


def _row_name(name: str) -> str:
    return f"mailbox {name}"[:40]


def _note(name: str, trouble: str, *, now: datetime) -> None:
    """Remember how a mailbox does: `measured_at` is when it was last well, or first looked for."""
    with transaction.atomic():
        row, _ = Route.objects.get_or_create(name=_row_name(name), defaults={"measured_at": now})
        fields = {"trouble": trouble[:500]} if trouble else {"trouble": "", "measured_at": now}
        Route.objects.filter(pk=row.pk).update(**fields)
        if bool(row.trouble) != bool(trouble):
            verb = "mailbox.away" if trouble else "mailbox.back"
            record(verb, stream="register", about=row, actor=SYSTEM, now=now, facts={"mailbox": name, "why": trouble})
