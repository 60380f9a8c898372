"""Certificates found after the launch: proposed by one person, approved by another, with a clock of their own (R17).

What has been promised stays as it is: no row of the scope is changed, rows are only added.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.actors import staff
from audit.services import record
from campaigns.models import AdditionLine, Campaign, Replacement, ScopeAddition
from campaigns.scope import Digest, Identity, digest
from campaigns.services import growing
from campaigns.services.approval import STEP, check_issuers, identities
from campaigns.services.guards import BATCH, hold, require_running, require_text
from campaigns.services.launch import check_drill
from campaigns.services.reading import Listing, Reading, ScopeReport
from campaigns.services.scoping import files_as_lists, first, selection_as_list
from core import statistics
from core.errors import Refused
from subscribers.models import Certificate, Issuer
from subscribers.sources import Source

ADDING = "an addition to its scope"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Why certificates are added and when the CA became aware of them; whose serial numbers are meant by default."""

    clock_started_at: datetime
    reason: str
    default_issuer: Issuer | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the lines of a proposal are, and the addition that waits for approval; None after a mere look."""

    report: ScopeReport
    addition: ScopeAddition | None


class AdditionReading(Reading):
    """Reads lists into an addition, by the same rules as into a scope."""

    addition: ScopeAddition | None = None

    def _there(self, keys: list[int]) -> set[int]:
        """What is in the scope already, or waits in another addition."""
        waiting = AdditionLine.objects.filter(
            addition__in=ScopeAddition.objects.waiting().filter(campaign=self.campaign), certificate__in=keys
        )
        own = self.addition.pk if self.addition else None
        return super()._there(keys) | set(waiting.exclude(addition=own).values_list("certificate", flat=True))

    def _add(self, certificates: list[Certificate]) -> None:
        AdditionLine.objects.bulk_create(
            (AdditionLine(addition=self.addition, certificate=each) for each in certificates), batch_size=BATCH
        )


def propose_addition(
    campaign: Campaign,
    found: Iterable[Source] | QuerySet[Certificate],
    *,
    proposal: Proposal,
    commit: bool,
    by: User,
    now: datetime,
) -> Proposed:
    """Propose certificates, in files or of the register, for a running campaign; each line is classified (R15).

    Without `commit` nothing is written and the report is the same. Nothing is revoked and nobody is told before a
    second person approves. Raises `Refused` for a campaign that is not running, a clock that starts later than now,
    no reason, lists with errors and, with `commit`, when nothing of them can be added.
    """
    reason = require_text(proposal.reason, "a reason: how these were found, and why they were not found before")
    _check_clock(proposal.clock_started_at, now=now)
    lists = [selection_as_list(found)] if isinstance(found, QuerySet) else files_as_lists(found)
    reading = AdditionReading(campaign, proposal.default_issuer, commit=commit, actor=staff(by.username), now=now)
    if not commit:
        require_running(campaign, ADDING)
        return Proposed(_read(reading, lists), None)
    with transaction.atomic():
        hold(campaign)
        require_running(campaign, ADDING)
        reading.addition = addition = ScopeAddition.objects.create(
            campaign=campaign,
            clock_started_at=proposal.clock_started_at,
            reason=reason,
            digest="",
            count=0,
            proposed_by=by,
            proposed_at=now,
        )
        _take(reading, lists)
        facts = {"files": reading.files, "counts": reading.report.counts, "reason": reason}
        _record("campaign.addition_proposed", addition, by=by, now=now, **facts)
    return Proposed(reading.report, addition)


def approve_addition(
    addition: ScopeAddition, *, digest: str, typed_count: int, approver: User, now: datetime
) -> ScopeAddition:
    """Take an addition into the scope: its certificates get their own deadline, their subscribers are told.

    The new digest is that of the approved scope together with exactly the approved lines, whatever else the database
    may hold. Raises `Refused` for the person who proposed it, another digest or count than those of the lines, a
    scope that is not to the last certificate the approved one, and certificates that have come into the scope or are
    recorded as replacements meanwhile. For drills the rules of the launch hold.
    """
    with transaction.atomic():
        campaign = _hold(addition)
        _check_person(addition, approver)
        _check_lines(addition, digest, typed_count)
        check_issuers(_issuers(addition))
        check_drill(campaign, _issuers(addition))
        _check_replacements(addition)
        before, after = _digests(addition)
        addition.approved_by, addition.approved_at = approver, now
        addition.save(update_fields=["approved_by", "approved_at"])
        campaign.scope_version += 1
        campaign.scope_count = after.count
        campaign.scope_digest = campaign.approved_digest = after.hex()
        campaign.save(update_fields=["scope_version", "scope_count", "scope_digest", "approved_digest"])
        grown = growing.grow(addition, now=now)
        facts = {
            "scope_digest_before": before.hex(),
            "scope_digest": campaign.scope_digest,
            "scope_count": campaign.scope_count,
            "scope_version": campaign.scope_version,
            "deadline": addition.deadline.isoformat(),
            "new_subscribers": grown,
            "reason": addition.reason,
        }
        _record("campaign.addition_approved", addition, by=approver, now=now, **facts)
        growing.tell(addition, now=now)
    return addition


def withdraw_addition(addition: ScopeAddition, *, by: User, now: datetime) -> ScopeAddition:
    """Take a proposal back; quiet if repeated. Raises `Refused` once it has been approved."""
    with transaction.atomic():
        _hold(addition, is_running=False)
        if addition.approved_at:
            raise Refused("This addition has been approved and is part of the scope. Single ones can be excluded.")
        if addition.withdrawn_at is None:
            addition.withdrawn_at = now
            addition.save(update_fields=["withdrawn_at"])
            _record("campaign.addition_withdrawn", addition, by=by, now=now)
    return addition


def addition_identities(addition: ScopeAddition) -> Iterator[Identity]:
    """The identities of an addition's lines in the order of the digest, streamed."""
    rows = addition.lines.order_by("certificate__issuer__key_id", "certificate__serial_number")
    return rows.values_list("certificate__issuer__key_id", "certificate__serial_number").iterator(STEP)


def _hold(addition: ScopeAddition, *, is_running: bool = True) -> Campaign:
    """Lock the campaign, then the addition, until the transaction ends, and bring both objects up to date."""
    campaign = addition.campaign
    hold(campaign)
    addition.refresh_from_db(
        fields=["digest", "count", "clock_started_at", "approved_by", "approved_at", "withdrawn_at"],
        from_queryset=ScopeAddition.objects.select_for_update(),
    )
    if is_running:
        require_running(campaign, ADDING)
    return campaign


def _read(reading: Reading, lists: Iterable[Listing]) -> ScopeReport:
    for each in lists:
        reading.read(each, None)
    return reading.report.check()


def _take(reading: AdditionReading, lists: Iterable[Listing]) -> None:
    """Read lists into the addition, which then has its count and its digest."""
    report, addition = _read(reading, lists), reading.addition
    if report.errors:
        raise Refused(first(report.errors))
    if addition is None or not report.affected:
        raise Refused("None of these certificates can be added: " + _in_words(report))
    addition.count, addition.digest = report.affected, digest(addition_identities(addition))
    addition.save(update_fields=["count", "digest"])
    statistics.refresh(AdditionLine)


def _check_clock(started_at: datetime, *, now: datetime) -> None:
    if started_at.tzinfo is None:
        raise Refused("The clock needs a time zone.")
    if started_at > now:
        raise Refused(f"The clock is at {started_at:%Y-%m-%d %H:%M:%S %Z}, which is still to come.")


def _check_person(addition: ScopeAddition, approver: User) -> None:
    if addition.approved_at:
        raise Refused(f"This addition was approved on {addition.approved_at:%Y-%m-%d %H:%M:%S} UTC.")
    if addition.withdrawn_at:
        raise Refused("This addition has been withdrawn.")
    if addition.proposed_by_id == approver.pk:
        raise Refused("You proposed this addition yourself; a second person has to approve it.")
    if not approver.is_active:
        raise Refused("This account is not active.")


def _check_lines(addition: ScopeAddition, seen: str, typed_count: int) -> None:
    if typed_count != addition.count:
        raise Refused(f"You typed {typed_count:,}, but the addition has {addition.count:,} certificates.")
    if digest(addition_identities(addition)) != addition.digest:
        raise Refused("The addition in the database is not the one that was proposed. Do not go on; find out why.")
    if seen != addition.digest:
        raise Refused("This is not the addition that you looked at. Please look again and approve what is there now.")


def _check_replacements(addition: ScopeAddition) -> None:
    """What has become a replacement since the proposal must not be revoked by mistake (R19)."""
    replacements = Replacement.objects.filter(affected_subscriber__campaign__in=Campaign.objects.running())
    by_row = replacements.filter(certificate=OuterRef("certificate"))
    by_print = replacements.filter(fingerprint_sha256=OuterRef("certificate__fingerprint_sha256"))
    if found := addition.lines.filter(Exists(by_row) | Exists(by_print)).select_related("certificate").first():
        raise Refused(
            f"{found.certificate.serial_number} is recorded as a replacement in a running campaign. "
            "Withdraw it there, or propose the addition again without it."
        )


def _digests(addition: ScopeAddition) -> tuple[Digest, Digest]:
    """The digests of the scope as it is and with the addition, by one reading of both."""
    before, after = Digest(), Digest()
    try:
        for identity in merge(before.through(identities(addition.campaign)), addition_identities(addition)):
            after.add(identity)
    except ValueError:
        raise Refused(
            "A certificate of this addition has come into the scope meanwhile. Withdraw the addition and propose it "
            "again; what is in the scope is then set aside."
        ) from None
    if before.hex() != addition.campaign.approved_digest:
        raise Refused("The scope in the database is not the one that was approved. Do not go on; find out why.")
    return before, after


def _issuers(addition: ScopeAddition) -> QuerySet[Issuer]:
    return Issuer.objects.filter(Exists(addition.lines.filter(certificate__issuer=OuterRef("pk"))))


def _in_words(report: ScopeReport) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.counts.items() if count) or "none"


def _record(verb: str, addition: ScopeAddition, *, by: User, now: datetime, **facts: object) -> None:
    told = {
        "addition": addition.pk,
        "digest": addition.digest,
        "count": addition.count,
        "clock_started_at": addition.clock_started_at.isoformat(),
        "proposed_by": addition.proposed_by.username,
        **facts,
    }
    record(verb, stream=addition.stream, about=addition, actor=staff(by.username), now=now, facts=told)
