"""A subscriber's list of affected certificates, as its page and its CSV file tell it."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns import moments
from campaigns.models import AffectedCertificate, AffectedSubscriber

STATES = {
    "revoked": gettext_lazy("revoked"),
    "excluded": gettext_lazy("excluded"),
    "expired": gettext_lazy("expired"),
    "overdue": gettext_lazy("being revoked"),
    "replaced": gettext_lazy("replaced"),
    "asked": gettext_lazy("revocation asked for"),
    "confirmed": gettext_lazy("confirmed by you"),
    "outstanding": pgettext_lazy("certificate", "outstanding"),
}
COLUMNS = (
    "serial_number", "names", "issuer", "not_after", "sha256", "deadline", "state", "revoked_at",
    "revocation_asked_for", "replaced_by",
)  # fmt: skip
SHOWN = 4
"""How many digits of a serial number are shown at each end."""


@dataclass(frozen=True)
class Totals:
    """How many of a subscriber's certificates stand how; revoked + remaining + expired + excluded is all (R18)."""

    all: int
    revoked: int
    remaining: int
    expired: int
    excluded: int
    outstanding: int
    confirmed: int
    replaced: int
    asked: int
    overdue: int
    """Of the remaining: those whose deadline has passed."""
    next_deadline: datetime | None
    missed_deadline: datetime | None
    deadlines: int
    """How many different deadlines the remaining ones have."""

    @property
    def deadline(self) -> datetime | None:
        """The first deadline that is still to come; when all have passed, the first that did."""
        return self.next_deadline or self.missed_deadline


class Line:
    """One affected certificate as a subscriber reads of it at a moment."""

    def __init__(self, row: AffectedCertificate, now: datetime, zone_name: str = "UTC") -> None:
        self.row = row
        self.zone_name = zone_name
        self.state = _state(row, now)
        self.is_remaining = self.state not in {"revoked", "excluded", "expired"}

    @property
    def word(self) -> str:
        """The state in a word."""
        return str(STATES[self.state])

    @property
    def first_name(self) -> str:
        """The name that tells it apart best; a certificate without names has its subject or nothing."""
        names = self.row.certificate.names
        return str(names[0]) if names else self.row.certificate.subject or _("no name")

    @property
    def other_names(self) -> list[str]:
        """The names after the first."""
        return list(self.row.certificate.names[1:])

    @property
    def short_serial(self) -> str:
        """The serial number cut in the middle."""
        return _cut(self.row.certificate.serial_number)

    @property
    def detail(self) -> str:
        """What the state alone does not say: since when, until when, or by what."""
        row = self.row
        if self.state == "revoked" and row.published_at:
            return self._at(row.published_at)
        if not self.is_remaining:
            return ""
        if row.revocation_requested_at:
            asked_for = row.revocation_requested_for or row.revocation_requested_at
            return _("to be revoked %(time)s") % {"time": self._at(asked_for)}
        if self.state == "replaced" and row.replacement:
            return _("by %(serial)s") % {"serial": _cut(row.replacement.serial_number)}
        return ""

    @property
    def deadline(self) -> str:
        """When it is revoked at the latest."""
        return self._at(self.row.publish_by) if self.row.publish_by and self.is_remaining else ""

    def _at(self, at: datetime) -> str:
        return moments.brief(at, self.zone_name)


def rows(affected: AffectedSubscriber, *, now: datetime) -> QuerySet[AffectedCertificate]:
    """The certificates of an affected subscriber in the order of the list, without their bytes."""
    listed = AffectedCertificate.objects.filter(affected_subscriber=affected)
    return (
        listed.annotate(is_excluded=listed.standing_excluded(now))
        .select_related("certificate__issuer", "replacement")
        .defer("certificate__der", "certificate__issuer__certificate_pem", "replacement__pem")
        .order_by("pk")
    )


def found(listed: QuerySet[AffectedCertificate], text: str) -> QuerySet[AffectedCertificate]:
    """Those of a list that have this text in a name or in their serial number, however it is written."""
    serial = "".join(text.lower().split()).replace(":", "").removeprefix("0x").lstrip("0")
    in_serial = Q(certificate__serial_number__contains=serial) if serial else Q(pk=None)
    return listed.filter(Q(certificate__names__icontains=text.strip()) | in_serial)


def totals(affected: AffectedSubscriber, *, now: datetime) -> Totals:
    """How an affected subscriber stands, by one query."""
    listed = AffectedCertificate.objects.filter(affected_subscriber=affected)
    listed = listed.annotate(is_excluded=listed.standing_excluded(now))
    held = Q(published_at=None, is_excluded=True)
    expired = Q(published_at=None, is_excluded=False, not_after__lt=now)
    remaining = Q(published_at=None, is_excluded=False, not_after__gte=now)
    waiting = Q(state=AffectedCertificate.State.OUTSTANDING)
    return Totals(
        **listed.aggregate(
            all=Count("pk"),
            revoked=Count("pk", filter=Q(published_at__isnull=False)),
            remaining=Count("pk", filter=remaining),
            expired=Count("pk", filter=expired),
            excluded=Count("pk", filter=held),
            outstanding=Count("pk", filter=remaining & waiting & Q(revocation_requested_at=None)),
            confirmed=Count("pk", filter=remaining & Q(state=AffectedCertificate.State.CONFIRMED)),
            replaced=Count("pk", filter=remaining & Q(state=AffectedCertificate.State.REPLACED)),
            asked=Count("pk", filter=remaining & waiting & Q(revocation_requested_at__isnull=False)),
            overdue=Count("pk", filter=remaining & Q(publish_by__lte=now)),
            next_deadline=Min("publish_by", filter=remaining & Q(publish_by__gt=now)),
            missed_deadline=Min("publish_by", filter=remaining & Q(publish_by__lte=now)),
            deadlines=Count("publish_by", filter=remaining, distinct=True),
        )
    )


def csv_lines(listed: Iterable[AffectedCertificate], *, now: datetime) -> Iterator[str]:
    """The list as CSV (RFC 4180), with times in UTC; no cell can be taken for a formula by a spreadsheet."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in listed:
        yield writer.writerow([_cell(value) for value in _values(row, now)])


def _cut(serial: str) -> str:
    return serial if len(serial) <= 2 * SHOWN + 2 else f"{serial[:SHOWN]}…{serial[-SHOWN:]}"


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _values(row: AffectedCertificate, now: datetime) -> list[str]:
    line, certificate = Line(row, now), row.certificate
    return [
        certificate.serial_number,
        " ".join(certificate.names),
        certificate.issuer.name,
        _moment(row.not_after),
        certificate.fingerprint_sha256,
        _moment(row.publish_by),
        line.state,
        _moment(row.published_at),
        _moment(row.revocation_requested_for),
        row.replacement.serial_number if row.replacement else "",
    ]


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _cell(value: str) -> str:
    """A cell that a spreadsheet shows as text: what could begin a formula gets an apostrophe in front."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else value


def _state(row: AffectedCertificate, now: datetime) -> str:
    """The first that holds, in the order of `STATES`; `is_excluded` comes from `rows`."""
    if row.published_at:
        return "revoked"
    if getattr(row, "is_excluded"):  # noqa: B009 - an annotation, which the type of the row does not know
        return "excluded"
    if row.not_after < now:
        return "expired"
    if row.publish_by and row.publish_by <= now:
        return "overdue"
    if row.state == AffectedCertificate.State.OUTSTANDING and row.revocation_requested_at:
        return "asked"
    return str(row.state)
