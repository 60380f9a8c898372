"""From facts to the words of a message: subject, text, the HTML that repeats it, and a short form for telephones.

Everything but the links is the same for all contacts of a subscriber with one language, so a step is rendered once
with placeholders for the links, and each contact's links are put in afterwards.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

from django.conf import settings
from django.utils import translation
from jinja2 import TemplateError

from notices import texts, vocabulary, wording
from notices.document import as_text
from notices.facts import Account, Cause, Facts, Listed, NewsFacts, NewsItem, Person
from notices.fence import compiled
from notices.html import as_html
from notices.texts import Text
from notices.vocabulary import LINKS, LISTED, link

__all__ = [
    "LISTED", "Account", "Cause", "Facts", "Letter", "Listed", "NewsFacts", "NewsItem", "Person", "render",
    "render_letter", "render_news", "templates",
]  # fmt: skip

log = logging.getLogger(__name__)
DEFAULT = texts.STEPS[0]
LONGEST_SUBJECT = 300
LONGEST_SHORT = 300
"""Characters of a short text, its link among them: two or three text messages."""
ROOM_FOR_LINK = 100
"""Characters of a personal link after the address of the site."""
NAMES_IN_SHORT = (60, 30, 15)
"""How long the name of a subscriber may be in a short text; the first that leaves it short enough is taken."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one message."""

    subject: str
    text: str
    html: str
    short: str
    language: str
    template_version: str

    def with_links(self, links: Sequence[str]) -> "Letter":
        """The same words for one contact, whose links are given in the order of the accounts; escaped in HTML."""
        return replace(
            self,
            text=LINKS.sub(lambda found: links[int(found[1])], self.text),
            html=LINKS.sub(lambda found: escape(links[int(found[1])]), self.html),
            short=LINKS.sub(lambda found: links[int(found[1])], self.short),
        )


def templates() -> tuple[str, ...]:
    """The names of the templates that a step can have."""
    return texts.STEPS


def render(template: str, facts: Facts) -> Letter:
    """The words of a step, with placeholders where each contact's own links belong."""
    name = template if template in templates() else _fallback(template)
    return _letter(name, facts.language, lambda: vocabulary.of_step(facts))


def render_news(facts: NewsFacts) -> Letter:
    """The words of later news, with a placeholder for the one link."""
    return _letter(f"news_{facts.kind}", facts.language, lambda: vocabulary.of_news(facts))


def render_letter(kind: str, language: str, words: Mapping[str, object]) -> Letter:
    """The words of a routine letter. Moments are told in UTC, and where the reader is if a `time_zone` is given."""
    return _letter(kind, language, lambda: vocabulary.of_letter(words))


def _fallback(template: str) -> str:
    log.error("There is no notice template %r; %r is used, so that the notice goes out in time.", template, DEFAULT)
    return DEFAULT


def _letter(name: str, language: str, words: Callable[[], Mapping[str, object]]) -> Letter:
    """The words in force; the shipped ones where a saved version cannot be filled in, so that it goes out in time."""
    text = texts.in_force(name, language)
    try:
        return filled(text, words)
    except TemplateError:
        if not text.number:
            raise
        log.exception("Version %d of %s (%s) cannot be used; the shipped words are.", text.number, name, language)
        return filled(texts.as_shipped(name, language), words)


def filled(text: Text, words: Callable[[], Mapping[str, object]]) -> Letter:
    """A text with its placeholders filled in; `words` is called while the text's language is active."""
    with translation.override(text.language):
        known = words()
        subject = wording.one_line(compiled(text.subject).render(known), longest=LONGEST_SUBJECT)
        source = compiled(text.body).render(known)
        html = as_html(
            source,
            title=subject,
            language=text.language,
            links=_links(source, known),
            is_noted=bool(known.get("is_drill")),
        )
        return Letter(subject, as_text(source), html, _short(text, known), text.language, text.version)


def _links(source: str, known: Mapping[str, object]) -> set[str]:
    """The addresses that become links: ours, and that of the public page. A name that looks like one stays a name."""
    ours = {found[0] for found in LINKS.finditer(source)}
    return {*ours, *(f"{each}list.csv" for each in ours), *vocabulary.addresses(known)}


def _short(text: Text, known: Mapping[str, object]) -> str:
    """The short form, with a shorter name where it would be too long, and cut before the link as a last resort."""
    template, told = compiled(text.short), ""
    for longest in NAMES_IN_SHORT:
        name = wording.one_line(str(known["subscriber"]), longest=longest)
        told = " ".join(template.render({**known, "subscriber": name}).split())
        if length_of(told) <= LONGEST_SHORT:
            return told
    ends = link(0) if LINKS.search(told) else ""
    room = LONGEST_SHORT - length_of(ends) - 1
    return f"{wording.one_line(LINKS.sub('', told), longest=room)} {ends}".strip()


def length_of(told: str) -> int:
    """How long a short text is once its link is put in."""
    return len(LINKS.sub("x" * (len(settings.SITE_URL) + ROOM_FOR_LINK), told))
