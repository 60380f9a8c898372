"""Which steps of the ladder are due: pure arithmetic on the steps' moments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rungs:
    """Where a subscriber stands on the ladder, by positions in the list of steps."""

    missed: tuple[int, ...] = ()
    """Passed over: the next one was due before they could be written, or the deadline was there."""
    lapsed: tuple[int, ...] = ()
    """Passed over: longer ago than they may be caught up."""
    due: tuple[int, ...] = ()
    """To be written now: the latest one whose time has come, and those before it that may still be caught up."""
    following: int | None = None
    """The first one whose time is still to come before the deadline."""


def rungs(
    times: Sequence[datetime],
    *,
    lapses: Sequence[timedelta | None],
    taken: int,
    aside: Collection[int] = (),
    now: datetime,
    deadline: datetime,
) -> Rungs:
    """What to do at a moment, `taken` being how many steps are behind us.

    A step without a time of its own to lapse makes sense until the next one is due; one that has such a time is caught
    up so long and no longer; then it overtakes nothing either, and neither do the steps `aside`, which are not for the
    subscriber itself. At the deadline and after it nothing is due: every step that was not taken is missed.
    """
    ahead = range(taken, len(times))
    if now >= deadline:
        return Rungs(missed=tuple(ahead))
    come = [position for position in ahead if times[position] <= now]
    lapsed = [position for position in come if _has_lapsed(times[position], lapses[position], now)]
    latest = [position for position in come if position not in lapsed and position not in aside][-1:]
    missed, due = [], []
    for position in come:
        if position in lapsed:
            continue
        if lapses[position] is not None or position in (*latest, come[-1]):
            due.append(position)
        else:
            missed.append(position)
    following = next((position for position in ahead if now < times[position] < deadline), None)
    return Rungs(tuple(missed), tuple(lapsed), tuple(due), following)


def _has_lapsed(at: datetime, lapses_after: timedelta | None, now: datetime) -> bool:
    return lapses_after is not None and now - at > lapses_after
