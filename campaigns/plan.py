"""When things have to happen: the ladder of notices, the lead of forced revocation, the pace that a deadline demands.

Every duration is exact; a day is 86,400 seconds (BR 4.9.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core.errors import Refused

AUDIENCES = ("primary", "next_backup", "backups", "all", "account_manager")
SHORT_WINDOW = timedelta(hours=24)
LONGEST = timedelta(days=365)
"""No lead is longer: it would begin before the launch anyway, and dates end somewhere."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One rung of the ladder: when (a share of the time, or before the deadline), to whom, how, in which words."""

    share: float | None
    audience: str
    template: str = "revocation"
    before_deadline: timedelta | None = None
    channels: tuple[str, ...] = ("mail",)
    on_every_channel: bool = False
    lapses_after: timedelta | None = None


LADDER_24_HOURS = (
    StepPlan(0, "primary"),
    StepPlan(2 / 24, "backups"),
    StepPlan(4 / 24, "all"),
    StepPlan(8 / 24, "all"),
    StepPlan(16 / 24, "all"),
    StepPlan(22 / 24, "all"),
)
LADDER_DAYS = (
    StepPlan(0, "primary"),
    StepPlan(0.2, "backups"),
    StepPlan(0.4, "all"),
    StepPlan(0.6, "all"),
    StepPlan(0.8, "all"),
    StepPlan(0.95, "all"),
)


def default_ladder(window: timedelta) -> tuple[StepPlan, ...]:
    """The ladder for a window: tighter where there are only 24 hours."""
    return LADDER_24_HOURS if window <= SHORT_WINDOW else LADDER_DAYS


def check_ladder(steps: Sequence[StepPlan]) -> None:
    """Raise `Refused` unless there is a step, shares rise from 0 or later to less than 1, and audiences are known."""
    if not steps:
        raise Refused("A campaign needs at least one escalation step.")
    before = -1.0
    for number, step in enumerate(steps):
        if step.share is None or not 0 <= step.share < 1:
            raise Refused(
                f"Step {number} is at {step.share or 0:g} of the time; it must be at 0 or later and before 1."
            )
        if step.share <= before:
            raise Refused(f"Step {number} is not later than the step before it.")
        if step.audience not in AUDIENCES:
            raise Refused(f"Step {number} is for {step.audience!r}; it can be for {', '.join(AUDIENCES)}.")
        before = step.share


class Timed(Protocol):
    """What has a time on the ladder: a share of the time from launch to deadline, or so long before the deadline."""

    @property
    def share(self) -> float | None: ...
    @property
    def before_deadline(self) -> timedelta | None: ...


def step_times(steps: Sequence[Timed], *, start: datetime, deadline: datetime) -> list[datetime]:
    """The moments of the steps, none before the start; all of them the start if the deadline has passed by then."""
    span = max(deadline - start, timedelta(0))
    return [
        start + span * (step.share or 0.0)
        if step.before_deadline is None
        else max(start, deadline - step.before_deadline)
        for step in steps
    ]


def lead(
    backlog: int, *, per_second: float, crl_interval: timedelta, margin: timedelta, canaries: int = 2
) -> timedelta:
    """How long before the deadline forced revocation has to begin so that all of it is *published* in time (BR 4.9.5).

    The time to hand over the backlog at the given rate, one CRL for each canary wave that is read back before the
    next one, one more for the rest, and the margin. Raises `Refused` for a rate that is not positive.
    """
    if per_second <= 0:
        raise Refused(f"A rate of {per_second:g} revocations a second never ends.")
    handing_over = min(backlog / per_second, LONGEST.total_seconds())
    return timedelta(seconds=handing_over) + crl_interval * (canaries + 1) + margin


def last_safe_start(
    deadline: datetime, backlog: int, *, per_second: float, crl_interval: timedelta, margin: timedelta
) -> datetime:
    """The last moment at which forced revocation can begin and still be published by the deadline."""
    return deadline - lead(backlog, per_second=per_second, crl_interval=crl_interval, margin=margin)


def pace(scope: int, *, start: datetime, deadline: datetime, at: datetime) -> float:
    """How many may remain at a moment, on the straight way from all at the start to none at the deadline."""
    if at >= deadline:
        return 0.0
    if at <= start:
        return float(scope)
    return scope * ((deadline - at) / (deadline - start))
