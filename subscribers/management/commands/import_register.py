"""Take subscribers, contacts, commitments, issuers and certificates into the register."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from audit import actors
from core import clock
from subscribers.services import ImportReport, import_register

COLUMNS = ("read", "created", "changed", "unchanged", "repeated", "rejected")


class Command(BaseCommand):
    """`manage.py import_register FILE... [--commit] [--keep-good]`."""

    help = (
        "Read subscribers, contacts, commitments, issuers and certificates from CSV, JSON lines, PEM or DER. "
        "Without --commit it only says what would happen."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--commit", action="store_true", help="write; without it nothing is changed")
        parser.add_argument("--keep-good", action="store_true", help="write the good rows although others have errors")
        parser.add_argument("--actor", default=actors.SYSTEM, help="who imports, for the journal: a staff user name")

    def handle(self, *_: Any, **options: Any) -> None:
        actor = options["actor"]
        with _Progress(sys.stderr.isatty(), self.stderr) as progress:
            report = import_register(
                options["files"],
                commit=options["commit"],
                keep_good=options["keep_good"],
                actor=actor if actor == actors.SYSTEM else actors.staff(actor),
                now=clock.now(),
                progress=progress,
            )
        self._tell(report, is_commit=options["commit"])
        if report.error_count:
            raise CommandError(f"{report.error_count:,} errors.{'' if report.is_written else ' Nothing was written.'}")

    def _tell(self, report: ImportReport, *, is_commit: bool) -> None:
        for error in report.errors:
            self.stderr.write(str(error))
        if report.error_count > len(report.errors):
            self.stderr.write(f"... and {report.error_count - len(report.errors):,} more errors.")
        for remark in report.remarks:
            self.stdout.write(remark)
        self.stdout.write(f"{'':12}" + "".join(f"{name:>12}" for name in COLUMNS))
        for kind, counts in report.counts.items():
            if counts.read:
                self.stdout.write(f"{kind:12}" + "".join(f"{getattr(counts, name):>12,}" for name in COLUMNS))
        if report.is_written:
            changed = sum(counts.created + counts.changed for counts in report.counts.values())
            self.stdout.write("Written." if changed else "The register has all of this already; nothing was changed.")
        elif not is_commit:
            self.stdout.write("Nothing was written. Say --commit to write this.")


class _Progress:
    """A bar on a terminal; elsewhere a line for each tenth."""

    def __init__(self, is_terminal: bool, out: Any) -> None:
        self.is_terminal, self.out = is_terminal, out
        self.bar: Any = None
        self.what, self.tenth = "", 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self.is_terminal:
            self._draw(what, done, total)
        elif (tenth := 10 * done // total if total else 0) != self.tenth or what != self.what:
            self.what, self.tenth = what, tenth
            self.out.write(f"{what}: {10 * tenth} %")

    def _draw(self, what: str, done: int, total: int) -> None:
        if what != self.what:
            if self.bar is not None:
                self.bar.close()
            unit = {"unit": "B", "unit_scale": True} if what.startswith("read") else {"unit": " rows"}
            self.what, self.bar = what, tqdm(total=total, desc=what, **unit)
        self.bar.update(done - self.bar.n)
