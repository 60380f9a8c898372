"""How a message says moments, names and numbers: in the language that is active, on one line, and never misleading."""

import unicodedata
from datetime import UTC, datetime

from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from campaigns.moments import zone

CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that a line of text does without: line ends, and marks that turn the direction of writing."""
NAMES_SHOWN = 3


def one_line(text: str, *, longest: int = 200) -> str:
    """A text from outside as one plain line: no line ends, no control or direction marks, cut when it is too long."""
    plain = text if text.isascii() and text.isprintable() else _printable(text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def _printable(text: str) -> str:
    return "".join(" " if unicodedata.category(each) in CONTROL else each for each in text)


def utc(moment: datetime) -> str:
    """`Sun 24 Mar 2024 08:30 UTC`, with the seconds where there are any."""
    return _told(moment.astimezone(UTC)) + " UTC"


def local(moment: datetime, zone_name: str) -> str:
    """The same moment where the reader is: `Sun 24 Mar 2024 16:30 (Asia/Shanghai, UTC+08:00)`; empty in UTC."""
    there = moment.astimezone(zone(zone_name))
    offset = there.strftime("%z")
    if offset == "+0000":
        return ""
    name, offset = one_line(zone_name, longest=64), f"UTC{offset[:3]}:{offset[3:5]}"
    return _("%(moment)s (%(zone)s, %(offset)s)") % {"moment": _told(there), "zone": name, "offset": offset}


def day(moment: datetime) -> str:
    """`2024-03-24`, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def names_in_short(names: list[str]) -> str:
    """The first names of a certificate, and how many more there are."""
    shown = ", ".join(one_line(name, longest=100) for name in names[:NAMES_SHOWN]) or _("no names")
    more = len(names) - NAMES_SHOWN
    return shown + " " + _("(+%(count)d more)") % {"count": more} if more > 0 else shown


def certificates(count: int) -> str:
    """`1 certificate`, `2,098 certificates`."""
    return ngettext("%(count)s certificate", "%(count)s certificates", count) % {"count": f"{count:,}"}


def _told(moment: datetime) -> str:
    return date_format(moment, pgettext("format of a moment", "D d M Y")) + moment.strftime(
        " %H:%M:%S" if moment.second else " %H:%M"
    )
