"""Keeping the plan: every tick reconciles the facts of running campaigns into revocations that are due."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from audit.actors import SYSTEM
from audit.moves import move
from audit.services import record
from campaigns.models import Campaign
from revocation.models import Gate, Revocation, RevocationQuerySet
from revocation.services import leads, planning
from revocation.services.releasing import release
from subscribers.models import Issuer

log = logging.getLogger(__name__)
State = Revocation.State
STEP = 1000


def schedule_revocations(*, now: datetime) -> int:
    """Bring every plan up to date and let through what is due; how many were let through.

    May be run at any time, any number of times, also by two at once. A campaign that fails does not stop the others.
    """
    released = 0
    try:
        _cancel(Revocation.objects.filter(_OF_ENDED), "the campaign has ended", now=now)
    except Exception:
        log.exception("What is left of ended campaigns could not be cancelled; the next tick tries again.")
    for campaign in Campaign.objects.running().order_by("pk"):
        try:
            released += _schedule(campaign, now=now)
        except Exception:
            log.exception("The revocations of %s could not be scheduled; the next tick tries again.", campaign.stream)
    return released


_OF_ENDED = Q(
    affected_certificate__campaign__state__in=[Campaign.State.COMPLETED, Campaign.State.CANCELLED],
    state__in=[State.SCHEDULED, State.REJECTED],
)


def plan_campaign(campaign: Campaign, *, now: datetime) -> list[Gate]:
    """Bring the plans of one campaign up to date, and let nothing through; its gates."""
    _drop_needless(campaign, now=now)
    _take_up_again(campaign, now=now)
    needed = planning.in_need(campaign, now=now).order_by().values_list("certificate__issuer", flat=True).distinct()
    for issuer in Issuer.objects.filter(pk__in=set(needed)):
        _enter(campaign, issuer, now=now)
    gates = list(Gate.objects.filter(campaign=campaign).select_related("campaign", "issuer").order_by("pk"))
    backlogs = leads.backlogs()
    for gate in gates:
        lead = leads.lead_of(gate, backlog=backlogs.get(gate.issuer_id, 0))
        with transaction.atomic():
            planning.replan(gate, lead=lead, now=now)
    return gates


def _schedule(campaign: Campaign, *, now: datetime) -> int:
    """Planning is no outward act and goes on while a campaign is halted; letting through does not.

    Only what has gone through to its end leaves a sign of life, for the watcher outside.
    """
    gates = plan_campaign(campaign, now=now)
    released = 0 if campaign.halted_at else sum(release(gate, now=now) for gate in gates)
    Gate.objects.filter(campaign=campaign).update(scheduled_at=now)
    return released


def _enter(campaign: Campaign, issuer: Issuer, *, now: datetime) -> None:
    """Put an issuer's part of a campaign into the books, with its gate, and say so if it is too late for the lead."""
    rows = planning.in_need(campaign, now=now).filter(certificate__issuer=issuer)
    backlog = rows.count() + leads.backlogs().get(issuer.pk, 0)
    lead = leads.lead(campaign, issuer, backlog=backlog)
    first_deadline = rows.order_by("publish_by").values_list("publish_by", flat=True).first()
    with transaction.atomic():
        gate, is_new = Gate.objects.get_or_create(campaign=campaign, issuer=issuer, defaults={"opened_at": now})
        count = planning.insert(gate, lead=lead, now=now)
        Gate.objects.filter(pk=gate.pk).update(entered=F("entered") + count)
        facts = {"issuer": issuer.name, "count": count, "lead_seconds": lead.total_seconds()}
        _record("revocation.planned", gate, now=now, **facts)
        if is_new and first_deadline and first_deadline - lead < now:
            late = (now - (first_deadline - lead)).total_seconds()
            log.error("%s: revoking for %s starts %.0f seconds too late.", campaign.stream, issuer, late)
            _record("revocation.too_late_start", gate, now=now, **facts, late_seconds=late)


def _record(verb: str, gate: Gate, *, now: datetime, **facts: object) -> None:
    record(verb, stream=gate.campaign.stream, about=gate, actor=SYSTEM, now=now, facts=facts)


def _drop_needless(campaign: Campaign, *, now: datetime) -> None:
    """Cancel what has expired and what was never affected."""
    rows = Revocation.objects.filter(
        affected_certificate__campaign=campaign, state__in=[State.SCHEDULED, State.REJECTED]
    )
    _cancel(rows.filter(affected_certificate__not_after__lt=now), "it has expired", now=now)
    _cancel(rows.filter(planning.for_good(now, "affected_certificate")), "it was never affected", now=now)


def _cancel(rows: RevocationQuerySet, because: str, *, now: datetime) -> None:
    """Cancel rows that nobody holds. One that is being handed to the CA is left to whoever holds it."""
    free = (
        rows.filter(Q(due_at=None) | Q(due_at__lte=now)).select_related("affected_certificate__campaign").order_by("pk")
    )
    while batch := list(free[:STEP]):
        fields = {"due_at": None}
        if not move(
            batch, State.CANCELLED, actor=SYSTEM, now=now, fields=fields, facts={"because": because}, fenced=True
        ):
            break


def _take_up_again(campaign: Campaign, *, now: datetime) -> None:
    """Schedule again what was cancelled and is needed after all: its exclusion was withdrawn."""
    rows = (
        Revocation.objects.filter(
            affected_certificate__campaign=campaign,
            affected_certificate__not_after__gte=now,
            affected_certificate__published_at=None,
            state=State.CANCELLED,
        )
        .filter(~planning.for_good(now, "affected_certificate"))
        .select_related("affected_certificate__campaign")
        .order_by("pk")
    )
    while batch := list(rows[:STEP]):
        fields = {"due_at": None, "wave": None, "last_error": ""}
        if not move(batch, State.SCHEDULED, actor=SYSTEM, now=now, fields=fields, facts={"because": "it is affected"}):
            break
