"""Read the mailboxes of what comes back, with no Celery and no Redis."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core import clock
from core.errors import Refused, Unavailable
from notices.mailboxes import name_of, open_mailbox
from notices.services import read_mailboxes

SHOWN = 1000


class Command(BaseCommand):
    help = (
        "Take in bounces, automatic replies and answers from the mailboxes of RETURN_MAILBOXES: the same work that the "
        "beat's `notices.tasks.read_mailboxes` does. Without --commit it only says how much lies there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--commit", action="store_true", help="take the messages in; without it nothing changes")

    def handle(self, *args: Any, commit: bool, **options: Any) -> None:
        """Say what lies in the mailboxes, or take it in until nothing new is left."""
        if not settings.RETURN_MAILBOXES:
            raise CommandError("No mailbox is set; RETURN_MAILBOXES names them.")
        if commit:
            total = 0
            while taken := read_mailboxes(now=clock.now()):
                total += taken
            self.stdout.write(f"{total:,} messages taken in.")
        if trouble := [said for url in settings.RETURN_MAILBOXES if (said := self._look(url))]:
            raise CommandError("\n".join(trouble))

    def _look(self, url: str) -> str:
        """Say how much lies in a mailbox; what is wrong with it, if anything is."""
        try:
            with open_mailbox(url) as mailbox:
                count = sum(1 for _ in mailbox.unread(limit=SHOWN))
        except (Refused, Unavailable) as trouble:
            return f"{name_of(url)}: {trouble}"
        more = " or more" if count == SHOWN else ""
        self.stdout.write(f"{name_of(url)}: {count:,}{more} messages to take in.")
        return ""
