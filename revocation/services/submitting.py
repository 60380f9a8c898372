"""Asking CAs to revoke: re-read the facts, hand over a batch, write down each outcome as soon as it is known."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from audit.actors import SYSTEM
from audit.moves import move
from campaigns.models import Campaign
from campaigns.services import halt_campaign
from core import clock
from core.due import settle
from core.errors import Refused, Unavailable
from revocation.backends.base import Backend, Order
from revocation.models import Gate, Revocation
from revocation.services import checking, leads, outages
from revocation.services.outcomes import Outcomes
from subscribers.models import Issuer

log = logging.getLogger(__name__)
PORTION = 100
"""How many orders leave before their outcomes are written and the brakes are looked at again."""


def submit(rows: Sequence[Revocation], *, now: datetime) -> int:
    """Ask the CAs to revoke some claimed revocations; how many were accepted.

    Stops in time for the task's limit: what has not been asked for by then is due again at once. An issuer that makes
    this fail is told of as one that is away, and holds up no other.
    """
    ends = time.monotonic() + settings.TASK_TIME_LIMIT / 2
    groups: dict[tuple[int, int], list[Revocation]] = defaultdict(list)
    for row in rows:
        groups[row.affected_certificate.campaign_id, row.issuer_id].append(row)
    return sum(_hand_over(group, ends=ends, now=now) for group in groups.values())


def _hand_over(rows: list[Revocation], *, ends: float, now: datetime) -> int:
    batch = _Batch(rows, ends=ends, now=now)
    try:
        return batch.run()
    except Exception as error:
        log.exception("%d revocations for %s could not be handed over; they come back.", len(rows), batch.issuer)
        outages.begin(batch.gate, problem=f"Handing over failed: {type(error).__name__}.", now=now)
        return 0


class _Batch:
    """The revocations of one issuer in one campaign that are handed over together."""

    def __init__(self, rows: list[Revocation], *, ends: float, now: datetime) -> None:
        self.rows, self.ends, self.now = rows, ends, now
        affected = rows[0].affected_certificate
        self.issuer: Issuer = affected.certificate.issuer
        self.campaign = Campaign.objects.get(pk=affected.campaign_id)
        self.gate, _ = Gate.objects.get_or_create(
            campaign=self.campaign, issuer=self.issuer, defaults={"opened_at": now}
        )

    def run(self) -> int:
        """Hand over all of it, portion by portion; how many were accepted."""
        if self.campaign.state != Campaign.State.RUNNING or self.campaign.halted_at:
            self._put_back(self.rows)
            return 0
        try:
            backend = checking.permitted_backend(self.campaign, self.issuer)
        except checking.Forbidden as reason:
            self._halt(str(reason))
            self._put_back(self.rows)
            return 0
        accepted, waiting = 0, list(self.rows)
        while waiting and time.monotonic() < self.ends:
            portion, waiting = waiting[:PORTION], waiting[PORTION:]
            outcomes = self._hand_over(backend, portion)
            accepted += len(outcomes.accepted)
            if outcomes.problem or self._is_braked():
                break
        self._settle_rest(waiting)
        return accepted

    def _hand_over(self, backend: Backend, portion: list[Revocation]) -> Outcomes:
        checked = checking.check(portion, now=self.now)
        self._put_back(checked.put_back)
        outcomes = Outcomes(self.gate, self.issuer, now=self.now)
        if checked.forbidden:
            self._forbid(checked.forbidden)
            self._put_back(checked.orderable)
            return outcomes
        started = time.monotonic()
        waiting = {row.pk: row for row in checked.orderable}
        self._ask(backend, waiting, outcomes)
        outcomes.write()
        self._leave(waiting, outcomes)
        took = clock.stretched(timedelta(seconds=time.monotonic() - started))
        leads.measure(self.issuer, answered=outcomes.answered, took=took)
        if outcomes.halts_because:
            self._halt(outcomes.halts_because)
        return outcomes

    def _ask(self, backend: Backend, waiting: dict[int, Revocation], outcomes: Outcomes) -> None:
        """Collect outcomes until the portion is through, a brake is pulled, the time is over or the CA is away."""
        orders = [_order(row) for row in waiting.values()]
        try:
            for outcome in backend.revoke(orders, now=self.now) if orders else ():
                row = waiting.pop(outcome.order.key, None)  # type: ignore[call-overload]
                if row is not None:
                    outcomes.take(row, outcome)
                if outcomes.halts_because or time.monotonic() > self.ends:
                    return
        except Unavailable as error:
            outcomes.problem = str(error) or "The CA is away."
        except Refused as error:
            outcomes.halts_because = f"{self.issuer} refuses to be asked: {error}"
        except Exception as error:
            log.exception("The backend of %s failed.", self.issuer)
            outcomes.problem = f"The backend failed: {type(error).__name__}."

    def _leave(self, waiting: dict[int, Revocation], outcomes: Outcomes) -> None:
        """Settle those without an outcome, and keep account of whether the CA is there at all."""
        problem = outcomes.problem or outcomes.trouble
        if outcomes.has_answer:
            outages.end(self.gate, now=self.now)
        elif problem:
            outages.begin(self.gate, problem=problem, now=self.now)
        if outcomes.problem:
            outages.postpone(waiting.values(), problem=outcomes.problem, now=self.now)
        elif outcomes.halts_because:
            self._put_back(waiting.values())
        else:
            settle(waiting.values(), due_at=self.now)

    def _settle_rest(self, waiting: list[Revocation]) -> None:
        """What was not handed over is due at once, unless the CA is away or the campaign halted."""
        if not waiting:
            return
        if self._is_braked():
            self._put_back(waiting)
        elif self.gate.unavailable_since:
            outages.postpone(waiting, problem="The CA is away.", now=self.now)
        else:
            settle(waiting, due_at=self.now)

    def _is_braked(self) -> bool:
        return not Campaign.objects.acting().filter(pk=self.campaign.pk).exists()

    def _put_back(self, rows: Iterable[Revocation]) -> None:
        """Behind the gate again: the next tick decides what becomes of them."""
        settle(rows, due_at=None, wave=None)

    def _forbid(self, rows: list[Revocation]) -> None:
        why = "This certificate is recorded as the replacement of another one (R19)."
        fields = {"due_at": None, "last_error": why}
        move(
            rows, Revocation.State.REJECTED, actor=SYSTEM, now=self.now, fields=fields, facts={"why": why}, fenced=True
        )
        self._halt(
            f"Certificate {rows[0]} was about to be revoked, but it is recorded as the replacement of another one."
        )

    def _halt(self, reason: str) -> None:
        log.error("%s is halted: %s", self.campaign.stream, reason)
        halt_campaign(self.campaign, reason=reason, actor=SYSTEM, now=self.now)


def _order(row: Revocation) -> Order:
    certificate = row.affected_certificate.certificate
    return Order(row.pk, certificate.serial_number, row.crl_reason, certificate.fingerprint_sha256)
