"""`manage.py revoke_due`: what the workers do for revocations, without Celery and Redis."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import Count

from core import clock
from core.due import work
from revocation import services
from revocation.models import Revocation

SHOWN = 5
"""How many serial numbers are shown of each group."""


class Command(BaseCommand):
    """Schedule, hand over and verify whatever is due now, until nothing more can be done at this moment."""

    help = (
        "Schedule the revocations of running campaigns, hand what is due to the CAs and look for it on their CRLs. "
        "Without --commit it only says what it would do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--commit`."""
        parser.add_argument("--commit", action="store_true", help="really do it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say what would be done."""
        if not options["commit"]:
            self._preview(clock.now())
            return
        handed_over = looked_at = 0
        while True:
            now = clock.now()
            services.schedule_revocations(now=now)
            handed = work(Revocation.objects.submittable, services.submit)
            looked = work(Revocation.objects.unverified, services.verify_published, limit=services.LOOK_LIMIT)
            closed = services.close_finished_campaigns(now=clock.now())
            handed_over, looked_at = handed_over + handed, looked_at + looked
            for campaign in closed:
                self.stdout.write(f"{campaign} is complete.")
            if not handed and not looked:
                break
        self.stdout.write(f"{handed_over:,} handed to the CAs, {looked_at:,} looked for on CRLs.")

    def _preview(self, now: datetime) -> None:
        """Schedule in a transaction that is taken back, and tell what is due then."""
        with transaction.atomic():
            services.schedule_revocations(now=now)
            for what, rows in (
                ("to hand over", Revocation.objects.submittable().filter(due_at__lte=now)),
                ("to look for", Revocation.objects.unverified().filter(due_at__lte=now)),
            ):
                groups = (
                    rows.order_by("affected_certificate__campaign", "issuer", "wave")
                    .values_list("affected_certificate__campaign", "affected_certificate__campaign__title", "issuer",
                                 "issuer__name", "wave")
                    .annotate(count=Count("pk"))
                )  # fmt: skip
                for campaign, title, issuer, issuer_name, wave, count in groups:
                    first = rows.filter(affected_certificate__campaign=campaign, issuer=issuer, wave=wave)
                    self.stdout.write(f"{title}: {count:,} of {issuer_name} {what}, wave {wave}")
                    for row in first.order_by("due_at", "pk")[:SHOWN]:
                        self.stdout.write(f"  {row} {row.crl_reason} {row.get_trigger_display()}")
            transaction.set_rollback(True)
        self.stdout.write("Nothing was changed. Use --commit to do it.")
