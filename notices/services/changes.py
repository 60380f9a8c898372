"""What there is to tell in news: the certificates about which something has changed since, by a few queries for all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from campaigns.models import AffectedCertificate, Exclusion, News
from notices.rendering import LISTED, NewsItem

ADDED, WITHDRAWN, MOVED, REVOKED = "added", "withdrawn", "moved", "revoked"
Rows = QuerySet[Any, Any]


@dataclass(slots=True)
class Change:
    """What one piece of news tells: the first certificates, and how many there are."""

    items: list[NewsItem] = field(default_factory=list)
    count: int = 0


def changes(rows: Sequence[News], *, now: datetime) -> dict[int, Change]:
    """The changes that some news have to tell, as the database has them now; only the first certificates are listed."""
    found: dict[int, Change] = defaultdict(Change)
    for kind in {row.kind for row in rows}:
        keys = [row.pk for row in rows if row.kind == kind]
        for what, at, certificates in _of_kind(kind, keys, now=now):
            _take(found, what, certificates.annotate(told_of=at))
    for change in found.values():
        del change.items[LISTED:]
    return found


def _of_kind(kind: str, keys: Iterable[int], *, now: datetime) -> Iterator[tuple[str, Any, Rows]]:
    """Which certificates are told, with the moment that is told of each."""
    rows: Rows = AffectedCertificate.objects.filter(affected_subscriber__news__in=list(keys)).annotate(
        story=F("affected_subscriber__news"), since=F("affected_subscriber__news__since")
    )
    if kind == News.Kind.REVOKED:
        yield REVOKED, F("published_at"), rows.filter(published_at__gte=F("since"))
        return
    remaining = rows.filter(published_at=None, not_after__gte=now).exclude(_standing(now))
    if kind == News.Kind.ADDITION:
        yield ADDED, F("publish_by"), remaining.filter(added_at__gte=F("since"))
        return
    never = Exclusion.objects.standing(now).filter(
        affected_certificate=OuterRef("pk"), ground=Exclusion.Ground.NOT_AFFECTED, approved_at__gte=OuterRef("since")
    )
    yield (
        WITHDRAWN,
        Subquery(never.values("approved_at")[:1]),
        rows.filter(Exists(never), published_at=None),
    )
    back = Q(Exists(_ended(OuterRef("since"))))
    yield ADDED, F("publish_by"), remaining.filter(back)
    yield MOVED, F("publish_by"), remaining.filter(deadline_moved_at__gte=F("since")).exclude(back)


def _standing(now: datetime) -> Exists:
    return Exists(Exclusion.objects.standing(now).filter(affected_certificate=OuterRef("pk")))


def _ended(since: OuterRef) -> QuerySet[Exclusion]:
    """Exclusions that stood before and were taken back since."""
    return Exclusion.objects.filter(affected_certificate=OuterRef("pk"), approved_at__lt=since, withdrawn_at__gte=since)


def _take(found: dict[int, Change], what: str, rows: Rows) -> None:
    for story, count in rows.order_by().values_list("story").annotate(n=Count("pk")):
        found[story].count += count
    place = Window(RowNumber(), partition_by=F("story"), order_by=[F("told_of"), F("pk")])
    first = rows.annotate(place=place).filter(place__lte=LISTED).order_by("story", "place")
    columns = ("story", "certificate__names", "certificate__serial_number", "told_of")
    for story, names, serial_number, at in first.values_list(*columns).iterator(2000):
        found[story].items.append(NewsItem(names, serial_number, at, what))
