"""Which step of the ladder is due: pure arithmetic on the steps' moments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rungs:
    """Where a subscriber stands on the ladder, by positions in the list of steps."""

    missed: tuple[int, ...]
    """Passed over: their time came and went while nothing could be written."""
    due: int | None
    """The latest one whose time has come, if it has not been taken before."""
    following: int | None
    """The first one whose time is still to come before the deadline."""


def rungs(times: Sequence[datetime], *, taken: int, now: datetime, deadline: datetime) -> Rungs:
    """What to do at a moment, `taken` being how many steps are behind us.

    Of several steps whose time has come only the latest is due. At the deadline and after it nothing is: every step
    that was not taken is missed.
    """
    ahead = range(taken, len(times))
    if now >= deadline:
        return Rungs(missed=tuple(ahead), due=None, following=None)
    come = [position for position in ahead if times[position] <= now]
    to_come = [position for position in ahead if now < times[position] < deadline]
    return Rungs(missed=tuple(come[:-1]), due=come[-1] if come else None, following=to_come[0] if to_come else None)
