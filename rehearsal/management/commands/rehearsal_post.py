import json
import os
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rehearsal import telephones
from rehearsal.mailbox import Mailboxes
from rehearsal.people import AWAY, Person
from rehearsal.post import Mailman, Provider, Sink, serve
from rehearsal.postmaster import ReturnMailbox


class Command(BaseCommand):
    help = "The sinks of a rehearsal: mail over SMTP, texts and calls over HTTP, both on loopback; and what comes back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--telephone-port", type=int, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REHEARSAL:
            raise CommandError("This is a part of `manage.py rehearse`, which starts it.")
        people = [Person.from_json(each) for each in json.loads((settings.VAR / "people.json").read_text())]
        fates = {address: fate for each in people for address, fate in each.mailboxes.items()}
        away = {address: each for each in people for address, fate in each.mailboxes.items() if fate == AWAY}
        provider = Provider(
            f"{settings.SITE_URL}/anymail/mailgun/tracking/", os.environ["ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY"]
        )
        boxes = Mailboxes(settings.VAR / "post.sqlite3")
        mailman = Mailman(ReturnMailbox(settings.VAR / "returned"), away)
        controller = serve(Sink(boxes, fates, provider, mailman, settings.VAR / "post.stopped"), options["port"])
        phones = telephones.serve(telephones.Telephones(boxes, fates), options["telephone_port"])
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        phones.shutdown()
        controller.stop()
