"""When things have to happen: the ladder of notices, the lead of forced revocation, the pace that a deadline demands.

Every duration is exact; a day is 86,400 seconds (BR 4.9.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from core.errors import Refused

AUDIENCES = ("primary", "next_backup", "backups", "all", "account_manager")
CHANNELS = ("mail", "sms", "voice", "chat", "webhook")
TEMPLATES = ("revocation", "account_manager")
"""The words that a step can have: what subscribers are told, and what the CA's account manager is told of one."""
SHORT_WINDOW = timedelta(hours=24)
LONGEST = timedelta(days=365)
"""No lead is longer: it would begin before the launch anyway, and dates end somewhere."""
MOST_STEPS = 40


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


ANY_WAY = ("mail", "sms", "chat", "voice", "webhook")
"""Mail first, then what interrupts less before what interrupts more."""
WITHOUT_CALLS = ("mail", "sms", "chat", "webhook")
"""All at once in the last steps, but for a machine that rings people up: by then persons do that."""
LADDER_24_HOURS = (
    StepPlan(0, "primary", channels=ANY_WAY),
    StepPlan(2 / 24, "next_backup", channels=ANY_WAY),
    StepPlan(4 / 24, "all", channels=ANY_WAY),
    StepPlan(8 / 24, "account_manager", "account_manager", channels=ANY_WAY, lapses_after=timedelta(hours=6)),
    StepPlan(10 / 24, "all", channels=ANY_WAY),
    StepPlan(16 / 24, "all", channels=WITHOUT_CALLS, on_every_channel=True),
    StepPlan(None, "all", before_deadline=timedelta(hours=2), channels=WITHOUT_CALLS, on_every_channel=True),
)
LADDER_DAYS = (
    StepPlan(0, "primary", channels=ANY_WAY),
    StepPlan(0.2, "backups", channels=ANY_WAY),
    StepPlan(0.4, "all", channels=ANY_WAY),
    StepPlan(0.5, "account_manager", "account_manager", channels=ANY_WAY, lapses_after=timedelta(hours=24)),
    StepPlan(0.6, "all", channels=ANY_WAY),
    StepPlan(0.8, "all", channels=WITHOUT_CALLS, on_every_channel=True),
    StepPlan(None, "all", before_deadline=timedelta(hours=6), channels=WITHOUT_CALLS, on_every_channel=True),
)


def default_ladder(window: timedelta) -> tuple[StepPlan, ...]:
    """The ladder for a window: tighter where there are only 24 hours."""
    return LADDER_24_HOURS if window <= SHORT_WINDOW else LADDER_DAYS


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a ladder: with one of its steps (counted from 0), or with all of it."""

    step: int | None
    text: str

    def __str__(self) -> str:
        return self.text if self.step is None else f"Step {self.step + 1} {self.text}"


def ladder_problems(steps: Sequence[StepPlan], *, window: timedelta) -> list[Problem]:
    """Everything that is wrong with a ladder for a window; nothing for a sound one.

    A step has one time, inside the window and later than the step before it, a known audience, words and channels.
    """
    if not steps:
        return [Problem(None, "A ladder needs at least one step.")]
    if len(steps) > MOST_STEPS:
        return [Problem(None, f"A ladder has at most {MOST_STEPS} steps; these are {len(steps)}.")]
    found = [Problem(place, text) for place, step in enumerate(steps) for text in _step_problems(step, window)]
    own = [place for place, step in enumerate(steps) if step.audience != "account_manager"]
    if not own:
        found.append(Problem(None, "A ladder needs a step for the subscriber itself, not for account managers alone."))
    elif steps[own[0]].lapses_after is not None:
        found.append(Problem(own[0], "is the first notice: it never lapses."))
    if not any(each.step is not None for each in found):
        found += _order_problems(steps, window)
    return found


def check_ladder(steps: Sequence[StepPlan], *, window: timedelta) -> None:
    """Raise `Refused` for a ladder that has any of the `ladder_problems`."""
    if found := ladder_problems(steps, window=window):
        raise Refused(" ".join(str(each) for each in found[:3]))


def _step_problems(step: StepPlan, window: timedelta) -> list[str]:
    return [*_time_problems(step, window), *_choice_problems(step)]


def _time_problems(step: StepPlan, window: timedelta) -> list[str]:
    found = []
    if (step.share is None) == (step.before_deadline is None):
        return ["needs one time: a share of the window, or so long before the deadline."]
    if step.share is not None and not 0 <= step.share < 1:
        found.append(f"is at {step.share:g} of the time; it must be at 0 or later and before 1.")
    if step.before_deadline is not None and not timedelta(0) < step.before_deadline <= window:
        found.append("must be before the deadline, and not before the window begins.")
    if step.lapses_after is not None and not timedelta(0) < step.lapses_after <= LONGEST:
        found.append("can only lapse some time after it was due.")
    return found


def _choice_problems(step: StepPlan) -> list[str]:
    found = []
    if step.audience not in AUDIENCES:
        found.append(f"is for {step.audience!r}; it can be for {', '.join(AUDIENCES)}.")
    if step.template not in TEMPLATES:
        found.append(f"has the words {step.template!r}; there are {', '.join(TEMPLATES)}.")
    elif (step.template == "account_manager") != (step.audience == "account_manager"):
        found.append("has words for somebody else: an account manager is told of a subscriber, not as one.")
    if unknown := [each for each in step.channels if each not in CHANNELS]:
        found.append(f"goes out by {', '.join(map(repr, unknown))}; there are {', '.join(CHANNELS)}.")
    if not step.channels or len(set(step.channels)) < len(step.channels):
        found.append("needs at least one channel, and each only once.")
    return found


def _order_problems(steps: Sequence[StepPlan], window: timedelta) -> list[Problem]:
    start = datetime(2000, 1, 1, tzinfo=UTC)
    times = [_time(step, start, start + window) for step in steps]
    return [
        Problem(place, "is not later than the step before it.")
        for place in range(1, len(steps))
        if times[place] <= times[place - 1]
    ]


class Timed(Protocol):
    """What has a time on the ladder: a share of the time from launch to deadline, or so long before the deadline."""

    @property
    def share(self) -> float | None: ...
    @property
    def before_deadline(self) -> timedelta | None: ...


def step_times(steps: Sequence[Timed], *, start: datetime, deadline: datetime) -> list[datetime]:
    """The moments of the steps, none before the start; all of them the start if the deadline has passed by then.

    Where less time is left than the ladder was made for, a step before the deadline may overtake one at a share of the
    time: both are then due at the earlier moment, so that moments never fall.
    """
    times = [_time(step, start, deadline) for step in steps]
    for place in range(len(times) - 2, -1, -1):
        times[place] = min(times[place], times[place + 1])
    return times


def _time(step: Timed, start: datetime, deadline: datetime) -> datetime:
    if step.before_deadline is not None:
        return max(start, deadline - step.before_deadline)
    return start + max(deadline - start, timedelta(0)) * (step.share or 0.0)


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
