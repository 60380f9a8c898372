"""The one place that counts. Pages, files, commands and snapshots take their numbers from here (R18)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Case, Count, Exists, ExpressionWrapper, F, OuterRef, Q, Value, When

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Snapshot
from core.errors import Refused

State = AffectedCertificate.State


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of a campaign at a moment; scope = revoked + remaining + expired + excluded."""

    scope: int = 0
    revoked: int = 0
    """Published: seen on a verified CRL."""
    remaining: int = 0
    expired: int = 0
    excluded: int = 0
    outstanding: int = 0
    """Of the remaining: the subscriber has neither said that it is replaced nor asked for its revocation."""
    confirmed: int = 0
    """Of the scope: said to be replaced, and no replacement found yet."""
    replaced: int = 0
    """Of the scope: a replacement was verified."""
    late: int = 0
    """Published after the deadline, or remaining although it has passed."""
    overdue: int = 0
    """Of the late: still remaining."""
    subscribers: int = 0
    acknowledged: int = 0
    unreachable: int = 0
    at_risk: int = 0
    """Subscribers with something outstanding who are unreachable or have not acknowledged."""
    answered: int = 0
    """Subscribers with nothing outstanding."""

    def check(self) -> "Counts":
        """These counts; raises `Refused` if the parts are not the whole, so that no wrong number is ever shown."""
        if self.scope != self.revoked + self.remaining + self.expired + self.excluded:
            raise Refused(f"The counts do not add up: {self}")
        return self


def counts(campaign: Campaign, now: datetime) -> Counts:
    """Count a campaign: one query over its certificates, one over its subscribers. For pages see `latest_counts`."""
    found = dict.fromkeys((field.name for field in fields(Counts)), 0)
    for row in _groups(campaign, now):
        number: int = row["number"]
        found["scope"] += number
        found[row["part"]] += number
        if row["state"] != State.OUTSTANDING:
            found[row["state"]] += number
        elif row["part"] == "remaining" and not row["was_requested"]:
            found["outstanding"] += number
        if row["was_late"]:
            found["late"] += number
            found["overdue"] += number if row["part"] == "remaining" else 0
    return Counts(**{**found, **_subscriber_counts(campaign, now)}).check()


def _groups(campaign: Campaign, now: datetime) -> Iterable[Mapping[str, Any]]:
    """The certificates by everything that is counted: each of them is in exactly one group."""
    rows = AffectedCertificate.objects.filter(campaign=campaign)
    late = Q(published_at__gt=F("publish_by")) | Q(part="remaining", publish_by__lt=now)
    return (
        rows.annotate(
            part=Case(
                When(published_at__isnull=False, then=Value("revoked")),
                When(rows.standing_excluded(now), then=Value("excluded")),
                When(not_after__lt=now, then=Value("expired")),
                default=Value("remaining"),
            ),
            was_requested=ExpressionWrapper(Q(revocation_requested_at__isnull=False), output_field=BooleanField()),
            was_late=Case(When(late, then=True), default=False),
        )
        .order_by()
        .values("part", "state", "was_requested", "was_late")
        .annotate(number=Count("pk"))
    )


def _subscriber_counts(campaign: Campaign, now: datetime) -> dict[str, int]:
    open_rows = AffectedCertificate.objects.outstanding(now).filter(affected_subscriber=OuterRef("pk"))
    rows = AffectedSubscriber.objects.filter(campaign=campaign).annotate(is_outstanding=Exists(open_rows))
    silent = Q(acknowledged_at=None) | Q(unreachable_since__isnull=False)
    found: dict[str, int] = rows.aggregate(
        subscribers=Count("pk"),
        acknowledged=Count("pk", filter=Q(acknowledged_at__isnull=False)),
        unreachable=Count("pk", filter=Q(unreachable_since__isnull=False)),
        at_risk=Count("pk", filter=silent & Q(is_outstanding=True)),
        answered=Count("pk", filter=Q(is_outstanding=False)),
    )
    return found


def take_snapshot(campaign: Campaign, *, now: datetime) -> Snapshot:
    """Keep the counts of this moment for the burn-down chart; the same moment twice is one snapshot."""
    numbers = asdict(counts(campaign, now))
    return Snapshot.objects.get_or_create(campaign=campaign, at=now, defaults=numbers)[0]


def latest_counts(campaign: Campaign, now: datetime) -> tuple[Counts, datetime]:
    """The counts of the latest snapshot and its moment; counted afresh where there is none."""
    latest = campaign.snapshots.order_by("-at").first()
    if latest is None:
        return counts(campaign, now), now
    return Counts(**{field.name: getattr(latest, field.name) for field in fields(Counts)}).check(), latest.at
