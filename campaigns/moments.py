"""Moments in words, in the time zone of the person who reads them."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

LONG = timedelta(hours=48)
"""From here on, time left is told in days and hours."""
SHORT = timedelta(hours=2)
"""Below this, time left is told in minutes."""


def zone(name: str) -> tzinfo:
    """The time zone of this IANA name; UTC when there is none of that name, since a page must never fail over it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def in_words(duration: timedelta) -> str:
    """A duration as people say it, rounded down: `4 days 7 hours`, `31 hours`, `50 minutes`."""
    minutes = int(abs(duration).total_seconds() // 60)
    if abs(duration) < SHORT:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = minutes // 60
    if abs(duration) <= LONG:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days, hours = divmod(hours, 24)
    told = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if hours:
        told += " " + ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return told


def from_now(at: datetime, now: datetime) -> str:
    """How far a moment is away: `in 31 hours`, or `31 hours ago`."""
    if at > now:
        return _("in %(time)s") % {"time": in_words(at - now)}
    return _("%(time)s ago") % {"time": in_words(now - at)}


def spoken(at: datetime, name: str) -> str:
    """A moment in a time zone and in UTC: `Sunday 24 March 2024, 16:30 (Asia/Shanghai), 08:30 UTC`.

    The UTC day is told where it is another. Seconds are left out, so what is told is never later than what is meant.
    """
    place, utc, whole = zone(name), at.astimezone(UTC), pgettext("format of a moment", "l j F Y, H:i")
    if place is UTC or name == "UTC":
        return f"{date_format(utc, whole)} UTC"
    local, of_day = at.astimezone(place), pgettext("format of a moment", "l j F, H:i")
    in_utc = date_format(utc, "H:i" if utc.date() == local.date() else of_day)
    return _("%(local)s (%(zone)s), %(utc)s UTC") % {"local": date_format(local, whole), "zone": name, "utc": in_utc}


def brief(at: datetime, name: str) -> str:
    """A moment in a time zone, for a table: `24 Mar 2024, 16:30`; in UTC it says so."""
    place = zone(name)
    told = date_format(at.astimezone(place), pgettext("format of a moment", "j M Y, H:i"))
    return f"{told} UTC" if place is UTC else told
