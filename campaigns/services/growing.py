"""How an approved addition becomes part of the scope: rows are added by few statements, and none is changed."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import CharField, DateTimeField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from audit.actors import SYSTEM
from campaigns.models import AffectedCertificate, AffectedSubscriber, News, ScopeAddition
from campaigns.services.guards import BATCH
from campaigns.services.launch import mark_unreachable_from_the_start
from campaigns.services.news import note_news
from campaigns.services.reading import unknown_subscriber
from campaigns.services.snapshots import take_snapshot
from core import statistics
from core.errors import Refused

COLUMNS = {
    "campaign_id": IntegerField(),
    "affected_subscriber_id": None,
    "certificate_id": None,
    "state": CharField(),
    "not_after": None,
    "clock_started_at": DateTimeField(),
    "added_at": DateTimeField(),
    "publish_by": DateTimeField(),
    "confirmed_by": CharField(),
    "requested_reason": CharField(),
    "attempts": IntegerField(),
}
"""What is written of a new affected certificate; all else is empty."""


def grow(addition: ScopeAddition, *, now: datetime) -> int:
    """Add an addition's certificates to the scope, each with the addition's clock; how many subscribers are new.

    Raises `Refused` if it would be another number of certificates than was approved.
    """
    subscribers = _add_subscribers(addition, now=now)
    added = _add_certificates(addition, now=now)
    if added != addition.count:
        raise Refused(f"{added:,} certificates would be added, but {addition.count:,} were approved.")
    statistics.refresh(AffectedSubscriber, AffectedCertificate)
    return subscribers


def tell(addition: ScopeAddition, *, now: datetime) -> None:
    """Let everybody hear of an addition that has been taken in, and keep the new numbers.

    Whoever is new begins the ladder, and whoever was there before gets the news and goes on where it stood: so a
    ladder that had come to rest, because everything was answered, looks at its next step again.
    """
    campaign = addition.campaign
    mark_unreachable_from_the_start(campaign, actor=SYSTEM, now=now)
    own = AffectedCertificate.objects.filter(affected_subscriber=OuterRef("pk"))
    grown = campaign.affected_subscribers.filter(Exists(own.filter(added_at=now)))
    known = grown.filter(Exists(own.filter(Q(added_at=None) | Q(added_at__lt=now))))
    note_news(known.values_list("pk", flat=True), News.Kind.ADDITION, at=now, now=now)
    grown.filter(Q(due_at=None) | Q(due_at__gt=now)).update(due_at=now)
    take_snapshot(campaign, now=now)


def _held(addition: ScopeAddition) -> QuerySet[Any, Any]:
    """The lines with their `holder`; certificates of nobody are the subscriber's that stands for all of these."""
    lines = addition.lines.order_by()
    unknown = unknown_subscriber().pk if lines.filter(certificate__subscriber=None).exists() else 0
    return lines.annotate(holder=Coalesce("certificate__subscriber", Value(unknown)))


def _add_subscribers(addition: ScopeAddition, *, now: datetime) -> int:
    """Make sure that all holders are affected subscribers, those who are new due at once; how many are new."""
    campaign = addition.campaign
    known = campaign.affected_subscribers.values("subscriber")
    new = _held(addition).exclude(holder__in=known).values_list("holder", flat=True).distinct()
    made = AffectedSubscriber.objects.bulk_create(
        (AffectedSubscriber(campaign=campaign, subscriber_id=key, due_at=now) for key in new), batch_size=BATCH
    )
    return len(made)


def _add_certificates(addition: ScopeAddition, *, now: datetime) -> int:
    """One INSERT … SELECT: three million rows need not come through this process."""
    campaign = addition.campaign
    owner = AffectedSubscriber.objects.filter(campaign=campaign, subscriber=OuterRef("holder")).values("pk")[:1]
    values: dict[str, Any] = {
        "campaign_id": campaign.pk,
        "affected_subscriber_id": Subquery(owner),
        "certificate_id": F("certificate_id"),
        "state": AffectedCertificate.State.OUTSTANDING.value,
        "not_after": F("certificate__not_after"),
        "clock_started_at": addition.clock_started_at,
        "added_at": now,
        "publish_by": addition.deadline,
        "confirmed_by": "",
        "requested_reason": "",
        "attempts": 0,
    }
    chosen = [Value(values[name], output_field=kind) if kind else values[name] for name, kind in COLUMNS.items()]
    return _insert(_held(addition), chosen)


def _insert(lines: QuerySet[Any, Any], chosen: list[Any]) -> int:
    rows = lines.annotate(**{f"v{place}": value for place, value in enumerate(chosen)})
    select, parameters = rows.values_list(*(f"v{place}" for place in range(len(chosen)))).query.sql_with_params()
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(AffectedCertificate._meta.db_table)} ({names}) {select}",
            parameters,
        )
        count: int = cursor.rowcount
        return count
