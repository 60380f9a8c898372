"""The ways out: which there are for a channel, in what order, how they do, and how much of their ceilings is used up.

A ceiling is kept by all workers together in one row of the database per way: who wants to send takes permits first, by
one conditional UPDATE, and no transaction is open while anybody is talked to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from core.smtp import smtp_options
from notices.models import Route
from subscribers.models import Channel

PERIOD = timedelta(seconds=62)
"""How long a permit counts: a minute, and the two seconds in which it may be used."""
REST = timedelta(minutes=2)
TRIES = 20
SMOOTHING = 0.3
"""How much the latest batch weighs in the measured rate."""


@dataclass(frozen=True, slots=True)
class Way:
    """One provider of one channel. `per_minute` is its ceiling, 0 for none; `target` and `options` tell how to get
    there and may hold secrets."""

    name: str
    channel: str
    target: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    per_minute: int = 0


def ways(channel: str, *, to_sink: bool) -> list[Way]:
    """The ways of a channel in order of preference; those of drills lead to their sinks only."""
    if to_sink:
        return _sinks(channel)
    if channel == Channel.MAIL:
        return [
            Way(each["name"], channel, each["backend"], each["options"], each["per_minute"])
            for each in settings.MAIL_ROUTES
        ]
    if channel in (Channel.SMS, Channel.VOICE):
        urls = settings.SMS_URLS if channel == Channel.SMS else settings.VOICE_URLS
        return [Way(f"{channel}-{number}", channel, url) for number, url in enumerate(urls, 1)]
    return [Way(channel, channel)]


def _sinks(channel: str) -> list[Way]:
    if channel == Channel.MAIL:
        if not settings.DRILL_EMAIL_URL:
            return []
        found = smtp_options(settings.DRILL_EMAIL_URL)
        return [Way("drill", channel, found["backend"], found["options"])]
    return [Way("drill-channels", channel, settings.DRILL_CHANNEL_URL)] if settings.DRILL_CHANNEL_URL else []


def rows(names: Iterable[str]) -> dict[str, Route]:
    """How some ways do, by name; one that has never been used gets its row."""
    wanted = list(names)
    found = {row.name: row for row in Route.objects.filter(name__in=wanted)}
    if missing := [name for name in wanted if name not in found]:
        Route.objects.bulk_create([Route(name=name) for name in missing], ignore_conflicts=True)
        found |= {row.name: row for row in Route.objects.filter(name__in=missing)}
    return found


def take(way: Way, wanted: int, *, share: float = 1.0, at: datetime) -> int:
    """Take up to `wanted` permits to send within the next two seconds, within a share of the ceiling; how many."""
    if not way.per_minute:
        return wanted
    for _ in range(TRIES):
        turns, used = Route.objects.values_list("turns", "used").get(name=way.name)
        recent = _recent(used, at)
        granted = min(wanted, max(0, _ceiling(way, share) - sum(count for _, count in recent)))
        if not granted:
            return 0
        if _write(way, turns, [*recent, [int(at.timestamp()), granted]]):
            return granted
    return 0


def give_back(way: Way, count: int, *, at: datetime) -> None:
    """Give back permits that were not used, the youngest first."""
    for _ in range(TRIES):
        turns, used = Route.objects.values_list("turns", "used").get(name=way.name)
        left, kept = count, list[list[int]]()
        for second, number in reversed(_recent(used, at)):
            less = min(left, number)
            left -= less
            kept += [[second, number - less]] if number > less else []
        if _write(way, turns, kept[::-1]):
            return


def _write(way: Way, turns: int, used: list[list[int]]) -> bool:
    """Change the permits of a way, unless somebody else has done so since they were read."""
    return bool(Route.objects.filter(name=way.name, turns=turns).update(used=used, turns=F("turns") + 1))


def _recent(used: Sequence[Sequence[int]], at: datetime) -> list[list[int]]:
    """The permits that still count; those from a clock that was ahead by more than a minute do not."""
    now, period = at.timestamp(), PERIOD.total_seconds()
    return [[second, count] for second, count in used if abs(now - second) < period]


def _ceiling(way: Way, share: float) -> int:
    return max(1, int(way.per_minute * share))


def free(channel: str, *, share: float = 1.0, now: datetime) -> int | None:
    """How many messages of live campaigns the ceilings of a channel allow at once; None where one way has none."""
    found = ways(channel, to_sink=False)
    if not found or not all(way.per_minute for way in found):
        return None
    known = rows(way.name for way in found)
    return sum(
        max(0, _ceiling(way, share) - sum(count for _, count in _recent(known[way.name].used, now))) for way in found
    )


def next_permit(found: Iterable[Way], *, at: datetime) -> datetime:
    """When the oldest permit of any of these ways stops to count."""
    known = rows(way.name for way in found)
    seconds = [second for row in known.values() for second, _ in _recent(row.used, at)]
    oldest = min(seconds, default=at.timestamp())
    return max(at, at + timedelta(seconds=oldest - at.timestamp()) + PERIOD)


def rest(way: Way, *, why: str, until: datetime) -> None:
    """Let a way rest, because it refused or was slow; others take its place meanwhile."""
    Route.objects.filter(name=way.name).update(resting_until=until, trouble=why[:500])


def wake(way: Way) -> None:
    """It goes through again."""
    Route.objects.filter(name=way.name).update(resting_until=None, trouble="")


def measured(way: Way, *, count: int, seconds: float, at: datetime) -> None:
    """Take a batch into the measured rate of one worker."""
    before = Route.objects.filter(name=way.name).values_list("messages_per_minute", flat=True).first()
    latest = count * 60 / max(seconds, 0.001)
    rate = latest if before is None else before + SMOOTHING * (latest - before)
    Route.objects.filter(name=way.name).update(messages_per_minute=rate, measured_at=at)
