"""A calendar file with one deadline in it (RFC 5545)."""

from datetime import UTC, datetime, timedelta

OCTETS = 75
"""The longest line, its break not counted (RFC 5545 3.1)."""
REMINDERS = (timedelta(hours=24), timedelta(hours=4))


def calendar(*, uid: str, at: datetime, summary: str, description: str, now: datetime) -> bytes:
    """The bytes of a file that puts a deadline into a calendar, with reminders a day and four hours before it."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Recall//Deadline//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_text(uid)}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(at)}",
        f"SUMMARY:{_text(summary)}",
        f"DESCRIPTION:{_text(description)}",
        "TRANSP:TRANSPARENT",
        *(line for reminder in REMINDERS for line in _alarm(reminder, summary)),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def _alarm(before: timedelta, summary: str) -> list[str]:
    hours = int(before.total_seconds() // 3600)
    return ["BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-PT{hours}H", f"DESCRIPTION:{_text(summary)}", "END:VALARM"]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """A TEXT value (RFC 5545 3.3.11); control characters other than line breaks are dropped."""
    kept = "".join(character for character in value if character in "\n\t" or character.isprintable())
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        kept = kept.replace(plain, escaped)
    return kept


def _folded(line: str) -> bytes:
    """A content line, folded so that no character is cut in two."""
    folded, length = bytearray(), 0
    for character in line:
        octets = character.encode()
        if length + len(octets) > OCTETS:
            folded += b"\r\n "
            length = 1
        folded += octets
        length += len(octets)
    return bytes(folded + b"\r\n")
