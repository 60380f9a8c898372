"""When each revocation is to be handed to the CA: set-based, repeatable, and only ever earlier."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, models
from django.db.models import Case, Exists, F, Min, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from campaigns.models import AffectedCertificate, Campaign, Exclusion
from core import statistics
from core.crl_reason import CRLReason
from revocation.models import Gate, Revocation, RevocationQuerySet

REQUEST_WINDOW = timedelta(hours=24)
"""From a subscriber's request to its published revocation (BR 4.9.1.1 items 1 and 3)."""
STEP = 50_000
"""How many rows one statement inserts."""
PORTION = 1000
"""How many keys one statement names."""
COLUMNS = (
    "affected_certificate_id", "issuer_id", "crl_reason", "planned_at", "trigger", "state", "was_revoked_before",
    "last_error", "attempts",
)  # fmt: skip


def for_good(now: datetime, affected: str) -> Exists:
    """The condition that an exclusion without an end stands: the certificate was never affected."""
    return Exists(Exclusion.objects.standing(now).filter(until=None, affected_certificate=OuterRef(affected)))


def in_need(campaign: Campaign, *, now: datetime) -> models.QuerySet[AffectedCertificate]:
    """The affected certificates that need a revocation, sooner or later, and have none in the books yet."""
    rows = AffectedCertificate.objects.filter(
        campaign=campaign, published_at=None, not_after__gte=now, publish_by__isnull=False, revocation=None
    )
    return rows.filter(~for_good(now, "pk"))


def insert(gate: Gate, *, lead: timedelta, now: datetime) -> int:
    """Enter a revocation for each affected certificate of the gate's issuer that needs one; how many."""
    rows = (
        in_need(gate.campaign, now=now)
        .filter(certificate__issuer=gate.issuer_id)
        .order_by()
        .values_list(
            "pk",
            "certificate__issuer_id",
            _reason(gate.campaign),
            _latest_start(lead),
            Value(Revocation.Trigger.DEADLINE.value),
            Value(Revocation.State.SCHEDULED.value),
            Value(False),
            Value(""),
            Value(0),
        )
    )
    inserted = total = _insert(rows)
    while inserted:
        inserted = _insert(rows)
        total += inserted
    if total:
        statistics.refresh(Revocation, AffectedCertificate)
    return total


def _insert(rows: models.QuerySet[AffectedCertificate, Any]) -> int:
    """One INSERT … SELECT: the rows never come through this process, and two at once do no harm."""
    select, parameters = rows[:STEP].query.sql_with_params()
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in COLUMNS)
    table = quote(Revocation._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) {select} ON CONFLICT DO NOTHING", parameters)
        count: int = cursor.rowcount
        return count


def _reason(campaign: Campaign) -> Case:
    """The campaign's reason; a subscriber who says that the key is compromised raises it (BR 7.2.2)."""
    raised = When(requested_reason=CRLReason.KEY_COMPROMISE, then=Value(CRLReason.KEY_COMPROMISE.value))
    return Case(raised, default=Value(campaign.crl_reason), output_field=models.CharField())


def replan(gate: Gate, *, lead: timedelta, now: datetime) -> int:
    """Bring the plans of a gate's unreleased revocations up to date; how many were changed."""
    _raise_reasons(gate)
    return (
        _by_deadline(gate, lead, now)
        + (_by_replacement(gate, now) if gate.campaign.revokes_replaced_early else 0)
        + _by_request(gate, now)
        + _by_exclusion(gate, lead, now)
    )


def _affected(gate: Gate) -> models.QuerySet[AffectedCertificate]:
    return AffectedCertificate.objects.filter(campaign=gate.campaign_id, published_at=None)


def _portions(gate: Gate, affected: models.QuerySet[AffectedCertificate]) -> Iterator[RevocationQuerySet]:
    """The gate's unreleased revocations of some affected certificates, a thousand keys at a time.

    Reading the keys first keeps every statement linear: in a table that was filled a moment ago and has no statistics
    yet, PostgreSQL would join the two by comparing each row with each.
    """
    keys = affected.order_by("pk").values_list("pk", flat=True).iterator(PORTION)
    while portion := list(islice(keys, PORTION)):
        yield Revocation.objects.filter(
            issuer=gate.issuer_id, affected_certificate__in=portion, state=Revocation.State.SCHEDULED, wave=None
        )


def _raise_reasons(gate: Gate) -> None:
    raised = _affected(gate).filter(requested_reason=CRLReason.KEY_COMPROMISE).values_list("pk", flat=True)
    keys = raised.order_by("pk").iterator(PORTION)
    while portion := list(islice(keys, PORTION)):
        rows = Revocation.objects.filter(
            issuer=gate.issuer_id,
            affected_certificate__in=portion,
            state__in=[Revocation.State.SCHEDULED, Revocation.State.REJECTED],
        )
        rows.exclude(crl_reason=CRLReason.KEY_COMPROMISE).update(crl_reason=CRLReason.KEY_COMPROMISE)


def _by_deadline(gate: Gate, lead: timedelta, now: datetime) -> int:
    """Move what is planned later than its own deadline allows.

    Nothing planned before the earliest deadline less the lead can be among it, so the index leaves most rows alone.
    """
    earliest = _affected(gate).aggregate(at=Min("publish_by"))["at"]
    if earliest is None:
        return 0
    own = AffectedCertificate.objects.filter(pk=OuterRef("affected_certificate"))
    allowed = _allowed(lead)
    rows = Revocation.objects.filter(
        issuer=gate.issuer_id, state=Revocation.State.SCHEDULED, wave=None, planned_at__gt=earliest - lead
    )
    later = rows.unheld(now).annotate(of=Subquery(own.values("campaign")[:1])).filter(of=gate.campaign_id)
    return later.filter(planned_at__gt=allowed).update(planned_at=allowed, trigger=Revocation.Trigger.DEADLINE)


def _latest_start(lead: timedelta) -> Case:
    """For an affected certificate, its deadline less the lead.

    A deadline that comes from the subscriber's own request, a day after the moment asked for, is not led up to: the
    revocation begins at that moment, and never before it unless the campaign's own deadline demands it.
    """
    span = Value(lead, output_field=models.DurationField())
    asked = Coalesce("revocation_requested_for", "revocation_requested_at")
    day = Value(REQUEST_WINDOW, output_field=models.DurationField())
    by_campaign = F("clock_started_at") + F("campaign__window") - span
    return Case(
        When(publish_by=asked + day, then=by_campaign),
        default=F("publish_by") - span,
        output_field=models.DateTimeField(),
    )


def _allowed(lead: timedelta) -> Subquery:
    own = AffectedCertificate.objects.filter(pk=OuterRef("affected_certificate"))
    return Subquery(own.values(allowed=_latest_start(lead))[:1], output_field=models.DateTimeField())


def _by_replacement(gate: Gate, now: datetime) -> int:
    replaced = _affected(gate).filter(state=AffectedCertificate.State.REPLACED)
    return sum(
        rows.unheld(now).filter(planned_at__gt=now).update(planned_at=now, trigger=Revocation.Trigger.REPLACED)
        for rows in _portions(gate, replaced)
    )


def _by_request(gate: Gate, now: datetime) -> int:
    """Follow the subscribers who asked for an earlier moment (BR 4.9.1.1 item 1)."""
    asked = _affected(gate).filter(Q(revocation_requested_at__isnull=False) | Q(revocation_requested_for__isnull=False))
    own = AffectedCertificate.objects.filter(pk=OuterRef("affected_certificate"))
    moment = Subquery(
        own.values(moment=Coalesce("revocation_requested_for", "revocation_requested_at"))[:1],
        output_field=models.DateTimeField(),
    )
    return sum(
        rows.unheld(now).filter(planned_at__gt=moment).update(planned_at=moment, trigger=Revocation.Trigger.SUBSCRIBER)
        for rows in _portions(gate, asked)
    )


def _by_exclusion(gate: Gate, lead: timedelta, now: datetime) -> int:
    """Plan what an order of a court holds for the end of that order, or its own time if that is later (R41)."""
    ending = Exclusion.objects.standing(now).filter(until__isnull=False)
    until = Subquery(
        ending.filter(affected_certificate=OuterRef("affected_certificate")).values("until")[:1],
        output_field=models.DateTimeField(),
    )
    held = Greatest(until, _allowed(lead))
    return sum(
        rows.filter(planned_at__lt=held).update(planned_at=held, trigger=Revocation.Trigger.DEADLINE)
        for rows in _portions(gate, _affected(gate).filter(exclusions__in=ending))
    )
