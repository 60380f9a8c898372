"""The templates of messages: which there are, in which languages, and which words are in force.

The words are shipped as files; a version that was saved in the console takes their place.
"""

import time
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from django.conf import settings

from notices.models import NoticeTemplate

FOLDER = settings.BASE_DIR / "templates" / "notices"
PARTS = ("subject", "body", "short")
STEPS = ("revocation", "account_manager")
"""What a step can name; the first is used where another is not known."""
NEWS = ("news_addition", "news_correction", "news_revoked")
LETTERS = ("contact_check", "commitment_reminder", "answer_received")
EVERYTHING = (*STEPS, *NEWS, *LETTERS)
REMEMBERED = 5.0
"""Seconds for which a process does not ask again whether a version was saved: a batch asks once, not per message."""
_saved: dict[tuple[str, str], "tuple[float, Text | None]"] = {}


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a template in one language, before anything is put in; number 0 is shipped, others were saved."""

    name: str
    language: str
    subject: str
    body: str
    short: str
    number: int = 0

    @property
    def version(self) -> str:
        """The SHA-256 of its parts: which words were in force when a message was written."""
        return sha256("\0".join((self.subject, self.body, self.short)).encode()).hexdigest()


@cache
def shipped(name: str, language: str) -> Text | None:
    """The words as they are shipped; None in a language without any."""
    folder = FOLDER / name / language
    if name not in EVERYTHING or not folder.is_dir():
        return None
    subject, body, short = ((folder / f"{part}.txt").read_text().strip() for part in PARTS)
    return Text(name, language, subject, body, short)


def as_shipped(name: str, language: str) -> Text:
    """The shipped words in a language, or in English where there are none in it."""
    found = shipped(name, language) or shipped(name, settings.LANGUAGE_CODE)
    if found is None:
        raise LookupError(f"There is no template {name!r}.")
    return found


def in_force(name: str, language: str) -> Text:
    """The words of a template in a language: those saved last, else the shipped ones, else the same in English."""
    found = _saved_last(name, language) or shipped(name, language)
    return found or _saved_last(name, settings.LANGUAGE_CODE) or as_shipped(name, settings.LANGUAGE_CODE)


def forget() -> None:
    """Ask again at the next message: something was saved."""
    _saved.clear()


def as_saved(row: NoticeTemplate) -> Text:
    """The words of a saved version."""
    return Text(row.name, row.language, row.subject, row.body, row.short, row.version)


def _saved_last(name: str, language: str) -> Text | None:
    known = _saved.get((name, language))
    asked_at = time.monotonic()
    if known and asked_at - known[0] < REMEMBERED:
        return known[1]
    row = NoticeTemplate.objects.filter(name=name, language=language).order_by("-version").first()
    found = as_saved(row) if row else None
    _saved[name, language] = asked_at, found
    return found
