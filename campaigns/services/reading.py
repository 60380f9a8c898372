"""Reading lists of certificates into a scope: every line is classified and counted, none is dropped (R15, R17)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Replacement, ScopeImport, ScopeLine
from campaigns.rules import rule_pack
from campaigns.services.guards import BATCH
from campaigns.services.resolving import Entry, Found, Resolver, in_batches
from core.errors import Refused
from subscribers.models import Certificate, Issuer, Subscriber

Class = ScopeLine.Classification
UNKNOWN = "UNKNOWN"
"""The reference of the subscriber that stands for all certificates of which the register knows no holder."""
SHOWN = 200
"""How many of the lines set aside a report holds; all of them are in the database after an import."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A line that did not become an affected certificate, and why."""

    file: str
    line: int
    text: str
    classification: str
    note: str


@dataclass(slots=True)
class ScopeReport:
    """What the lines of some files are; the counts of all classifications add up to the lines."""

    lines: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Class.values, 0))
    without_subscriber: int = 0
    """Of the affected: the register does not say whose they are, so that nobody can be told."""
    set_aside: list[SetAside] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """Why these files cannot be imported as they are, each with its file and line."""
    is_committed: bool = False

    @property
    def affected(self) -> int:
        """How many certificates the files add to the scope."""
        return self.counts[Class.AFFECTED]

    def check(self) -> "ScopeReport":
        """This report; raises `Refused` if a line has been lost or counted twice."""
        if self.lines != sum(self.counts.values()):
            raise Refused(f"The counts do not add up to {self.lines} lines: {self.counts}")
        return self


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of entries to read: a file, or a selection."""

    name: str
    entries: Iterator[Entry]
    sha256: Callable[[], str]


class Seen:
    """Which keys have come by: one bit each, so that three million of them take less than a megabyte."""

    def __init__(self) -> None:
        self.bits = bytearray()

    def add(self, key: int) -> bool:
        """Remember a key; whether it is new."""
        at, bit = key >> 3, 1 << (key & 7)
        if at >= len(self.bits):
            self.bits.extend(bytes(at + 4096 - len(self.bits)))
        is_new = not self.bits[at] & bit
        self.bits[at] |= bit
        return is_new


Progress = Callable[[int], object]


class Reading:
    """One reading of some lists into a campaign's scope, or of what they would add to it."""

    def __init__(
        self, campaign: Campaign, default_issuer: Issuer | None, *, commit: bool, actor: str, now: datetime
    ) -> None:
        self.campaign, self.commit, self.actor, self.now = campaign, commit, actor, now
        self.pack = rule_pack(campaign.rule_pack)
        self.resolver = Resolver(default_issuer)
        self.seen = Seen()
        self.report = ScopeReport(is_committed=commit)
        self.files: list[dict[str, object]] = []
        self.affected_subscribers: dict[int, int] = {}
        self.unknown: int | None = None

    def read(self, listing: Listing, progress: Progress | None) -> None:
        """Take in one list, a batch at a time."""
        kept = self._begin(listing) if self.commit else None
        before = Counter(self.report.counts)
        for batch in in_batches(listing.entries, BATCH):
            self._take(listing.name, kept, batch)
            if progress:
                progress(len(batch))
        counts = {name: number - before[name] for name, number in self.report.counts.items()}
        digest = listing.sha256()
        self.files.append({"file": listing.name, "sha256": digest, "counts": counts})
        if kept:
            kept.file_sha256, kept.lines, kept.counts = digest, sum(counts.values()), counts
            kept.save(update_fields=["file_sha256", "lines", "counts"])

    def _begin(self, listing: Listing) -> ScopeImport:
        return ScopeImport.objects.create(
            campaign=self.campaign,
            file_name=listing.name[-255:],
            lines=0,
            counts={},
            imported_by=self.actor,
            imported_at=self.now,
            scope_version=self.campaign.scope_version + 1,
        )

    def _take(self, file: str, kept: ScopeImport | None, batch: list[Entry]) -> None:
        found = self.resolver.resolve(batch)
        keys = [each.certificate.pk for each in found if each.certificate]
        there = self._there(keys)
        affected: list[Found] = []
        aside: list[SetAside] = []
        for each in found:
            classification, note = self._classify(each, there)
            self.report.lines += 1
            self.report.counts[classification] += 1
            if classification == Class.AFFECTED:
                affected.append(each)
            else:
                aside.append(SetAside(file, each.entry.line, each.entry.text[:300], classification, note[:500]))
        self.report.errors += [
            f"{file}: {each.entry.error}" for each in found if each.entry.error and not each.entry.line
        ]
        self._refuse_replacements(file, affected)
        self.report.set_aside += aside[: SHOWN - len(self.report.set_aside)]
        if kept:
            self._write(kept, [each.certificate for each in affected if each.certificate], aside)

    def _there(self, keys: list[int]) -> set[int]:
        """Which of these certificates need not be added."""
        rows = AffectedCertificate.objects.filter(campaign=self.campaign, certificate__in=keys)
        return set(rows.values_list("certificate", flat=True))

    def _classify(self, found: Found, there: Collection[int]) -> tuple[str, str]:
        certificate = found.certificate
        if certificate is None:
            return (Class.UNREADABLE if found.entry.error else Class.NOT_OURS), found.note
        if not self.seen.add(certificate.pk) or certificate.pk in there:
            return Class.REPEATED, ""
        if certificate.revoked_at:
            reason = certificate.revocation_reason or "unspecified"
            return Class.REVOKED, f"Revoked on {certificate.revoked_at:%Y-%m-%d %H:%M} UTC, {reason}."
        if certificate.not_after < self.now:
            return Class.EXPIRED, f"Expired on {certificate.not_after:%Y-%m-%d %H:%M} UTC."
        if self.pack.is_short_lived(certificate.not_before, certificate.not_after):
            return Class.SHORT_LIVED, f"Short-lived by the rule of {certificate.not_before:%Y-%m-%d}, its day of issue."
        self.report.without_subscriber += certificate.subscriber_id is None
        return Class.AFFECTED, ""

    def _refuse_replacements(self, file: str, affected: list[Found]) -> None:
        """What replaces an affected certificate must not be revoked by mistake (R19)."""
        by_key = {each.certificate.pk: each for each in affected if each.certificate}
        by_print = {each.certificate.fingerprint_sha256: each for each in affected if each.certificate}
        known = Replacement.objects.filter(affected_subscriber__campaign__state=Campaign.State.RUNNING).filter(
            Q(certificate__in=list(by_key)) | Q(fingerprint_sha256__in=by_print.keys() - {""})
        )
        for row in known.select_related("affected_subscriber__campaign"):
            each = by_key.get(row.certificate_id or 0) or by_print[row.fingerprint_sha256]
            self.report.errors.append(
                f"{file}:{each.entry.line}: {row.serial_number} is a replacement in the running campaign "
                f"“{row.affected_subscriber.campaign}”. Withdraw it there, or leave this line out."
            )

    def _write(self, kept: ScopeImport, certificates: list[Certificate], aside: list[SetAside]) -> None:
        self._add(certificates)
        ScopeLine.objects.bulk_create(
            (
                ScopeLine(
                    scope_import=kept, line=row.line, text=row.text, classification=row.classification, note=row.note
                )
                for row in aside
            ),
            batch_size=BATCH,
        )

    def _add(self, certificates: list[Certificate]) -> None:
        self._know({self._subscriber(certificate) for certificate in certificates})
        AffectedCertificate.objects.bulk_create(
            (
                AffectedCertificate(
                    campaign=self.campaign,
                    affected_subscriber_id=self.affected_subscribers[self._subscriber(certificate)],
                    certificate=certificate,
                    not_after=certificate.not_after,
                    clock_started_at=self.campaign.clock_started_at,
                )
                for certificate in certificates
            ),
            batch_size=BATCH,
        )

    def _subscriber(self, certificate: Certificate) -> int:
        if certificate.subscriber_id is None and self.unknown is None:
            self.unknown = unknown_subscriber().pk
        return certificate.subscriber_id or self.unknown or 0

    def _know(self, subscribers: set[int]) -> None:
        """Make sure that these subscribers are affected subscribers of the campaign."""
        new = sorted(subscribers - self.affected_subscribers.keys())
        AffectedSubscriber.objects.bulk_create(
            (AffectedSubscriber(campaign=self.campaign, subscriber_id=key) for key in new),
            ignore_conflicts=True,
            batch_size=BATCH,
        )
        rows = AffectedSubscriber.objects.filter(campaign=self.campaign, subscriber__in=new)
        self.affected_subscribers.update(rows.values_list("subscriber", "pk"))


def unknown_subscriber() -> Subscriber:
    """The subscriber that holds what the register assigns to nobody: revoked like the rest, with nobody to tell."""
    return Subscriber.objects.get_or_create(reference=UNKNOWN, defaults={"name": "Subscriber unknown"})[0]
