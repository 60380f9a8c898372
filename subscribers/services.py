"""The verbs of the register. Each writes its event in the transaction of its change."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import models, transaction

from audit import services as audit
from core.crl_reason import CRLReason
from core.errors import Malformed, Refused
from subscribers import bulk, checks, fields, importing
from subscribers.bulk import Counts
from subscribers.models import Certificate, Contact, Subscriber
from subscribers.sources import RowError, Source, open_source
from subscribers.staging import Staging

STREAM = "register"
ERRORS_KEPT = 1000
REMARKS_KEPT = 100
PROGRESS_ROWS = 1000
NOTE_LENGTH = 500

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


# Contacts


def add_contact(
    subscriber: Subscriber,
    *,
    email: str,
    name: str = "",
    phone: str = "",
    rank: int | None = None,
    actor: str,
    now: datetime,
) -> Contact:
    """A further contact of a subscriber: its first becomes the primary, the others backups behind those that are there.

    A contact with this address is returned as it is. Raises `Malformed` for an address or a number that is none.
    """
    email = fields.email(email.strip()) if email.strip() else ""
    phone = fields.phone(phone.strip()) if phone.strip() else ""
    if not email and not phone:
        raise Malformed("A contact needs an e-mail address or a telephone number.")
    with transaction.atomic():
        Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        known = subscriber.contacts.all()
        same = known.filter(email=email) if email else known.filter(email="", phone=phone)
        if found := same.first():
            return found
        last = known.order_by("rank").last()
        place = rank if rank is not None else last.rank + 1 if last else 0
        contact = Contact.objects.create(
            subscriber=subscriber,
            name=fields.text(200)(name.strip()),
            email=email,
            phone=phone,
            role=Contact.Role.BACKUP if place else Contact.Role.PRIMARY,
            rank=place,
            added_at=now,
        )
        facts = {"subscriber": subscriber.reference, "email": email, "rank": place}
        audit.record("contact.added", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    return contact


def verify_contact(contact: Contact, *, actor: str, now: datetime) -> None:
    """Somebody has reached this contact: it works, and an earlier bounce is history."""
    with transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(verified_at=now, bounced_at=None, bounce_note="")
        audit.record("contact.verified", stream=STREAM, about=contact, actor=actor, now=now)
    contact.verified_at, contact.bounced_at, contact.bounce_note = now, None, ""


def mark_contact_bounced(contact: Contact, *, note: str, actor: str, now: datetime) -> bool:
    """Mail to this contact comes back; whether that is new. The first bounce stands until the contact is verified."""
    with transaction.atomic():
        fresh = Contact.objects.filter(pk=contact.pk, bounced_at=None)
        is_new = bool(fresh.update(bounced_at=now, bounce_note=note[:NOTE_LENGTH]))
        if is_new:
            facts = {"email": contact.email, "note": note[:NOTE_LENGTH]}
            audit.record("contact.bounced", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    if is_new:
        contact.bounced_at, contact.bounce_note = now, note[:NOTE_LENGTH]
    return is_new


# Edits by hand


def save_edit(row: models.Model, *, changed: Sequence[str], actor: str, now: datetime) -> None:
    """Write a row that a person has added, or of one that is there the columns that were changed; record both sides.

    A contact with another address starts anew: that the old one bounced, or was verified, says nothing of it.
    """
    columns = list(changed)
    kind = row._meta.model_name or ""
    with transaction.atomic():
        if row._state.adding:
            if isinstance(row, Contact):
                row.added_at = now
            row.save()
            said = {name: _plain(getattr(row, name)) for name in columns}
            audit.record(f"{kind}.added", stream=STREAM, about=row, actor=actor, now=now, facts=said)
            return
        before = type(row)._base_manager.select_for_update().get(pk=row.pk)
        columns = [name for name in columns if getattr(row, name) != getattr(before, name)]
        if isinstance(row, Contact) and "email" in columns:
            row.bounced_at, row.bounce_note, row.verified_at = None, "", None
            columns += ["bounced_at", "bounce_note", "verified_at"]
        if not columns:
            return
        facts = {name: {"from": _plain(getattr(before, name)), "to": _plain(getattr(row, name))} for name in columns}
        row.save(update_fields=columns)
        audit.record(f"{kind}.edited", stream=STREAM, about=row, actor=actor, now=now, facts=facts)


def _plain(value: Any) -> Any:
    """A value as JSON takes it."""
    return value if isinstance(value, bool | int | float | list | dict | None) else str(value)


# Certificates


def mark_revoked(
    certificates: Iterable[Certificate], *, revoked_at: datetime, reason: str, actor: str, now: datetime
) -> int:
    """The register learns that certificates are revoked; how many it did not know of. The first date stands.

    Only a raise to keyCompromise changes the reason of one that is known to be revoked (BR 7.2.2).
    Raises `Refused` for a reason that a subscriber's certificate cannot have.
    """
    if reason not in CRLReason.values:
        raise Refused(f"{reason!r} is not a reason for which a certificate may be revoked (BR 7.2.2).")
    keys = [certificate.pk for certificate in certificates]
    with transaction.atomic():
        rows = Certificate.objects.filter(pk__in=keys)
        fresh = list(rows.filter(revoked_at=None).select_for_update().only("pk"))
        raised = _raisable(rows) if reason == CRLReason.KEY_COMPROMISE else []
        Certificate.objects.filter(pk__in=[row.pk for row in fresh]).update(
            revoked_at=revoked_at, revocation_reason=reason
        )
        facts = {"revoked_at": revoked_at.isoformat(), "reason": reason}
        audit.record_each("certificate.revoked", fresh, stream=STREAM, actor=actor, now=now, facts=facts)
        Certificate.objects.filter(pk__in=[row.pk for row in raised]).update(revocation_reason=reason)
        audit.record_each("certificate.reason_raised", raised, stream=STREAM, actor=actor, now=now, facts=facts)
    return len(fresh)


def _raisable(rows: models.QuerySet[Certificate]) -> list[Certificate]:
    return list(
        rows.exclude(revoked_at=None).exclude(revocation_reason=CRLReason.KEY_COMPROMISE).select_for_update().only("pk")
    )
