"""When will everybody have heard for the first time? For the pages, the JSON and the alarms (R26)."""

from datetime import datetime

from campaigns.admin.briefing import Expectation
from campaigns.models import Campaign
from core.figures import duration, iso, number, utc
from notices.services import FirstNotices
from notices.services import forecast as first_notices
from revocation.services import last_safe_start

__all__ = ["FirstNotices", "alarms", "as_json", "expectations", "first_notices", "sentence"]

ROUNDED = 10


def sentence(found: FirstNotices) -> str:
    """The forecast for a person."""
    if found.finish is None or found.takes is None:
        return "Nobody to tell yet"
    if found.is_done:
        return f"All went out within {duration(found.takes)}"
    return f"{number(found.waiting)} to go: the last one about {duration(found.takes)} after the launch"


def note(found: FirstNotices) -> str:
    """What the forecast rests on."""
    rate = number(round(found.per_minute)) if found.per_minute >= ROUNDED else f"{found.per_minute:.2g}"
    rate += " messages a minute"
    said = f"{rate}, {'as measured' if found.is_measured else 'assumed: nothing has been measured yet'}"
    if found.ahead:
        said += f"; {number(found.ahead)} other notices go first"
    return f"{said}. A tenth of the window is {duration(found.allowed)}"


def alarms(found: FirstNotices) -> list[str]:
    """What is wrong with it, in words."""
    said = [f"A provider of mail is in trouble and rests: {each}" for each in found.trouble]
    if found.is_late and not found.is_done and found.finish and found.takes:
        said.append(
            f"First notices are expected to take {duration(found.takes)}, until {utc(found.finish)}: more than a tenth "
            f"of the window, {duration(found.allowed)}."
        )
    return said


def as_json(found: FirstNotices) -> dict[str, object]:
    """The same as a mapping."""
    return {
        "sentence": sentence(found),
        "waiting": found.waiting,
        "ahead": found.ahead,
        "per_minute": round(found.per_minute, 1),
        "is_measured": found.is_measured,
        "expected_finish": iso(found.finish) or None,
        "seconds_from_launch": int(found.takes.total_seconds()) if found.takes else None,
        "seconds_allowed": int(found.allowed.total_seconds()),
        "is_late": found.is_late,
    }


def expectations(campaign: Campaign, now: datetime) -> list[Expectation]:
    """What approver and operator see before they press: the last safe start, and when everybody will have heard."""
    start, found = last_safe_start(campaign, now=now), first_notices(campaign, now=now)
    said = [
        Expectation(
            "Last notice of the first step",
            f"{utc(found.finish)}, {duration(found.takes)} after the launch"
            if found.finish and found.takes
            else "none",
            note(found) + ".",
            is_bad=found.is_late,
        )
    ]
    if start:
        left = f"in {duration(start - now)}" if start >= now else f"{duration(now - start)} ago"
        why = "When revocation itself has to begin, so that everything is published by the deadline."
        said.insert(0, Expectation("Last safe start of revocation", f"{utc(start)}, {left}", why, is_bad=start < now))
    return said
