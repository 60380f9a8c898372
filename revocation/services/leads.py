"""How long before the deadline forced revocation has to begin, by what has been measured."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F
from django.db.models.functions import Coalesce

from campaigns import plan
from campaigns.models import Campaign
from core import clock, due
from revocation import pauses, waves
from revocation.models import Gate, Revocation
from subscribers.models import Issuer

MARGIN_OF_WINDOW = 4
"""The margin is at most this part of the window, so that no setting makes everything due at launch."""
MEMORY = 0.7
"""The weight of what was known before, when a new batch has been measured."""
ENOUGH = 50
"""A smaller batch is mostly the effort of any batch and says little about the rate."""
PROOFS_PER_SECOND = 100
"""How many can be proven in a second of the world, by CRL and OCSP, until it has been measured."""
WHOLE = timedelta(minutes=1)


def margin(campaign: Campaign, issuer: Issuer) -> timedelta:
    """The time that is kept in hand: two leases, so that one dead worker fits in, and what our looks at CRLs add."""
    kept = max(settings.REVOCATION_MARGIN, 2 * due.lease())
    looks = issuer.crl_interval * pauses.LAG_OF_LOOKS * (waves.canaries_left(1) + 1)
    return min(kept, campaign.window / MARGIN_OF_WINDOW) + looks


def lead(
    campaign: Campaign, issuer: Issuer, *, backlog: int, wave: int = 1, proofs_per_second: float | None = None
) -> timedelta:
    """The lead for the backlog of an issuer, in whole minutes: plans should not move with every measured second.

    Time to hand over the backlog, to prove it, for the CRLs that have to appear, and the margin.
    """
    exact = plan.lead(
        backlog,
        per_second=issuer.revocations_per_second,
        crl_interval=issuer.crl_interval,
        margin=margin(campaign, issuer),
        canaries=waves.canaries_left(wave),
    )
    proofs = timedelta(seconds=backlog / (proofs_per_second or PROOFS_PER_SECOND / max(clock.speed(), 1)))
    return -(-(exact + proofs) // WHOLE) * WHOLE


def lead_of(gate: Gate, *, backlog: int, wave: int = 1) -> timedelta:
    """The lead for what is behind a gate, with the rates that have been measured there."""
    return lead(gate.campaign, gate.issuer, backlog=backlog, wave=wave, proofs_per_second=gate.proofs_per_second)


def backlogs() -> dict[int, int]:
    """How many revocations each issuer's CA still has to be asked for, in all running campaigns together."""
    rows = Revocation.objects.filter(
        state=Revocation.State.SCHEDULED, affected_certificate__campaign__in=Campaign.objects.running()
    )
    return dict(rows.order_by().values_list("issuer").annotate(count=Count("pk")))


def measure(issuer: Issuer, *, answered: int, took: timedelta) -> None:
    """Let a batch that the CA has answered move the estimate of its rate, in revocations per second of the clock."""
    if answered < ENOUGH or took <= timedelta(0):
        return
    measured = answered / took.total_seconds()
    Issuer.objects.filter(pk=issuer.pk).update(
        revocations_per_second=F("revocations_per_second") * MEMORY + measured * (1 - MEMORY)
    )


def measure_proofs(issuer: Issuer, campaigns: Collection[int], *, proven: int, took: timedelta) -> None:
    """Let a batch that has been proven move the estimate of how fast that goes, for an issuer in some campaigns."""
    if proven < ENOUGH or took <= timedelta(0):
        return
    measured = proven / took.total_seconds()
    Gate.objects.filter(issuer=issuer, campaign__in=campaigns).update(
        proofs_per_second=Coalesce(F("proofs_per_second"), measured) * MEMORY + measured * (1 - MEMORY)
    )


def first(moments: Iterable[datetime | None]) -> datetime | None:
    """The earliest of some moments, None if there is none."""
    return min((moment for moment in moments if moment), default=None)
