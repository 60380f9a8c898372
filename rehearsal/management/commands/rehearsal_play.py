from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rehearsal.incident import SLUG
from rehearsal.mailbox import Mailboxes
from rehearsal.play import Cast, Play
from rehearsal.portal import Portal
from rehearsal.postmaster import ReturnMailbox
from revocation.sandbox import open_ca


class Command(BaseCommand):
    help = "The simulated readers of a rehearsal: they read their mail and answer through the links."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REHEARSAL:
            raise CommandError("This is a part of `manage.py rehearse`, which starts it.")
        portal = Portal(open_ca(Path(settings.SANDBOX_ROOT), SLUG), settings.VAR)
        cast = Cast.load(settings.VAR / "people.json")
        with ThreadPoolExecutor(4) as threads:
            boxes, returned = Mailboxes(settings.VAR / "post.sqlite3"), ReturnMailbox(settings.VAR / "returned")
            Play(cast, boxes, portal, returned, threads).run()
