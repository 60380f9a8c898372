"""Taking files into the register."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from audit import services as audit
from core.errors import Malformed
from subscribers import bulk, checks, importing
from subscribers.bulk import Counts
from subscribers.services.journal import STREAM
from subscribers.sources import RowError, Source, open_source
from subscribers.staging import Staging

ERRORS_KEPT = 1000
REMARKS_KEPT = 100
PROGRESS_ROWS = 1000

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it, of how much: octets while reading, rows while writing."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that was read to its end."""

    name: str
    size: int
    sha256: str


@dataclass(slots=True)
class ImportReport:
    """What an import found and did."""

    files: list[FileFacts] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    """The first thousand; `error_count` has them all."""
    error_count: int = 0
    remarks: list[str] = field(default_factory=list)
    is_written: bool = False

    def blame(self, error: RowError, count: int = 1) -> None:
        """Take in an error, or the first of some."""
        self.error_count += count
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(error)


def import_register(
    paths: Sequence[Path],
    *,
    commit: bool,
    keep_good: bool = False,
    actor: str,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Read files into the register; without `commit` only say what would happen.

    All files are read and checked before anything is written. With any error nothing is written, unless `keep_good`
    asks for the rows without one. Writing goes in batches; an import that is cut off is finished by running it again.
    The journal has when it began, with the digests of the files, and what it did.
    """
    report, told = ImportReport(), progress or (lambda *_: None)
    with ExitStack() as opened, Staging() as staging:
        sources = [source for path in paths if (source := _opened(path, report, opened))]
        for number, source in enumerate(sources):
            _read(source, number, staging, report, told)
        staging.finish()
        _check(staging, sources, report)
        if commit and (keep_good or not report.error_count):
            _write(staging, report, actor=actor, now=now, told=told)
        else:
            report.counts = _forecast(staging)
    return report


def _opened(path: Path, report: ImportReport, opened: ExitStack) -> Source | None:
    try:
        source = open_source(path)
    except Malformed as error:
        report.blame(RowError(str(path), 0, "", str(error)))
        return None
    opened.callback(source.close)
    return source


def _read(source: Source, number: int, staging: Staging, report: ImportReport, told: Progress) -> None:
    """Stage what a file says."""
    for count, found in enumerate(importing.read(source)):
        if isinstance(found, importing.Row):
            staging.add(number, found)
        elif isinstance(found, RowError):
            report.blame(found)
        elif len(report.remarks) < REMARKS_KEPT:
            report.remarks.append(str(found))
        if count % PROGRESS_ROWS == 0:
            told(f"read {source.name}", source.position, source.size)
    source.drain()
    told(f"read {source.name}", source.size, source.size)
    report.files.append(FileFacts(source.name, source.position, source.sha256))


def _check(staging: Staging, sources: Sequence[Source], report: ImportReport) -> None:
    names = [source.name for source in sources]
    for fault in checks.check(staging, names):
        for file, line, text in fault.rows:
            report.blame(RowError(names[file], line, fault.field, text))
        report.error_count += fault.count - len(fault.rows)


def _forecast(staging: Staging) -> dict[str, Counts]:
    return {"issuer": _issuer_counts(staging, staging.issuers.count()), **bulk.forecast()}


def _issuer_counts(staging: Staging, found: tuple[int, int]) -> Counts:
    created, changed = found
    planned, rejected = len(staging.issuers.planned), staging.issuers.rejected
    return Counts(created=created, changed=changed, unchanged=planned - created - changed, rejected=rejected)


def _write(staging: Staging, report: ImportReport, *, actor: str, now: datetime, told: Progress) -> None:
    facts: dict[str, Any] = {"files": [asdict(each) for each in report.files], "errors": report.error_count}
    with transaction.atomic():
        audit.record("register.import_began", stream=STREAM, actor=actor, now=now, facts=facts)
        issuers = _issuer_counts(staging, staging.issuers.write())
    checks.map_issuers(staging)
    report.counts = {"issuer": issuers, **bulk.write(lambda done, total: told("write", done, total))}
    facts["counts"] = {kind: asdict(counts) for kind, counts in report.counts.items()}
    audit.record("register.imported", stream=STREAM, actor=actor, now=now, facts=facts)
    report.is_written = True
