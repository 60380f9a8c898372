"""The templates of messages: which there are, and in which languages. Text is Jinja, fenced in by `notices.fence`."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from django.conf import settings

FOLDER = settings.BASE_DIR / "templates" / "notices"
PARTS = ("subject", "body", "short")
STEPS = ("revocation", "account_manager")
"""What a step can name; the first is used where another is not known."""
NEWS = ("news_addition", "news_correction", "news_revoked")
LETTERS = ("contact_check", "commitment_reminder", "answer_received")
EVERYTHING = (*STEPS, *NEWS, *LETTERS)


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a template in one language, before anything is put in."""

    name: str
    language: str
    subject: str
    body: str
    short: str

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
    return Text(name, language, *((folder / f"{part}.txt").read_text().strip() for part in PARTS))


def in_force(name: str, language: str) -> Text:
    """The words of a template in a language, or in English where there are none in it."""
    found = shipped(name, language) or shipped(name, settings.LANGUAGE_CODE)
    if found is None:
        raise LookupError(f"There is no template {name!r}.")
    return found
