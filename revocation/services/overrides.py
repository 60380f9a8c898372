"""What an operator may do by hand: try again what was rejected, revoke before the deadline."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from audit.moves import move
from audit.services import record_each
from campaigns.models import AffectedCertificate, Campaign
from core.errors import Refused
from revocation.models import Revocation
from revocation.services.scheduling import plan_campaign

STEP = 1000
State = Revocation.State


def retry_rejected(rows: Iterable[Revocation], *, actor: str, now: datetime) -> list[Revocation]:
    """Schedule rejected revocations again, behind the gate; those that were changed. Raises `Refused` for any other."""
    fields = {"due_at": None, "wave": None, "last_error": ""}
    return move(rows, State.SCHEDULED, actor=actor, now=now, fields=fields, facts={"because": "tried again"})


def revoke_early(
    affected_certificates: Sequence[AffectedCertificate], *, actor: str, now: datetime
) -> list[Revocation]:
    """Plan the revocation of some certificates for now, by the same gate as all others; those whose plan has changed.

    What is under way or published is left alone. Raises `Refused` when a campaign is not running, and for certificates
    that are excluded.
    """
    planned: list[Revocation] = []
    for campaign in Campaign.objects.filter(pk__in={row.campaign_id for row in affected_certificates}):
        if campaign.state != Campaign.State.RUNNING:
            raise Refused(f"{campaign} is {campaign.state}; nothing of it can be revoked.")
        plan_campaign(campaign, now=now)
    keys = sorted(row.pk for row in affected_certificates)
    with transaction.atomic():
        for start in range(0, len(keys), STEP):
            planned += _plan_now(keys[start : start + STEP], actor=actor, now=now)
    return planned


def _plan_now(keys: list[int], *, actor: str, now: datetime) -> list[Revocation]:
    excluded = AffectedCertificate.objects.excluded(now).filter(pk__in=keys).select_related("certificate")
    if held := excluded.first():
        raise Refused(f"{held} is excluded. Withdraw the exclusion first.")
    rows = Revocation.objects.filter(
        affected_certificate__in=keys, state=State.SCHEDULED, wave=None, planned_at__gt=now
    )
    changed = list(rows.select_for_update(of=("self",)).with_parts())
    Revocation.objects.filter(pk__in=[row.pk for row in changed]).update(
        planned_at=now, trigger=Revocation.Trigger.OPERATOR
    )
    for stream in {row.stream for row in changed}:
        ours = [row for row in changed if row.stream == stream]
        record_each("revocation.brought_forward", ours, stream=stream, actor=actor, now=now)
    for row in changed:
        row.planned_at, row.trigger = now, Revocation.Trigger.OPERATOR
    return changed
