"""What a cell may say: texts to values. A converter takes a stripped text that is not empty, and raises `Malformed`."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator

from core.crl_reason import CRLReason
from core.errors import Malformed
from subscribers.certificates import SERIAL_OCTETS

Convert: TypeAlias = Callable[[str], Any]

CLASSES = {
    "standard": "standard", "finance": "finance", "government": "government", "critical": "critical",
    "critical infrastructure": "critical", "critical_infrastructure": "critical",
}  # fmt: skip
ROLES = {
    "primary": "primary", "backup": "backup",
    "account_manager": "account_manager", "account manager": "account_manager",
}  # fmt: skip
YES = frozenset({"yes", "true", "1", "x", "y"})
NO = frozenset({"no", "false", "0", "n"})
REASONS = {reason.value.lower(): reason.value for reason in CRLReason}
WINDOWS = {
    "24h": timedelta(hours=24), "24 h": timedelta(hours=24), "24 hours": timedelta(hours=24), "1d": timedelta(hours=24),
    "5d": timedelta(days=5), "5 d": timedelta(days=5), "5 days": timedelta(days=5), "120h": timedelta(days=5),
}  # fmt: skip
"""The two windows of BR 4.9.1.1, as people write them."""

LANGUAGE = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?")
DURATION = re.compile(r"([0-9]{1,6}) ?(s|m|min|h|d)")
UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
HEX = re.compile(r"[0-9a-f]+")
PHONE = re.compile(r"\+?[0-9][0-9 ()./x-]{2,38}")
CHAT = re.compile(r"[a-z][a-z0-9+.-]{1,30}://[!-~]+", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
SHA256_DIGITS = 64

_email = EmailValidator(message="is not an e-mail address")
_url = URLValidator(schemes=["http", "https"])


def text(longest: int) -> Convert:
    """A text of at most `longest` characters, without control characters."""

    def convert(value: str) -> str:
        if len(value) > longest:
            raise Malformed(f"is longer than {longest} characters.")
        if CONTROL.search(value):
            raise Malformed("holds a control character.")
        return value

    return convert


def one_of(words: Mapping[str, str]) -> Convert:
    """One of some words, whatever their case; what each stands for."""

    def convert(value: str) -> str:
        try:
            return words[value.lower()]
        except KeyError:
            raise Malformed(f"{shown(value)} is none of {', '.join(dict.fromkeys(words.values()))}.") from None

    return convert


def number(highest: int) -> Convert:
    """A whole number from 0."""

    def convert(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 19 and int(value) <= highest):  # noqa: PLR2004
            raise Malformed(f"{shown(value)} is not a whole number from 0 to {highest}.")
        return int(value)

    return convert


def rate(value: str) -> float:
    """How many a second: a number above 0."""
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:  # noqa: PLR2004 - also false for nan and inf
        raise Malformed(f"{shown(value)} is not a number above 0.")
    return found


@lru_cache(maxsize=256)
def language(value: str) -> str:
    """A BCP 47 tag of language, script and region, in its usual case."""
    found = LANGUAGE.fullmatch(value.replace("_", "-"))
    if not found:
        raise Malformed(f"{shown(value)} is not a language tag such as en, zh-CN or sr-Latn-RS.")
    parts = (found["language"].lower(), (found["script"] or "").title(), (found["region"] or "").upper())
    return "-".join(filter(None, parts))


@lru_cache(maxsize=1)
def _time_zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def time_zone(value: str) -> str:
    """An IANA time zone name."""
    try:
        return _time_zones()[value.lower()]
    except KeyError:
        raise Malformed(f"{shown(value)} is not an IANA time zone such as Asia/Shanghai.") from None


def email(value: str) -> str:
    """An e-mail address, in lower case."""
    value = value.removeprefix("mailto:").lower()
    if len(value) > 254:  # noqa: PLR2004 - RFC 5321 4.5.3.1.3
        raise Malformed("is longer than 254 characters.")
    try:
        _email(value)
    except ValidationError:
        raise Malformed(f"{shown(value)} is not an e-mail address.") from None
    return value


def phone(value: str) -> str:
    """A telephone number as it is written."""
    if not PHONE.fullmatch(value):
        raise Malformed(f"{shown(value)} is not a telephone number.")
    return value


def yes_or_no(value: str) -> bool:
    """Yes or no, as people and programs write them."""
    if value.lower() not in YES | NO:
        raise Malformed(f"{shown(value)} is neither yes nor no.")
    return value.lower() in YES


def chat_url(value: str) -> str:
    """Where chat messages go, as an Apprise URL; which kinds are used is decided when one is sent."""
    if len(value) > 500 or not CHAT.fullmatch(value):  # noqa: PLR2004
        raise Malformed("is not the address of a chat such as msteams://…")
    return value


def webhook_url(value: str) -> str:
    """An https address without a password in it."""
    found = url(value)
    if not found.lower().startswith("https://") or "@" in found.split("/")[2]:
        raise Malformed("is not an https address without a password.")
    return found


def window(value: str) -> timedelta:
    """24 hours or 5 days."""
    try:
        return WINDOWS[value.lower()]
    except KeyError:
        raise Malformed(f"{shown(value)} is neither 24h nor 5d.") from None


def duration(value: str) -> timedelta:
    """A number with s, m, h or d."""
    found = DURATION.fullmatch(value.lower())
    if not found:
        raise Malformed(f"{shown(value)} is not a duration such as 90m, 24h or 5d.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def moment(value: str) -> datetime:
    """A moment in ISO 8601 with its offset, in UTC. One without an offset could be any of 26 hours, and is refused."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Malformed(f"{shown(value)} is not a moment such as 2024-03-19T08:30:00Z.") from None
    if found.tzinfo is None:
        raise Malformed(f"{shown(value)} has no offset; write Z for UTC, as in 2024-03-19T08:30:00Z.")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise Malformed(f"{shown(value)} is out of range.") from None


def serial_number(value: str) -> str:
    """A serial number in hex, with colons, spaces, 0x or leading zeros as it may be; lower-case and bare."""
    found = value.lower().removeprefix("0x").replace(":", "").replace(" ", "")
    if found.startswith("-"):
        raise Malformed(f"{shown(value)} is negative; a serial number is positive (RFC 5280 4.1.2.2).")
    if not HEX.fullmatch(found):
        raise Malformed(f"{shown(value)} is not hex; a decimal number belongs into the column serial_decimal.")
    return _checked_serial(found.lstrip("0"), value)


def serial_decimal(value: str) -> str:
    """A serial number in decimal, as hex."""
    if value.startswith("-"):
        raise Malformed(f"{shown(value)} is negative; a serial number is positive (RFC 5280 4.1.2.2).")
    if not (value.isascii() and value.isdigit()):
        raise Malformed(f"{shown(value)} is not a decimal number.")
    if len(value) > 60:  # noqa: PLR2004 - before the cost of converting a long one
        raise Malformed(f"is longer than {SERIAL_OCTETS} octets (RFC 5280 4.1.2.2).")
    return _checked_serial(format(int(value), "x") if int(value) else "", value)


def _checked_serial(digits: str, value: str) -> str:
    if not digits:
        raise Malformed(f"{shown(value)} is zero; a serial number is positive (RFC 5280 4.1.2.2).")
    if len(digits) > 2 * SERIAL_OCTETS:
        raise Malformed(f"{shown(value)} is longer than {SERIAL_OCTETS} octets (RFC 5280 4.1.2.2).")
    return digits


def sha256(value: str) -> str:
    """A SHA-256 in hex, with colons or spaces as it may be."""
    found = value.lower().replace(":", "").replace(" ", "")
    if len(found) != SHA256_DIGITS or not HEX.fullmatch(found):
        raise Malformed(f"{shown(value)} is not a SHA-256: 64 hex digits.")
    return found


def names(value: str) -> list[str]:
    """Some names, as a JSON list or with spaces, commas or semicolons between them."""
    return [text(253)(name) for name in _list(value)]


def url(value: str) -> str:
    """An http or https address."""
    if len(value) > 500:  # noqa: PLR2004
        raise Malformed("is longer than 500 characters.")
    try:
        _url(value)
    except ValidationError:
        # A CRL inside the house may be served by a host without a dot, which the validator refuses.
        if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+(/\S*)?", value):
            raise Malformed(f"{shown(value)} is not an http address.") from None
    return value


def urls(value: str) -> list[str]:
    """Some http addresses."""
    return [url(each) for each in _list(value)]


def mapping(value: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed(f"{shown(value)} is not a JSON object.")
    return found


def _list(value: str) -> list[str]:
    if not value.startswith("["):
        return [each for each in re.split(r"[\s,;]+", value) if each]
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Malformed(f"{shown(value)} is not a JSON list of texts.")
    return found


def shown(value: str) -> str:
    """A cell as an error quotes it: short and printable."""
    return ascii(value if len(value) <= 40 else value[:40] + "...")  # noqa: PLR2004
