from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.models import Event, Seal
from audit.services import verify_seals


class Command(BaseCommand):
    help = (
        "Check the journal against its seals: each event as it was, none added, none missing. Exit status 1 on a fault."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        faults = 0
        for fault in verify_seals():
            faults += 1
            self.stderr.write(fault)
        if faults:
            raise CommandError(f"{faults} {'fault' if faults == 1 else 'faults'}. The journal is not what was sealed.")
        last = Seal.objects.order_by("-last_id").first()
        open_events = Event.objects.filter(pk__gt=last.last_id if last else 0).count()
        self.stdout.write(f"{Seal.objects.count():,} seals are whole; {open_events:,} events are too young for one.")
