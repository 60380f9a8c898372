"""Changes of a scope. Each gives it a new version and a new digest, and voids an approval (R17)."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from hashlib import sha256

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.services import record, record_each
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.replacement import KEY_COMPROMISE
from campaigns.services.approval import scope_digest
from campaigns.services.drafting import reopen
from campaigns.services.guards import batches, hold, require_text
from campaigns.services.reading import Listing, Progress, Reading, ScopeReport
from campaigns.services.resolving import Entry, from_file
from core import statistics
from core.errors import Refused
from subscribers.models import Certificate, Issuer
from subscribers.scope_lines import read_scope
from subscribers.sources import Source

STEP = 5000
SELECTION = "selection from the register"
LATER = "Further certificates are proposed as an addition, with a clock of their own and an approval of their own."


def import_scope(
    campaign: Campaign,
    files: Iterable[Source],
    *,
    default_issuer: Issuer | None = None,
    commit: bool,
    progress: Progress | None = None,
    actor: str,
    now: datetime,
) -> ScopeReport:
    """Read files of certificates, fingerprints or serial numbers into a scope; what each of their lines is.

    Without `commit` nothing is written and the report is the same. `default_issuer` is whose serial numbers are meant
    where a line does not say. Raises `Refused` once the campaign has been launched and, with `commit`, when the
    report has errors: then nothing is written either.
    """
    reading = Reading(campaign, default_issuer, commit=commit, actor=actor, now=now)
    return _read(reading, files_as_lists(files), progress)


def add_affected(
    campaign: Campaign, certificates: QuerySet[Certificate] | Iterable[int], *, actor: str, now: datetime
) -> ScopeReport:
    """Add certificates of the register to a scope, by a query or by their keys; classified like lines of a file."""
    reading = Reading(campaign, None, commit=True, actor=actor, now=now)
    return _read(reading, [selection_as_list(certificates)], None)


def files_as_lists(files: Iterable[Source]) -> Iterator[Listing]:
    """Files as lists of entries, each closed when it has been read."""
    return (Listing(file.name, map(from_file, read_scope(file)), partial(_closed, file)) for file in files)


def selection_as_list(certificates: QuerySet[Certificate] | Iterable[int]) -> Listing:
    """Certificates of the register, by a query or by their keys, as a list of entries."""
    keys = (
        certificates.order_by("pk").values_list("pk", flat=True).iterator(STEP)
        if isinstance(certificates, QuerySet)
        else certificates
    )
    digest = sha256()

    def lines() -> Iterator[Entry]:
        for line, key in enumerate(keys, 1):
            digest.update(f"{key}\n".encode())
            yield Entry(line=line, text=f"certificate {key}", key=key)

    return Listing(SELECTION, lines(), digest.hexdigest)


def expand_by_key(campaign: Campaign, *, actor: str, now: datetime) -> ScopeReport:
    """Add every certificate with the key of one in the scope (R16). Raises `Refused` unless keys are compromised."""
    if campaign.crl_reason != KEY_COMPROMISE:
        raise Refused(f"The reason of this campaign is {campaign.crl_reason}; only compromised keys draw others in.")
    scope = AffectedCertificate.objects.filter(campaign=campaign)
    same_key = scope.filter(certificate__spki_sha256=OuterRef("spki_sha256"))
    there = scope.filter(certificate=OuterRef("pk"))
    drawn = Certificate.objects.filter(Exists(same_key), ~Exists(there), revoked_at=None, not_after__gte=now)
    keys = list(drawn.exclude(spki_sha256="").values_list("pk", flat=True))
    return add_affected(campaign, keys, actor=actor, now=now)


def remove_affected(campaign: Campaign, certificates: Iterable[int], *, reason: str, actor: str, now: datetime) -> int:
    """Take affected certificates, by their keys, out of the scope of a draft; how many they were."""
    reason = require_text(reason, "a reason for taking these certificates out")
    removed = 0
    with transaction.atomic():
        hold(campaign)
        reopen(campaign, actor=actor, now=now, why="certificates were taken out of the scope")
        for some in batches(certificates):
            rows = AffectedCertificate.objects.filter(campaign=campaign, pk__in=some)
            why = {"reason": reason}
            record_each("affectedcertificate.removed", rows, stream=campaign.stream, actor=actor, now=now, facts=why)
            removed += rows.delete()[1].get("campaigns.AffectedCertificate", 0)
        empty = ~Exists(AffectedCertificate.objects.filter(affected_subscriber=OuterRef("pk")))
        AffectedSubscriber.objects.filter(empty, campaign=campaign).delete()
        if removed:
            _renew(campaign)
            facts = _facts(campaign) | {"removed": removed, "reason": reason}
            record("campaign.scope_reduced", stream=campaign.stream, about=campaign, actor=actor, now=now, facts=facts)
    return removed


def _read(reading: Reading, listings: Iterable[Listing], progress: Progress | None) -> ScopeReport:
    if not reading.commit:
        for listing in listings:
            reading.read(listing, progress)
        return reading.report.check()
    campaign, report = reading.campaign, reading.report
    with transaction.atomic():
        hold(campaign)
        _check_open(campaign)
        for listing in listings:
            reading.read(listing, progress)
        if report.errors:
            raise Refused(first(report.errors))
        report.check()
        if report.affected:
            statistics.refresh(Certificate, AffectedSubscriber, AffectedCertificate)
            reopen(campaign, actor=reading.actor, now=reading.now, why="the scope was changed")
            _renew(campaign)
        facts = _facts(campaign) | {"added": report.affected, "counts": report.counts, "files": reading.files}
        record(
            "campaign.scope_imported",
            stream=campaign.stream,
            about=campaign,
            actor=reading.actor,
            now=reading.now,
            facts=facts,
        )
    return report


def _check_open(campaign: Campaign) -> None:
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.APPROVED):
        raise Refused(f"This campaign is {campaign.state}, and its scope is frozen. {LATER}")


def _renew(campaign: Campaign) -> None:
    campaign.scope_version += 1
    campaign.scope_count = AffectedCertificate.objects.filter(campaign=campaign).count()
    campaign.scope_digest = scope_digest(campaign) if campaign.scope_count else ""
    campaign.save(update_fields=["scope_version", "scope_count", "scope_digest"])


def _facts(campaign: Campaign) -> dict[str, object]:
    return {"scope_version": campaign.scope_version, "digest": campaign.scope_digest, "count": campaign.scope_count}


def first(errors: list[str]) -> str:
    """The first of some errors, and how many more there are."""
    more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    return f"{errors[0]}{more}"


def _closed(file: Source) -> str:
    file.close()
    return file.sha256
