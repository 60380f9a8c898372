"""How moments, durations, counts and serial numbers are written, everywhere the same; also filters of templates."""

from datetime import UTC, datetime, timedelta

from django import template

register = template.Library()

MINUTE = 60
HOUR = 3600
DAY = 86400
SHOWN_WHOLE = 14
"""A serial number up to this long is not cut."""


@register.filter
def utc(moment: datetime | None) -> str:
    """`2024-03-24 08:30 UTC`; a dash for nothing."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment else "–"


@register.filter
def utc_exact(moment: datetime | None) -> str:
    """`2024-03-24 08:30:05 UTC`; a dash for nothing."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "–"


@register.filter
def iso(moment: datetime | None) -> str:
    """RFC 3339, for `<time datetime>` and for other programs."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""


@register.filter
def duration(length: timedelta | None) -> str:
    """`2 d 7 h`, `31 h 12 min`, `12 min`, `40 s`: two units at most, the sign left out; hours up to two days."""
    if length is None:
        return "–"
    seconds = abs(int(length.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return _two(f"{seconds // HOUR} h", seconds % HOUR // MINUTE, "min")
    return _two(f"{seconds // DAY} d", seconds % DAY // HOUR, "h")


def _two(large: str, count: int, small: str) -> str:
    return f"{large} {count} {small}" if count else large


@register.filter
def number(count: int | float | None) -> str:
    """A count with its thousands set apart: `2,098`."""
    if count is None:
        return "–"
    return f"{count:,.1f}" if isinstance(count, float) and count != int(count) else f"{int(count):,}"


@register.filter
def percent(part: int | None, whole: int | None) -> str:
    """The share of a part, in percent with one decimal and a point, for a style: `65.3`; nothing of nothing is 0."""
    return f"{100 * (part or 0) / whole:.1f}" if whole else "0"


@register.filter("shortened")
def cut(text: str) -> str:
    """A serial number or digest cut in the middle: `04a1…9c2e`."""
    return text if len(text) <= SHOWN_WHOLE else f"{text[:6]}…{text[-4:]}"


@register.filter
def one_line(facts: dict[str, object]) -> str:
    """Facts on one line: `from: scheduled, reason: superseded`."""
    return ", ".join(f"{name}: {value}" for name, value in facts.items())


@register.filter
def since(moment: datetime, now: datetime) -> str:
    """How long two moments are apart, as a duration."""
    return duration(moment - now)


@register.simple_tag
def until(moment: datetime | None, now: datetime) -> str:
    """`in 31 h 12 min`, or `5 min ago`; a dash for nothing."""
    if moment is None:
        return "–"
    return f"in {duration(moment - now)}" if moment > now else f"{duration(now - moment)} ago"
