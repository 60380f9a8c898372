"""A ladder of notices with its real times, in UTC and where the subscribers are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from campaigns.models import Audience, Campaign, EscalationPolicy
from campaigns.models.campaign import Step
from campaigns.moments import zone
from campaigns.plan import step_times
from core.figures import duration
from subscribers.models import Channel, Subscriber

MOST_ZONES = 2
UTC_NAMES = ("UTC", "Etc/UTC", "GMT", "")


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom a step will address if nobody answers before: how many subscribers and contacts, and by which channels."""

    subscribers: int
    contacts: int
    by_channel: tuple[tuple[str, int], ...]
    nobody: int


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder with its real time."""

    number: int
    at: datetime
    local: list[tuple[str, str]]
    when: str
    audience: str
    channels: str
    is_for_manager: bool
    lapses_after: timedelta | None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """All steps, and the time zones that their local times are in."""

    zones: list[str] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)


EXPECTATIONS: list[Callable[[Campaign], Sequence[Expected]]] = []
"""Who is addressed at each step of a campaign; filled in by whoever knows, from above."""


def campaign_ladder(campaign: Campaign, *, now: datetime, deadline: datetime | None = None) -> Ladder:
    """The ladder of a campaign: as it was launched, or as it would be for a launch now."""
    steps = list(campaign.steps.order_by("order"))
    affected = Subscriber.objects.filter(pk__in=campaign.affected_subscribers.values("subscriber"))
    expected = next((each(campaign) for each in EXPECTATIONS), ())
    start = campaign.launched_at or now
    return ladder(steps, zones(affected), start=start, deadline=deadline or campaign.deadline, expected=expected)


def policy_ladder(policy: EscalationPolicy, *, now: datetime) -> Ladder:
    """The ladder of a policy, as it would be if its window began now."""
    steps = list(policy.steps.order_by("order"))
    return ladder(steps, zones(Subscriber.objects.all()), start=now, deadline=now + policy.window)


def ladder(
    steps: Sequence[Step],
    names: Sequence[str],
    *,
    start: datetime,
    deadline: datetime,
    expected: Sequence[Expected] = (),
) -> Ladder:
    """Steps with their real times."""
    times = step_times(steps, start=start, deadline=deadline)
    told = [*expected, *[None] * (len(steps) - len(expected))]
    rungs = [_rung(step, at, start, names, expected=known) for step, at, known in zip(steps, times, told, strict=True)]
    return Ladder(list(names), rungs)


def zones(subscribers: QuerySet[Subscriber]) -> list[str]:
    """The time zones in which most of these subscribers are, apart from UTC itself."""
    rows = subscribers.exclude(time_zone__in=UTC_NAMES).order_by().values("time_zone").annotate(n=Count("pk"))
    return [row["time_zone"] for row in rows.order_by("-n", "time_zone")[:MOST_ZONES]]


def local(at: datetime, name: str) -> str:
    """A moment where somebody is: `Tue 19 Mar 16:30`."""
    return f"{at.astimezone(zone(name)):%a %d %b %H:%M}"


def _rung(step: Step, at: datetime, start: datetime, names: Sequence[str], *, expected: Expected | None) -> Rung:
    return Rung(
        number=step.order + 1,
        at=at,
        local=[(name, local(at, name)) for name in names],
        when=_when(step, at - start),
        audience=step.get_audience_display(),
        channels=_channels(step),
        is_for_manager=step.audience == Audience.ACCOUNT_MANAGER,
        lapses_after=step.lapses_after,
        expected=expected,
    )


def _when(step: Step, after: timedelta) -> str:
    if step.before_deadline is not None:
        return f"{duration(step.before_deadline)} before the deadline"
    return f"{duration(after)} in, {100 * step.share:.3g} % of the time" if step.share else "the launch"


def _channels(step: Step) -> str:
    first, *others = (str(Channel(each).label) for each in step.channels)
    if step.on_every_channel:
        return " and ".join([first, *others])
    return f"{first}, else {', '.join(others)}" if others else first
