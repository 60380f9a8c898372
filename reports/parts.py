"""The four parts of a scope, and how they fall to classes and issuers. The four always add up (R18)."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from campaigns.models import AffectedCertificate, Campaign, Exclusion
from subscribers.models import SubscriberClass

State = AffectedCertificate.State


class DoesNotAddUp(Exception):
    """A sum that must hold does not: nothing is shown rather than a wrong number (R18)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a scope under one heading: scope = revoked + remaining + expired + excluded."""

    key: str
    label: str
    scope: int
    revoked: int
    remaining: int
    expired: int
    excluded: int

    def __post_init__(self) -> None:
        check_sum(self.label, self.scope, (self.revoked, self.remaining, self.expired, self.excluded))

    def as_json(self) -> dict[str, object]:
        """The same as a mapping."""
        return asdict(self)


def check_sum(what: str, whole: int, parts: tuple[int, ...]) -> None:
    """Raises `DoesNotAddUp` unless the parts are the whole."""
    if whole != sum(parts):
        raise DoesNotAddUp(f"{what}: {whole} is not {' + '.join(map(str, parts))}.")


def conditions(now: datetime) -> dict[str, Q]:
    """What each number on a page means, as a condition on affected certificates."""
    held = Q(pk__in=Exclusion.objects.standing(now).values("affected_certificate"))
    unpublished = Q(published_at=None)
    remaining = unpublished & ~held & Q(not_after__gte=now)
    return {
        "scope": Q(),
        "revoked": Q(published_at__isnull=False),
        "remaining": remaining,
        "expired": unpublished & ~held & Q(not_after__lt=now),
        "excluded": unpublished & held,
        "late": Q(published_at__gt=F("publish_by")) | (remaining & Q(publish_by__lt=now)),
        "overdue": remaining & Q(publish_by__lt=now),
        "outstanding": remaining & Q(state=State.OUTSTANDING, revocation_requested_at=None),
        "confirmed": Q(state=State.CONFIRMED),
        "replaced": Q(state=State.REPLACED),
    }


def of_part(rows: QuerySet[AffectedCertificate], part: str, now: datetime) -> QuerySet[AffectedCertificate]:
    """The affected certificates behind a number on a page; raises `KeyError` for a part that there is none of."""
    return rows.filter(conditions(now)[part])


def by_class(campaign: Campaign, now: datetime) -> list[Part]:
    """The scope by class of subscriber, the classes in their own order."""
    labels = {str(value): str(label) for value, label in SubscriberClass.choices}
    found = {
        part.key: part for part in _parts(campaign, now, "affected_subscriber__subscriber__subscriber_class", labels)
    }
    return [found[key] for key in labels if key in found]


def by_issuer(campaign: Campaign, now: datetime) -> list[Part]:
    """The scope by issuer, the largest first."""
    found = _parts(campaign, now, "certificate__issuer__name", {})
    return sorted(found, key=lambda part: (-part.scope, part.label))


def _parts(campaign: Campaign, now: datetime, heading: str, labels: dict[str, str]) -> list[Part]:
    meaning = conditions(now)
    groups = (
        AffectedCertificate.objects.filter(campaign=campaign)
        .order_by()
        .values_list(heading)
        .annotate(
            scope=Count("pk"),
            **{
                f"n_{name}": Count("pk", filter=meaning[name])
                for name in ("revoked", "remaining", "expired", "excluded")
            },
        )
    )
    return [Part(str(key), labels.get(str(key), str(key)), *counts) for key, *counts in groups]
