"""The only place that reads the time.

In a rehearsal the clock runs faster than the world: `CLOCK_FILE` names a small JSON file with the moment at which
both clocks were compared and the speed since then. Every process of the rehearsal reads the same file, so all of
them agree on the time, and a change of speed reaches all of them at once. Without that file the clock is the
machine's, in UTC.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Anchor:
    """At the real moment `real`, the clock showed `shown`, and has run at `speed` times the world's pace since."""

    real: datetime
    shown: datetime
    speed: float

    def at(self, real: datetime) -> datetime:
        """What the clock shows at a real moment."""
        return self.shown + (real - self.real) * self.speed


_read: tuple[int, Anchor] | None = None


def real_now() -> datetime:
    """The machine's time, whatever the rehearsal says: for files, processes and progress bars only."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    anchor = _anchor()
    return anchor.at(real_now()) if anchor else real_now()


def speed() -> float:
    """How many seconds pass on the clock in one second of the world: 1 outside a rehearsal."""
    anchor = _anchor()
    return anchor.speed if anchor else 1.0


def is_rehearsed() -> bool:
    """Whether the clock is a rehearsal's, so that nothing may leave for a live CA or a real mailbox."""
    return bool(settings.CLOCK_FILE)


def stretched(real: timedelta) -> timedelta:
    """A duration of the world, in the clock's time: what a time limit of a process means to a rehearsal."""
    return real * max(speed(), 1.0)


def set_anchor(path: Path, *, shown: datetime, speed: float) -> None:
    """Let the clock of a rehearsal show `shown` from now on and run at `speed`; other processes follow at once."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"real": real_now().isoformat(), "shown": shown.isoformat(), "speed": speed}))
    draft.replace(path)


def _anchor() -> Anchor | None:
    global _read  # noqa: PLW0603 - one cached line of a file, renewed when the file changes
    if not settings.CLOCK_FILE:
        return None
    changed = os.stat(settings.CLOCK_FILE).st_mtime_ns
    if _read is None or _read[0] != changed:
        facts = json.loads(Path(settings.CLOCK_FILE).read_text())
        _read = (
            changed,
            Anchor(
                datetime.fromisoformat(facts["real"]), datetime.fromisoformat(facts["shown"]), float(facts["speed"])
            ),
        )
    return _read[1]
