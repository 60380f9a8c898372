"""Taking files into the register."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

from django.db import transaction

from audit import services as audit
from core.errors import Malformed, Refused
from subscribers import bulk, checks, differences, importing
from subscribers.bulk import Counts
from subscribers.differences import Change
from subscribers.services.journal import STREAM
from subscribers.sources import RowError, Source
from subscribers.staging import Staging
from subscribers.workbooks import open_sources

ERRORS_KEPT = 1000
REMARKS_KEPT = 100
PROGRESS_ROWS = 1000
CHANGES_KEPT = 200
FOREIGN = ("issuer", "certificate", "assignment")
"""Kinds that do not come through the console."""

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
    changes: list[Change] = field(default_factory=list)
    """The first of them, in a preview."""
    digest: str = ""
    """Over the files and over all that they would change, in a preview."""

    def blame(self, error: RowError, count: int = 1) -> None:
        """Take in an error, or the first of some."""
        self.error_count += count
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(error)


@dataclass(frozen=True, slots=True)
class Brought:
    """A file under the name by which people know it."""

    path: Path
    name: str


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
    with _staged([Brought(path, str(path)) for path in paths], report, told) as staging:
        if commit and (keep_good or not report.error_count):
            _write(staging, report, actor=actor, now=now, told=told)
        else:
            report.counts = _forecast(staging)
    return report


def preview_import(files: Sequence[Brought]) -> ImportReport:
    """What files with subscribers, contacts and commitments would change, with a digest over all of it."""
    report = ImportReport()
    with _staged(files, report, lambda *_: None) as staging:
        _look(staging, report)
    return report


def import_previewed(files: Sequence[Brought], *, digest: str, actor: str, now: datetime) -> ImportReport:
    """Write what a preview with this digest has shown, and nothing else.

    Raises `Refused` when the files would now change anything else: somebody has changed the register meanwhile.
    """
    report = ImportReport()
    with _staged(files, report, lambda *_: None) as staging:
        _look(staging, report)
        if report.error_count:
            raise Refused("There are errors in these files, so nothing was written.")
        if not compare_digest(report.digest, digest):
            raise Refused("The register has changed since you looked, and so has what these files do. Look again.")
        _write(staging, report, actor=actor, now=now, told=lambda *_: None)
    return report


def _look(staging: Staging, report: ImportReport) -> None:
    """Say what would change. Certificates and issuers are not taken here: those come by command."""
    report.counts = _forecast(staging)
    for kind in FOREIGN:
        if count := report.counts[kind].read:
            text = f"{count:,} {kind}s: the console takes subscribers, contacts and commitments; use import_register."
            report.blame(RowError(report.files[0].name, 0, "", text))
    found, report.changes = differences.digest(differences.changes(), kept=CHANGES_KEPT)
    prints = [each.sha256 for each in report.files]
    report.digest = sha256("\n".join([*prints, found]).encode()).hexdigest()


@contextmanager
def _staged(files: Sequence[Brought], report: ImportReport, told: Progress) -> Iterator[Staging]:
    """Files that have been read and checked."""
    with ExitStack() as opened, Staging() as staging:
        sources = [source for file in files for source in _opened(file, report, opened)]
        for number, source in enumerate(sources):
            _read(source, number, staging, report, told)
        staging.finish()
        _check(staging, sources, report)
        yield staging


def _opened(file: Brought, report: ImportReport, opened: ExitStack) -> Sequence[Source]:
    try:
        sources = open_sources(file.path, file.name)
    except Malformed as error:
        report.blame(RowError(file.name, 0, "", str(error)))
        return []
    for source in sources:
        opened.callback(source.close)
    return sources


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


def record_export(table: str, *, kind: str, actor: str, now: datetime) -> None:
    """Somebody takes a table of the register out of the house."""
    facts = {"table": table, "format": kind}
    audit.record("register.exported", stream=STREAM, actor=actor, now=now, facts=facts)
