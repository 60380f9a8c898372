"""From facts to the words of a notice, by the templates in `templates/notices/<template>/`.

Text is the document, HTML repeats it. Everything but the respond-link is the same for all contacts of a subscriber, so
a step is rendered once with a placeholder for the link, and each contact's link is put in afterwards.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from html import escape
from textwrap import fill

from django.conf import settings
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from campaigns.moments import in_words
from campaigns.rules import Rule, RulePack, window_in_words
from notices import wording

log = logging.getLogger(__name__)
FOLDER = settings.BASE_DIR / "templates" / "notices"
PARTS = ("subject.txt", "body.txt", "body.html")
DEFAULT = "revocation"
LISTED = 20
"""How many certificates a notice lists; the rest are behind the link."""
LONGEST_SUBJECT = 300
LINK = f"https://link.invalid/{secrets.token_hex(16)}/"
"""Stands for the contact's link while a step is rendered; nobody can know it, so no text can contain it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate as a notice lists it."""

    names: list[str]
    serial_number: str
    not_after: datetime
    publish_by: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """What a campaign is about, the same in all of its notices."""

    is_drill: bool
    pack: RulePack
    rule: Rule
    explanation: str
    explanation_url: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one subscriber is told at one step; `reminder` is 0 in the first notice."""

    cause: Cause
    subscriber: str
    reference: str
    time_zone: str
    deadline: datetime
    now: datetime
    reminder: int
    outstanding: int
    confirmed: int
    listed: list[Listed]


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one notice."""

    subject: str
    text: str
    html: str
    template_version: str

    def with_link(self, link: str) -> "Letter":
        """The same words for one contact. The link is put in as it is in text, and escaped in HTML."""
        return Letter(
            self.subject,
            self.text.replace(LINK, link),
            self.html.replace(LINK, escape(link)),
            self.template_version,
        )


def render(template: str, facts: Facts) -> Letter:
    """The words of a step, with `LINK` where each contact's own link belongs."""
    name = template if template in templates() else _fallback(template)
    words = _words(facts)
    subject, text, html = (_environment().get_template(f"{name}/{part}").render(words) for part in PARTS)
    return Letter(wording.one_line(subject, longest=LONGEST_SUBJECT), text, html, version(name))


@cache
def templates() -> tuple[str, ...]:
    """The names of the templates that a step can have."""
    return tuple(sorted(each.name for each in FOLDER.iterdir() if (each / PARTS[0]).exists()))


@cache
def version(template: str) -> str:
    """The SHA-256 of a template's three files: which words were in force when a notice was written."""
    return sha256(b"".join((FOLDER / template / part).read_bytes() for part in PARTS)).hexdigest()


def _fallback(template: str) -> str:
    log.error("There is no notice template %r; %r is used, so that the notice goes out in time.", template, DEFAULT)
    return DEFAULT


def _words(facts: Facts) -> dict[str, object]:
    cause = facts.cause
    return {
        "is_drill": cause.is_drill,
        "subscriber": wording.one_line(facts.subscriber),
        "reference": wording.one_line(facts.reference),
        "outstanding": facts.outstanding,
        "certificates": wording.certificates(facts.outstanding),
        "confirmed": facts.confirmed,
        "deadline": wording.utc(facts.deadline),
        "local": wording.local(facts.deadline, facts.time_zone),
        "left": in_words(facts.deadline - facts.now),
        "reminder": facts.reminder,
        "listed": [
            {
                "names": wording.names_in_short(each.names),
                "serial_number": each.serial_number,
                "expires": f"{each.not_after:%Y-%m-%d}",
                "deadline": "" if each.publish_by == facts.deadline else wording.utc(each.publish_by),
            }
            for each in facts.listed
        ],
        "more": facts.outstanding - len(facts.listed),
        "link": LINK,
        "explanation": cause.explanation.strip(),
        "explanation_url": cause.explanation_url,
        "source": cause.pack.source,
        "pack": cause.pack.name,
        "item": cause.rule.item,
        "rule": cause.rule.text,
        "window": window_in_words(cause.rule.window),
        "ca": settings.CA_NAME,
        "clause": settings.AGREEMENT_CLAUSE,
        "phone": settings.NOTICE_PHONE,
        "site": settings.SITE_URL,
    }


@lru_cache(maxsize=256)
def _wrapped(text: str) -> str:
    """Paragraphs of at most 78 characters a line; a word that is longer, such as a URL, stays whole."""
    return "\n".join(fill(line, width=78, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["wrapped"] = _wrapped
    return environment
