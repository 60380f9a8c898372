"""Bounces: what a mail server says about a message that it did not deliver.

A delivery status notification is read as RFC 3464 says. Other reports are read by flufl.bounce, which knows what mail
servers wrote in the past, and then by their words alone.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flufl.bounce import all_failures

from notices.bouncewords import (
    AT_THE_END,
    FINAL,
    NAMED,
    NOBODY,
    NOT_RECIPIENT,
    ORIGINAL,
    PASSING,
    POLICY,
    RECIPIENT,
    REPLIED,
    REPLY,
    STATUS,
    SUBJECT,
    SYSTEM,
    WAITING,
    WORDS,
)
from notices.mime import Reading, addresses_in, groups_in
from notices.refusals import is_about_address

log = logging.getLogger(__name__)
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
FAILED, DELAYED = ("fail", "error", "bounce", "reject"), ("delay", "defer")
LINE = 200
DONE = ("deliver", "relay", "expand")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report of a mail server. `is_failed` is false while it still tries; `is_permanent` tells whether another try
    later would fail too (RFC 3463 class 5), `is_about_address` whether the address itself takes no mail."""

    addresses: tuple[str, ...]
    is_permanent: bool
    is_failed: bool
    is_about_address: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Done:
    """A report that a message was delivered or handed on (RFC 3464 2.3.3)."""

    detail: str


def find(reading: Reading) -> Bounce | Done | None:
    """The bounce that a message is; None when it is none."""
    groups = reading.status
    if not groups and _is_report(reading):
        groups = [
            each for each in groups_in(_said(reading)) if "final-recipient" in each or "original-recipient" in each
        ]
    return _reported(reading, groups) if groups else _told(reading)


def _reported(reading: Reading, groups: list[dict[str, str]]) -> Bounce | Done | None:
    """A delivery status notification."""
    about = [each for each in groups if {"final-recipient", "original-recipient", "action"} & each.keys()]
    actions = {id(each): each.get("action", "").strip().lower() for each in about}
    failed = [each for each in about if actions[id(each)].startswith(FAILED)]
    delayed = [each for each in about if actions[id(each)].startswith(DELAYED)]
    done = [each for each in about if actions[id(each)].startswith(DONE)]
    unsaid = [each for each in about if each not in failed + delayed + done]
    if not failed:
        failed = [each for each in unsaid if _class(each.get("status", ""), "") == "5" or not (delayed or done)]
    if not failed and not delayed:
        return Done(_detail(done[0], "")) if done else _told(reading)
    chosen = failed or delayed
    permanent = bool(failed) and any(_is_permanent(each, _said(reading)) for each in failed)
    addresses = _unique(address for each in chosen if (address := _recipient(each)))
    return Bounce(
        addresses=addresses or _by_words(reading),
        is_permanent=permanent,
        is_failed=bool(failed),
        is_about_address=permanent and any(_is_about_address(each, _said(reading)) for each in failed),
        detail=_detail(chosen[0], _said(reading)),
    )


def _recipient(group: dict[str, str]) -> str:
    """The address that we wrote to, or if that is not told the one at which the mail ended."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        kind, semicolon, value = group.get(name, "").partition(";")
        value = (value if semicolon else kind).strip().strip('"')
        if kind.strip().lower() == "x400" or not value:
            continue
        if found := re.search(r"<?([^\s<>;]{1,100}@[^\s<>;]{1,255}?)>?(?:\s|;|$)", value):
            return found[1]
    return ""


def _is_permanent(group: dict[str, str], text: str) -> bool:
    """By the status, else by the server's reply, else by the words: a bounce that says nothing else is final."""
    found = _class(group.get("status", ""), group.get("diagnostic-code", ""))
    return found == "5" if found else _is_final(group.get("diagnostic-code", "") or text)


def _class(status: str, diagnostic: str) -> str:
    """The class of a status code or a reply, 4 or 5; empty if there is none."""
    found = STATUS.search(status) or STATUS.search(diagnostic) or REPLY.search(diagnostic)
    return found[1][0] if found else ""


def _is_about_address(group: dict[str, str], text: str) -> bool:
    diagnostic = group.get("diagnostic-code", "")
    return _blames(diagnostic, group.get("status", ""), text if not diagnostic else "")


def _blames(diagnostic: str, status: str, text: str) -> bool:
    code = REPLY.search(diagnostic)
    precise = STATUS.search(diagnostic) or STATUS.search(status)
    if precise and not re.fullmatch(r"5\.(?:0\.0|3\.0|4\.4|5\.0)", precise[0]):
        return is_about_address(int(code[1]) if code and code[1][0] == "5" else 550, precise[0])
    return bool(NOBODY.search(diagnostic or text)) or (precise is None and bool(code) and _is_bare(code, diagnostic))


def _is_bare(code: re.Match[str] | None, diagnostic: str) -> bool:
    return code is not None and is_about_address(int(code[1]), "") and not POLICY.search(diagnostic)


def _detail(group: dict[str, str], text: str) -> str:
    said = " ".join(filter(None, (group.get("action"), group.get("status"), group.get("diagnostic-code"))))
    return said or " ".join(text.split())[:300]


def _told(reading: Reading) -> Bounce | None:
    """A report in some mail server's own words."""
    if not _is_report(reading):
        return None
    text = _said(reading)
    temporary, permanent = _known(reading)
    is_delay = bool(temporary) and not permanent
    if not permanent and not temporary:
        is_delay = bool(WAITING.search(text)) and not FINAL.search(text)
    addresses = _unique(
        addresses_in(reading.header("X-Failed-Recipients")) or permanent or temporary or _by_words(reading)
    )
    status = _class(_last_status(text), "") or _class("", text)
    final = not is_delay and (status == "5" if status else _is_final(text))
    return Bounce(
        addresses=addresses,
        is_permanent=final,
        is_failed=not is_delay,
        is_about_address=final and _blames(_line_of_reply(text), _last_status(text), text),
        detail=_line_of_reply(text) or " ".join(text.split())[:300],
    )


def _is_final(text: str) -> bool:
    """By words alone: a report that says nothing else is final."""
    return bool(FINAL.search(text)) or not PASSING.search(text)


def _last_status(text: str) -> str:
    found = [each[0] for each in STATUS.finditer(text)]
    return found[-1] if found else ""


def _line_of_reply(text: str) -> str:
    """The line that quotes the mail server's answer."""
    for line in text.splitlines():
        if (REPLY.search(line) and len(line.split()) > 1) or STATUS.search(line):
            return " ".join(line.split())[:500]
    return ""


def _known(reading: Reading) -> tuple[list[str], list[str]]:
    """What flufl.bounce finds: temporary failures and permanent ones. It cannot read every mail: then nothing."""
    try:
        temporary, permanent = all_failures(reading.message)
    except Exception:  # noqa: BLE001 - some of its detectors fail at odd mail; we have a reading of our own
        return [], []
    return _sound(temporary), _sound(permanent)


def _sound(addresses: Iterable[bytes]) -> list[str]:
    found = sorted(each.decode("ascii", "replace").strip().strip("<>") for each in addresses)
    return [each for each in found if re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", each)]


def _is_report(reading: Reading) -> bool:
    """Whether a mail server wrote it, and about a failure."""
    if "multipart/report" in reading.message.get_content_type().lower():
        return "feedback-report" not in str(reading.message.get("content-type", "")).lower()
    subject, text = reading.header("Subject"), _said(reading)
    if reading.header("X-Failed-Recipients"):
        return True
    says_so = bool(WORDS.search(text))
    if _is_system(reading):
        return bool(SUBJECT.search(subject)) or says_so or any(_known(reading))
    if REPLIED.match(subject) and not AT_THE_END.search(subject):
        return False
    is_null = any(each.strip() == "<>" for each in reading.headers("Return-Path"))
    if SUBJECT.search(subject):
        return is_null or says_so
    nobody = is_null or bool(re.search(r"no-?reply|do-?not-?reply", reading.header("From"), re.IGNORECASE))
    return nobody and says_so and reading.original is not None


def _is_system(reading: Reading) -> bool:
    return any(SYSTEM.search(value) for value in reading.headers("From", "Sender", "Return-Path"))


def _said(reading: Reading) -> str:
    """The report without the message that it returns."""
    place, is_said = 0, False
    for line in reading.text.splitlines(keepends=True):
        start = line[:LINE].lstrip(" \t>*#=|")
        if is_said and start.strip(" -_\r\n") and ORIGINAL.match(start):
            return reading.text[:place]
        is_said = is_said or "@" in line or bool(WORDS.search(line[:LINE]) or STATUS.search(line[:LINE]))
        place += len(line)
    return reading.text


def _by_words(reading: Reading) -> tuple[str, ...]:
    """The addresses that a report in plain words names as the recipients."""
    ours = {each.lower() for each in reading.addresses("To", "From")}
    lines = [line for line in _said(reading).splitlines() if "@" in line and not NOT_RECIPIENT.search(line)]
    for chosen in ([line for line in lines if RECIPIENT.search(line)], lines):
        found = _unique(
            each for line in chosen for each in _named(line) if each.lower() not in ours and not SYSTEM.search(each)
        )
        if found:
            return found
    return _unique(_original_recipients(reading))


def _named(line: str) -> list[str]:
    return [each.strip(".'`*#=") for each in NAMED.findall(line)]


def _original_recipients(reading: Reading) -> list[str]:
    """The only recipient of the message that came back."""
    if reading.original is None:
        rest = reading.text[len(_said(reading)) :]
        named = [each["to"] for each in groups_in(rest) if "to" in each and "from" in each]
    elif reading.original.get("List-Id") or reading.original.get("List-Post"):
        return []
    else:
        named = [str(reading.original.get("To", ""))]
    found = addresses_in(named[0]) if named else []
    return found if len(found) == 1 else []


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple({each.lower(): each for each in reversed(list(addresses))}.values())[::-1]
