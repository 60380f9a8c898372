"""What a CA's answers mean to us, written down in groups."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from audit import actors
from audit.moves import move
from revocation import pauses, waves
from revocation.backends.base import Accepted, Expired, NotFound, Outcome, PendingApproval, Refusal, TryLater
from revocation.models import Gate, Revocation
from revocation.services import outages
from subscribers.models import Issuer

State = Revocation.State


class Outcomes:
    """The outcomes of one portion: taken one by one, written in groups. Rows that were lost to another are left alone.

    `problem` is why the CA as a whole is away, `halts_because` why the campaign has to stop.
    """

    def __init__(self, gate: Gate, issuer: Issuer, *, now: datetime) -> None:
        self.gate, self.issuer, self.now = gate, issuer, now
        self.actor = actors.ca(issuer.name)
        self.refusals = gate.refusals_in_a_row
        self.problem = self.halts_because = self.trouble = ""
        self.has_answer = False
        self.answered = 0
        self.accepted: list[tuple[Revocation, Accepted]] = []
        self._refused: dict[str, list[Revocation]] = defaultdict(list)
        self._expired: list[Revocation] = []
        self._later: dict[str, list[Revocation]] = defaultdict(list)

    def take(self, row: Revocation, outcome: Outcome) -> None:
        """Note one outcome, and whether it pulls a brake."""
        match outcome:
            case TryLater(detail=detail):
                self.trouble = detail
                self._later[f"The CA says later: {detail}"].append(row)
                return
            case Accepted():
                self.refusals = 0
                self.accepted.append((row, outcome))
            case PendingApproval():
                self._later["The CA waits for the approval of one of its own people."].append(row)
            case Expired() if row.affected_certificate.not_after < self.now:
                self._expired.append(row)
            case Expired():
                self._refuse(row, "The CA says that it has expired; the register says that it has not.")
            case NotFound():
                self._refuse(row, "The CA does not know this serial number.")
            case Refusal(detail=detail):
                self._refuse(row, f"The CA refuses: {detail}")
        self.has_answer = True
        self.answered += 1

    def _refuse(self, row: Revocation, why: str) -> None:
        self._refused[why[:500]].append(row)
        self.refusals += 1
        if row.wave in waves.CANARIES:
            self.halts_because = f"The canary {row} of {self.issuer} was rejected. {why}"
        elif self.refusals >= settings.BREAKER_LIMIT:
            self.halts_because = f"{self.issuer} refused {self.refusals} in a row, the last one {row}. {why}"

    def write(self) -> None:
        """Write everything down: states with their events, retries, and how many refusals there were in a row."""
        self._write_accepted()
        for why, rows in self._refused.items():
            fields = {"due_at": None, "last_error": why}
            move(rows, State.REJECTED, actor=self.actor, now=self.now, fields=fields, facts={"why": why}, fenced=True)
        if self._expired:
            facts = {"because": "the CA says that it has expired"}
            fields = {"due_at": None}
            move(
                self._expired, State.CANCELLED, actor=self.actor, now=self.now, fields=fields, facts=facts, fenced=True
            )
        for problem, rows in self._later.items():
            outages.postpone(rows, problem=problem, now=self.now)
        in_a_row = 0 if self.halts_because else self.refusals
        if in_a_row != self.gate.refusals_in_a_row:
            self.gate.refusals_in_a_row = in_a_row
            self.gate.save(update_fields=["refusals_in_a_row"])

    def _write_accepted(self) -> None:
        groups: dict[tuple[datetime, bool, datetime], list[Revocation]] = defaultdict(list)
        by_row = {row.pk: outcome for row, outcome in self.accepted}
        for row, outcome in self.accepted:
            # A CRL knows no fractions of a second (RFC 5280 5.1.2.6), so neither does the date that we keep.
            groups[outcome.revoked_at.replace(microsecond=0), outcome.already, self._look_at(row)].append(row)
        for (revoked_at, already, look_at), rows in groups.items():
            fields = {
                "due_at": look_at,
                "accepted_at": self.now,
                "revoked_at": revoked_at,
                "was_revoked_before": already,
                "last_error": "",
            }
            facts = partial(_facts_of, by_row)
            move(rows, State.ACCEPTED, actor=self.actor, now=self.now, fields=fields, facts=facts, fenced=True)

    def _look_at(self, row: Revocation) -> datetime:
        """When to look at the CRL for the first time: soon, by whole minutes so that batches stay together."""
        publish_by = row.affected_certificate.publish_by
        pause = pauses.until_look(self.issuer.crl_interval, now=self.now, publish_by=publish_by)
        return self.now + timedelta(minutes=max(pause // timedelta(minutes=1), 1))


def _facts_of(outcomes: Mapping[int, Accepted], row: Revocation) -> dict[str, object]:
    outcome = outcomes[row.pk]
    return {
        "serial_number": str(row),
        "ordered": row.crl_reason,
        "reason": outcome.reason,
        "revoked_at": outcome.revoked_at.isoformat(),
        "already": outcome.already,
        "wave": row.wave,
    }
