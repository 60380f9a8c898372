"""Letting revocations through the gate: one canary, ten canaries, the rest (R34)."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Count, DateTimeField, Q, Value, When

from audit.actors import SYSTEM
from audit.services import record
from campaigns.models import AffectedCertificate, Campaign
from campaigns.services import halt_campaign, scope_digest
from core.crl_reason import CRLReason
from revocation import waves
from revocation.models import Gate, Revocation, RevocationQuerySet

log = logging.getLogger(__name__)
State, Trigger = Revocation.State, Revocation.Trigger
UNDER_WAY = (State.SCHEDULED, State.ACCEPTED, State.PUBLISHED)
AHEAD = timedelta(seconds=1)
"""How much earlier than the next rank a rank of the order is due, so that claims keep the order (R36)."""


def release(gate: Gate, *, now: datetime) -> int:
    """Let through what is due and what the gate's wave has room for; how many.

    Before a canary wave or the rest is let through, and whenever something has come into the books since, the scope in
    the database is compared with the approved one; a difference halts the campaign.
    """
    due = Revocation.objects.behind(gate).unreleased().unheld(now).filter(planned_at__lte=now)
    if not due.exists():
        return 0
    wave, room = _opening(gate)
    is_compared = gate.wave == wave == waves.REST and gate.compared == gate.entered
    if room == 0 or not (is_compared or _is_approved(gate, now=now)):
        return 0
    with transaction.atomic():
        held = Gate.objects.select_for_update().get(pk=gate.pk)
        if (held.wave, held.entered) != (gate.wave, gate.entered):
            return 0  # another process was faster; the next tick goes on from there
        if wave != gate.wave:
            _open(gate, wave, now=now)
        released = _let_through(due, wave, _opening(gate)[1], now=now)
        if released:
            facts = {"issuer": gate.issuer.name, "wave": wave, "count": released}
            record("gate.released", stream=gate.campaign.stream, about=gate, actor=SYSTEM, now=now, facts=facts)
    return released


def _opening(gate: Gate) -> tuple[int, int | None]:
    """The wave that should be open now, and how many more it lets through; None means all."""
    wave = gate.wave
    released, published = _progress(gate, wave)
    while waves.is_proven(wave, published=published):
        wave += 1
        released, published = _progress(gate, wave)
    return wave, waves.room(wave, released=released)


def _progress(gate: Gate, wave: int) -> tuple[int, int]:
    """How many of a wave are under way or published, and how many are published; of the rest nobody asks."""
    if wave == waves.REST:
        return 0, 0
    found = (
        Revocation.objects.behind(gate)
        .filter(wave=wave)
        .aggregate(
            released=Count("pk", filter=Q(state__in=UNDER_WAY)), published=Count("pk", filter=Q(state=State.PUBLISHED))
        )
    )
    return found["released"], found["published"]


def _open(gate: Gate, wave: int, *, now: datetime) -> None:
    gate.wave, gate.opened_at = wave, now
    gate.save(update_fields=["wave", "opened_at"])
    facts = {"issuer": gate.issuer.name, "wave": wave}
    record("gate.opened", stream=gate.campaign.stream, about=gate, actor=SYSTEM, now=now, facts=facts)


def _let_through(due: RevocationQuerySet, wave: int, room: int | None, *, now: datetime) -> int:
    """Give the first of them a wave and a moment; the earlier moment is claimed first."""
    ranks = _ranks()
    moments = [
        When(rank, then=Value(now - AHEAD * (len(ranks) - place), output_field=DateTimeField()))
        for place, rank in enumerate(ranks)
    ]
    order = Case(*moments, default=Value(now, output_field=DateTimeField()))
    if room is not None:
        first = due.order_by(order, "affected_certificate__publish_by", "pk").values_list("pk", flat=True)[:room]
        due = due.filter(pk__in=list(first))
    return due.update(wave=wave, due_at=order)


def _ranks() -> tuple[Q, ...]:
    """Who comes first (R36); whoever is in none of them comes last."""
    replaced = AffectedCertificate.objects.filter(state=AffectedCertificate.State.REPLACED)
    return (
        Q(trigger=Trigger.SUBSCRIBER, crl_reason=CRLReason.KEY_COMPROMISE),
        Q(trigger__in=[Trigger.SUBSCRIBER, Trigger.OPERATOR]),
        Q(affected_certificate__in=replaced),
    )


def _is_approved(gate: Gate, *, now: datetime) -> bool:
    """Whether the scope is to the last certificate what was approved; if not, the campaign is halted.

    An addition may be approved while the scope is being read; then it is read again.
    """
    campaign, approved = gate.campaign, None
    while approved != campaign.approved_digest:
        campaign.refresh_from_db(fields=["approved_digest", "scope_digest"])
        approved = campaign.approved_digest
        problem = _problem(campaign)
        if problem:
            campaign.refresh_from_db(fields=["approved_digest"])
    if problem:
        log.error("%s %s", campaign.stream, problem)
        halt_campaign(campaign, reason=f"{problem} Nothing was revoked.", actor=SYSTEM, now=now)
        return False
    Gate.objects.filter(pk=gate.pk).update(compared=gate.entered)
    return True


def _problem(campaign: Campaign) -> str:
    """What is wrong with the scope in the database; empty if it is the approved one."""
    try:
        if campaign.approved_digest and scope_digest(campaign) == campaign.approved_digest:
            return ""
    except ValueError as error:
        return f"The scope in the database has no digest: {error}"
    return "The scope in the database is not the one that was approved."
