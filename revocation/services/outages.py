"""When a CA is away: its orders wait and are tried again without end, and it is said once."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from audit.actors import SYSTEM
from audit.services import record
from core.due import retry_after, settle
from revocation import pauses
from revocation.models import Gate, Revocation

log = logging.getLogger(__name__)


def begin(gate: Gate, *, problem: str, now: datetime) -> None:
    """Write down that the CA has stopped answering; once for each time."""
    with transaction.atomic():
        if Gate.objects.filter(pk=gate.pk, unavailable_since=None).update(unavailable_since=now):
            facts = {"issuer": gate.issuer.name, "problem": problem}
            record("revocation.ca_away", stream=gate.campaign.stream, about=gate, actor=SYSTEM, now=now, facts=facts)
            log.error("%s: %s is away: %s", gate.campaign.stream, gate.issuer, problem)
    gate.unavailable_since = gate.unavailable_since or now


def end(gate: Gate, *, now: datetime) -> None:
    """Write down that the CA answers again, if it was away."""
    if gate.unavailable_since is None:
        return
    with transaction.atomic():
        if Gate.objects.filter(pk=gate.pk, unavailable_since__isnull=False).update(unavailable_since=None):
            facts = {"issuer": gate.issuer.name, "away_seconds": (now - gate.unavailable_since).total_seconds()}
            record("revocation.ca_back", stream=gate.campaign.stream, about=gate, actor=SYSTEM, now=now, facts=facts)
    gate.unavailable_since = None


def postpone(rows: Iterable[Revocation], *, problem: str, now: datetime) -> None:
    """Let orders that could not be carried out be tried again, sooner the less time is left."""
    by_moment: dict[datetime, list[Revocation]] = defaultdict(list)
    for row in rows:
        publish_by = row.affected_certificate.publish_by
        by_moment[now + pauses.until_try(retry_after(row.attempts), now=now, publish_by=publish_by)].append(row)
    for moment, group in by_moment.items():
        settle(group, due_at=moment, last_error=problem[:500])
