"""Write and send the notices that are due, with no Celery and no Redis."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, QuerySet
from tqdm import tqdm

from campaigns.models import AffectedSubscriber, News
from core import clock
from core.due import DueModel, work
from notices import services
from notices.models import Letter, Notice
from subscribers.models import ContactCheck


class Command(BaseCommand):
    help = (
        "Write and send the notices that are due, with no Celery and no Redis: the same work that the beat's "
        "`notices.tasks` do, safe beside them. Without --commit it only says what is due."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--commit", action="store_true", help="write and send; without it nothing changes")

    def handle(self, *args: Any, commit: bool, **options: Any) -> None:
        """Say what is due, or do all of it: first the writing, then the sending, until nothing is due any more."""
        if not commit:
            self._tell(clock.now())
            return
        escalated = self._all("Writing", AffectedSubscriber.objects.to_escalate, services.write_notices)
        self._all("Telling news", News.objects.to_tell, services.tell_news)
        tried = self._all("Sending", Notice.objects.sendable, services.send_notices)
        services.close_rounds(now=clock.now())
        services.remind_commitments(now=clock.now())
        self._all("Writing letters", ContactCheck.objects.to_write, services.write_check_letters)
        letters = 0
        if not services.has_due_notices(now=clock.now()):
            letters = self._all("Letters", Letter.objects.sendable, services.send_letters)
        waiting = Notice.objects.sendable().filter(due_at__isnull=False).count()
        self.stdout.write(
            f"{escalated:,} affected subscribers looked at, {tried:,} notices taken up; "
            f"{waiting:,} notices wait for another attempt. {letters:,} letters taken up."
        )

    def _tell(self, now: datetime) -> None:
        due, sendable = (
            rows.filter(due_at__lte=now)
            for rows in (AffectedSubscriber.objects.to_escalate(), Notice.objects.sendable())
        )
        self._by_campaign(due, "campaign__title", "affected subscribers are due for their next step")
        self._by_campaign(sendable, "affected_subscriber__campaign__title", "notices are due to be sent")
        asked = ContactCheck.objects.to_write().filter(due_at__lte=now).count()
        self.stdout.write(f"{asked:,} contacts are due to be asked whether they are still the right ones.")
        letters = Letter.objects.sendable().filter(due_at__lte=now).count()
        self.stdout.write(f"{letters:,} letters of the register are due; they go out when no notice is.")
        self.stdout.write("Nothing was written or sent. Run again with --commit to do it.")

    def _by_campaign(self, rows: QuerySet[Any], title: str, what: str) -> None:
        for name, count in rows.order_by(title).values_list(title).annotate(count=Count("pk")):
            self.stdout.write(f"{name}: {count:,} {what}.")
        if not rows.exists():
            self.stdout.write(f"No {what}.")

    def _all(self, title: str, rows: Callable[[], QuerySet[Any]], act: Callable[..., object]) -> int:
        """Work until nothing is due; how many rows were taken. A bar on a terminal, plain lines elsewhere."""
        total = 0
        with tqdm(desc=title, unit="", disable=not self.stderr.isatty(), file=self.stderr) as bar:
            while taken := work(rows, _shown(act, bar)):
                total += taken
                if bar.disable:
                    self.stdout.write(f"{title}: {total:,}")
        return total


def _shown(act: Callable[..., object], bar: Any) -> Callable[..., object]:
    def shown(rows: Sequence[DueModel], *, now: datetime) -> object:
        result = act(rows, now=now)
        bar.update(len(rows))
        return result

    return shown
