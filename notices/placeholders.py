"""Whether the words of a template say what they must: no placeholder unknown, none missing, and nothing lost."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import translation
from jinja2 import TemplateError

from notices import samples, texts
from notices.fence import compiled, look
from notices.rendering import LONGEST_SHORT, NAMES_IN_SHORT, length_of
from notices.texts import Text
from notices.wording import one_line

Words = dict[str, Any]
LIST_LINK = re.compile(r"\S+/list\.csv")
"""It begins with the link of the account, and does not stand for it."""

LONGEST = {"subject": 500, "body": 20_000, "short": 500}
"""Characters of a part, as it is written."""
_NEWS_BODY = "is_drill subscriber items.names items.serial_number items.at more link outstanding deadline phone ca"
REQUIRED: dict[str, dict[str, str]] = {
    "revocation": {
        "subject": "is_drill certificates subscriber deadline",
        "body": (
            "is_drill several deadline local accounts.link accounts.csv accounts.certificates accounts.listed.names "
            "accounts.listed.serial_number accounts.listed.deadline accounts.more explanation source item rule window "
            "clause explanation_url phone ca"
        ),
        "short": "is_drill deadline subscriber link",
    },
    "account_manager": {
        "subject": "is_drill subscriber deadline",
        "body": (
            "is_drill deadline accounts.subscriber accounts.certificates accounts.people.name accounts.people.phone "
            "accounts.console_url explanation window ca"
        ),
        "short": "is_drill subscriber deadline console_url",
    },
    "news_addition": {"subject": "is_drill subscriber", "body": _NEWS_BODY, "short": "is_drill subscriber link"},
    "news_correction": {
        "subject": "is_drill subscriber",
        "body": f"{_NEWS_BODY} items.what",
        "short": "is_drill subscriber link",
    },
    "news_revoked": {"subject": "is_drill subscriber", "body": _NEWS_BODY, "short": "is_drill subscriber link"},
    "contact_check": {
        "subject": "subscriber",
        "body": "subscriber contact answer_by link ca",
        "short": "subscriber link",
    },
    "commitment_reminder": {
        "subject": "subscriber",
        "body": "subscriber window given_by valid_until link ca",
        "short": "subscriber link",
    },
    "answer_received": {"subject": "subscriber", "body": "subscriber deadline ca", "short": "subscriber"},
}
"""The placeholders without which a template would not say what it is for (BR 4.9.5, and what a reader needs to act)."""


def known(name: str) -> list[str]:
    """All placeholders of a template, such as `accounts.link`."""
    return sorted(_paths("", next(samples.words(name))))


def problems(text: Text) -> dict[str, list[str]]:
    """What is wrong with each part of a text, by part; nothing if it can be used."""
    found: dict[str, list[str]] = {}
    with translation.override(text.language):
        situations = list(samples.words(text.name))
        for part in texts.PARTS:
            if told := _of_part(getattr(text, part), part, situations[0], REQUIRED[text.name][part].split()):
                found[part] = told
        if not found:
            for part, what in _tried(text, situations):
                found.setdefault(part, [])
                found[part] += [what] if what not in found[part] else []
    return found


def _of_part(source: str, part: str, example: Words, required: list[str]) -> list[str]:
    if not source.strip():
        return ["There are no words here."]
    if len(source) > LONGEST[part]:
        return [f"This is {len(source):,} characters long; {LONGEST[part]:,} fit."]
    if part != "body" and "\n" in source.strip():
        return ["This has to be one line."]
    used, told = look(source, example)
    missing = [each for each in required if each not in used]
    if missing:
        told.append(f"Missing: {', '.join(missing)}.")
    return told


def _tried(text: Text, situations: Sequence[Words]) -> Iterator[tuple[str, str]]:
    """What goes wrong when the text is filled in, in all situations."""
    plain = None
    for words in situations:
        try:
            parts = {part: compiled(getattr(text, part)).render(words) for part in texts.PARTS}
            name = one_line(str(words["subscriber"]), longest=NAMES_IN_SHORT[-1])
            short = compiled(text.short).render({**words, "subscriber": name})
        except TemplateError as error:
            yield "body", f"It cannot be filled in: {error.message}"
            return
        plain = plain or parts
        if words.get("is_drill"):
            begins = {part: (parts[part].split("\n")[0], plain[part].split("\n")[0]) for part in texts.PARTS}
            silent = [part for part, (drilled, live) in begins.items() if drilled.strip() == live.strip()]
            yield from ((part, "In a drill its first line does not say so.") for part in silent)
        if length_of(" ".join(short.split())) > LONGEST_SHORT:
            yield "short", f"With its link it is longer than {LONGEST_SHORT} characters."
        body = LIST_LINK.sub("", parts["body"])
        if lost := [each for each in _indispensable(text.name, words) if each not in body]:
            yield "body", f"In some situations it is without {', '.join(lost)}."


def _indispensable(name: str, words: Words) -> Iterator[str]:
    """What no message may be without: the links and serial numbers of everything that it is about."""
    if name == texts.STEPS[0]:
        for account in words["accounts"]:
            yield account["link"]
            yield from (each["serial_number"] for each in account["listed"])
    yield from (each["serial_number"] for each in words.get("items", ()))


def _paths(prefix: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield prefix
        yield from _paths(prefix, value[0] if value else {})
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _paths(f"{prefix}.{name}" if prefix else name, each)
    else:
        yield prefix
