"""Take the certificates that files name into the scope of a campaign."""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit import actors
from campaigns.models import Campaign, ScopeLine
from campaigns.services import ScopeReport, import_scope
from core import clock
from core.errors import Refused
from subscribers.models import Issuer
from subscribers.sources import open_source


class Command(BaseCommand):
    """`manage.py import_scope CAMPAIGN FILE... [--issuer NAME] [--by USERNAME] [--commit]`."""

    help = (
        "Read certificates, fingerprints or serial numbers from PEM, DER, CSV, JSON lines or plain text into the scope "
        "of a campaign, and say what each line is. Without --commit nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", metavar="CAMPAIGN", help="the public identifier of a draft")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--issuer", default="", metavar="NAME", help="whose serial numbers, where a line names none"
        )
        parser.add_argument("--by", default="", metavar="USERNAME", help="the member of staff, for the journal")
        parser.add_argument("--commit", action="store_true", help="write; without it nothing is changed")

    def handle(self, *_: Any, **options: Any) -> None:
        campaign = _campaign(options["campaign"])
        issuer = _issuer(options["issuer"]) if options["issuer"] else None
        try:
            with tqdm(unit=" lines", disable=not sys.stderr.isatty()) as bar:
                report = import_scope(
                    campaign,
                    [open_source(path) for path in options["files"]],
                    default_issuer=issuer,
                    commit=options["commit"],
                    progress=bar.update,
                    actor=actors.staff(options["by"]) if options["by"] else actors.SYSTEM,
                    now=clock.now(),
                )
        except Refused as error:
            raise CommandError(f"{error}\nNothing was written.") from None
        self._tell(report)
        if report.errors:
            raise CommandError("These files cannot be imported as they are. Nothing was written.")
        self.stdout.write(_outcome(campaign, report))

    def _tell(self, report: ScopeReport) -> None:
        for row in report.set_aside:
            said = ": ".join(filter(None, [str(ScopeLine.Classification(row.classification).label), row.note]))
            self.stderr.write(f"{row.file}:{row.line}: {row.text}: {said}")
        aside = report.lines - report.affected
        if aside > len(report.set_aside):
            self.stderr.write(f"... and {aside - len(report.set_aside):,} more lines that were set aside.")
        for error in report.errors:
            self.stderr.write(error)
        for classification in ScopeLine.Classification:
            self.stdout.write(f"{classification.label:22}{report.counts[classification]:>12,}")
        self.stdout.write(f"{'lines':22}{report.lines:>12,}")
        if report.without_subscriber:
            self.stdout.write(f"Of the affected, {report.without_subscriber:,} have no subscriber in the register.")


def _campaign(text: str) -> Campaign:
    try:
        found = Campaign.objects.filter(public_id=UUID(text)).first()
    except ValueError:
        raise CommandError(f"{text!r} is not the public identifier of a campaign.") from None
    if found is None:
        raise CommandError(f"There is no campaign {text}.")
    return found


def _issuer(name: str) -> Issuer:
    found = Issuer.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"The register has no issuer {name}.")
    return found


def _outcome(campaign: Campaign, report: ScopeReport) -> str:
    if not report.is_committed:
        return "Nothing was written. Say --commit to write this."
    if not report.affected:
        return "Written: the lines that were set aside. The scope has not changed."
    return (
        f"Written. The scope has {campaign.scope_count:,} certificates (version {campaign.scope_version}), "
        f"digest {campaign.scope_digest}."
    )
