"""When to ring: office hours where the subscriber is, and how long to wait after a call. Pure rules."""

from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns.moments import zone

OPENS, CLOSES = time(8), time(18)
SATURDAY = 5
LAST_HOURS = timedelta(hours=4)
"""So shortly before its deadline a subscriber is rung at any hour: what is missed then is missed for good."""
SOONEST = timedelta(minutes=15)
PAUSES = {"no_answer": timedelta(hours=1), "message_left": timedelta(hours=2)}
ROOM_TO_WORK = timedelta(hours=4)
BEFORE_THE_DEADLINE = timedelta(hours=1)
SHARE_OF_THE_REST = 8
"""A pause is an eighth of the time left at most, so that little time left means ringing more often."""


def is_open(moment: datetime, zone_name: str) -> bool:
    """Whether people are at work there: Monday to Friday, 8 to 18 o'clock by their own clock."""
    there = moment.astimezone(zone(zone_name))
    return there.weekday() < SATURDAY and OPENS <= there.time() < CLOSES


def next_open(moment: datetime, zone_name: str) -> datetime:
    """The first moment from this one on at which people are at work there, in UTC."""
    place = zone(zone_name)
    there = moment.astimezone(place)
    if is_open(moment, zone_name):
        return moment
    days = 0 if there.time() < OPENS else 1
    while (there.weekday() + days) % 7 >= SATURDAY:
        days += 1
    return _opening(there, days, place).astimezone(moment.tzinfo)


def _opening(there: datetime, days: int, place: tzinfo) -> datetime:
    return datetime.combine(there.date() + timedelta(days=days), OPENS, tzinfo=place)


def local_time(zone_name: str, now: datetime) -> str:
    """What the clock on the subscriber's wall shows, as `17:20`; empty for a zone that the machine does not know."""
    try:
        return now.astimezone(ZoneInfo(zone_name)).strftime("%H:%M")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""


def may_ring(moment: datetime, zone_name: str, deadline: datetime | None) -> bool:
    """Whether to ring at a moment: in office hours there, and at any hour shortly before the deadline and after it."""
    return is_open(moment, zone_name) or (deadline is not None and deadline - moment <= LAST_HOURS)


def next_attempt(
    outcome: str, *, zone_name: str, deadline: datetime | None, promised_for: datetime | None = None, now: datetime
) -> datetime | None:
    """When to ring again after an outcome, within office hours there; None when nothing is to be rung about again.

    A wrong number is followed by the next contact at once, a promise by its own moment, a refusal by nothing: the
    certificates are revoked at the deadline. Whoever was told, or promises what is too late, is rung again in the
    middle of what is left.
    """
    left = max(deadline - now, timedelta(0)) if deadline else timedelta(days=1)
    if outcome == "refuses":
        return None
    if promised_for and (deadline is None or promised_for <= deadline):
        return promised_for
    if outcome == "wrong_number":
        return now
    if outcome in PAUSES:
        wanted = now + max(min(PAUSES[outcome], left / SHARE_OF_THE_REST), SOONEST)
    else:
        wanted = now + max(left / 2, SOONEST)
    opens = next_open(wanted, zone_name)
    is_too_late = deadline is not None and deadline - opens <= LAST_HOURS
    return _last_chance(wanted, deadline) if is_too_late and deadline else opens


def _last_chance(wanted: datetime, deadline: datetime) -> datetime:
    """Office hours come too late: ring as soon as ringing at any hour is right, or as was wanted when that is later."""
    return max(wanted, deadline - LAST_HOURS)


def promise_to_ask_for(now: datetime, zone_name: str, deadline: datetime | None) -> datetime | None:
    """The moment by which a caller asks for everything to be replaced: an evening there, and before the deadline."""
    there = next_open(now + ROOM_TO_WORK, zone_name).astimezone(zone(zone_name))
    evening = datetime.combine(there.date(), CLOSES, tzinfo=there.tzinfo).astimezone(now.tzinfo)
    wanted = min(evening, deadline - BEFORE_THE_DEADLINE) if deadline else evening
    return wanted.replace(second=0, microsecond=0) if wanted > now else None
