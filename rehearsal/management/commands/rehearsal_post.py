import json
import os
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rehearsal.mailbox import Mailboxes
from rehearsal.post import Provider, Sink, serve


class Command(BaseCommand):
    help = "The mail sink of a rehearsal: takes notices over SMTP on loopback and reports through the webhook."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REHEARSAL:
            raise CommandError("This is a part of `manage.py rehearse`, which starts it.")
        people = json.loads((settings.VAR / "people.json").read_text())
        fates = {address: fate for each in people for address, fate in each["mailboxes"].items()}
        provider = Provider(
            f"{settings.SITE_URL}/anymail/mailgun/tracking/", os.environ["ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY"]
        )
        sink = Sink(Mailboxes(settings.VAR / "post.sqlite3"), fates, provider, settings.VAR / "post.stopped")
        controller = serve(sink, options["port"])
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        controller.stop()
