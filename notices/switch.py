"""Which way a message takes: the first of its channel that is up, quick and below its ceiling, else the next."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings

from core import clock
from core.errors import Refused, Unavailable
from notices import routes
from notices.models import Letter, Notice
from notices.outcomes import AddressRefused, Down, Later, Outcome, Sent, Suppressed, Unclear
from notices.routes import Way

log = logging.getLogger(__name__)
PATIENCE = 2
"""After so many messages in a row for which a way was no use, it is not tried again in the batch."""
REFUSALS = 5
"""So many messages refused in a row, each taken by another way or not, mean that the way does not want us."""
TOKENS_FOR = 2.0
"""Seconds within which permits are used; then they are given back and taken anew."""
SAMPLE = 5
"""So many messages tell how quick a way is."""
Message = Notice | Letter


class Line(Protocol):
    """A connection to one provider."""

    def send(self, message: Message, *, now: datetime) -> Outcome: ...
    def close(self) -> None: ...


class Stopwatch:
    """The clock's time while a batch is under way, told from the moment at which the batch began."""

    def __init__(self, now: datetime) -> None:
        self.began, self.now = time.monotonic(), now

    @property
    def seconds(self) -> float:
        """Seconds of the world since the batch began."""
        return time.monotonic() - self.began

    @property
    def at(self) -> datetime:
        """The moment on the clock."""
        return self.now + clock.stretched(timedelta(seconds=self.seconds))


class Lane:
    """One way within one batch: its line, its permits, and what it has shown so far."""

    def __init__(self, way: Way, line: Line, watch: Stopwatch, *, share: float) -> None:
        self.way, self.line, self.watch, self.share = way, line, watch, share
        self.is_resting = self.had_trouble = self.is_out = False
        self.trouble: Unavailable = Down("It was not tried.")
        self.failures = self.refusals = 0
        self.sent, self.seconds = 0, 0.0
        self.permits, self.taken_at = 0, 0.0

    def may_send(self, wanted: int) -> bool:
        """Whether its ceiling allows one more message; permits for up to `wanted` are taken at a time."""
        if not self.way.per_minute:
            return True
        if self.permits and self.watch.seconds - self.taken_at > TOKENS_FOR:
            self.give_back()
        if not self.permits:
            some = min(wanted, max(1, self.way.per_minute // 12))
            self.permits = routes.take(self.way, some, share=self.share, at=self.watch.at)
            self.taken_at = self.watch.seconds
        return self.permits > 0

    def send(self, message: Message, *, now: datetime) -> Outcome:
        """Hand over one message, and remember how that went."""
        self.permits -= 1
        began = time.monotonic()
        outcome = self.line.send(message, now=now)
        self.seconds += time.monotonic() - began
        if isinstance(outcome, Sent):
            self.sent += 1
            self.failures = self.refusals = 0
            return Sent(outcome.provider_id, self.way.name)
        if isinstance(outcome, Down | Unclear):
            self.failures += 1
            self.trouble = outcome
        elif not isinstance(outcome, AddressRefused):
            self.failures, self.refusals = 0, self.refusals + 1
        return outcome

    @property
    def is_slow(self) -> bool:
        """Whether it takes too long for a message, on average."""
        return self.sent >= SAMPLE and self.seconds / self.sent > settings.MAIL_SLOW_SECONDS

    def give_back(self) -> None:
        """Permits that were not used are free for other workers."""
        if self.way.per_minute and self.permits > 0:
            routes.give_back(self.way, self.permits, at=self.watch.at)
        self.permits = 0

    def close(self, *, around: float) -> None:
        """Hang up, and let everybody know how quick it was, with the seconds `around` each message that we took."""
        self.give_back()
        self.line.close()
        if self.sent >= SAMPLE:
            seconds = self.seconds + self.sent * around
            routes.measured(self.way, count=self.sent, seconds=seconds, at=self.watch.at)


class Switch:
    """The ways of one channel for one batch."""

    def __init__(
        self, ways: list[Way], line: Callable[[Way], Line], watch: Stopwatch, *, batch: int, share: float
    ) -> None:
        self.watch, self.left = watch, batch
        self.lanes = [Lane(way, line(way), watch, share=share) for way in ways]
        known = routes.rows(way.name for way in ways)
        for lane in self.lanes:
            until = known[lane.way.name].resting_until
            lane.is_resting = until is not None and until > watch.now
            lane.had_trouble = until is not None

    def send(self, message: Message, *, now: datetime) -> Outcome:
        """The outcome by the first way that took the message or knows that the address is none.

        Otherwise what says that it may go through later, and only if none does, a refusal.
        """
        if not self.lanes:
            return Refused(f"No provider is set up for the channel {message.channel}.")
        said = list[Outcome]()
        full = list[Way]()
        self.left -= 1
        for lane in self._in_order():
            if lane.is_out:
                said.append(lane.trouble)
            elif not lane.may_send(self.left + 1):
                full.append(lane.way)
            else:
                said.append(lane.send(message, now=now))
                self._judge(lane, said[-1])
                if _is_final(said[-1]):
                    return said[-1]
        if full and all(isinstance(each, Down | Suppressed) for each in said):
            return Later(routes.next_permit(full, at=self.watch.at))
        return next((each for each in said if not isinstance(each, Refused)), said[-1])

    def close(self) -> None:
        """Hang up everywhere."""
        sent, talked = sum(lane.sent for lane in self.lanes), sum(lane.seconds for lane in self.lanes)
        around = max(self.watch.seconds - talked, 0) / max(sent, 1)
        for lane in self.lanes:
            lane.close(around=around)

    def _in_order(self) -> list[Lane]:
        """Those that rest come last: a rest is for when others can take over."""
        return sorted(self.lanes, key=lambda lane: lane.is_resting or lane.is_out)

    def _judge(self, lane: Lane, outcome: Outcome) -> None:
        if isinstance(outcome, Sent):
            if lane.had_trouble and not lane.is_slow:
                lane.had_trouble = lane.is_resting = False
                routes.wake(lane.way)
            elif lane.is_slow and self._has_other(lane):
                each = lane.seconds / lane.sent
                self._rest(lane, f"It is slow: {each:.1f} s for a message.")
            return
        if lane.failures >= PATIENCE or (isinstance(outcome, Down) and outcome.is_final):
            lane.is_out = True
            self._rest(lane, str(outcome))
        elif lane.refusals >= REFUSALS and self._has_other(lane):
            self._rest(lane, str(outcome))

    def _has_other(self, lane: Lane) -> bool:
        return any(not each.is_out and not each.is_resting for each in self.lanes if each is not lane)

    def _rest(self, lane: Lane, why: str) -> None:
        log.warning("The way %s is in trouble: %s", lane.way.name, why)
        lane.is_resting = lane.had_trouble = True
        routes.rest(lane.way, why=why, until=self.watch.at + routes.REST)


def _is_final(outcome: Outcome) -> bool:
    return isinstance(outcome, Sent | AddressRefused | Unclear) and not isinstance(outcome, Suppressed)
