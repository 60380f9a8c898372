"""The catalogue of the subscribers' pages and of what messages say: `python -m tests.catalogue` brings it up to date.

What is marked in the code and in the templates is written into each `django.po`, translations are kept, and `django.mo`
is made from it. Both are committed, so that a site needs no tool for them.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from tests.architecture.source import ROOT

LOCALE = ROOT / "locale"
APPS = ("core", "campaigns", "subscribers", "notices")
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Stands in the headers, so that a catalogue changes only when its words do."""


def marked() -> Catalog:
    """Everything that is marked for translation, with the texts of the rules."""
    found = Catalog(creation_date=EPOCH, revision_date=EPOCH, fuzzy=False)
    for path, message, context in _messages():
        place = (path.relative_to(ROOT).as_posix(), 0)
        found.add(message, locations=[place], context=context)
    return found


def catalogues() -> list[Path]:
    """The catalogues that are shipped."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


def read(path: Path) -> Catalog:
    """A `django.po`."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def renew(path: Path) -> list[str]:
    """Bring a catalogue up to date; the messages that have no translation yet."""
    catalogue = read(path)
    catalogue.update(marked(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.msgid_bugs_address = "Recall", ""
    catalogue.last_translator = catalogue.language_team = "The maintainers of Recall"
    catalogue.creation_date = catalogue.revision_date = EPOCH
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_by_file=True, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
    return [str(each.id) for each in catalogue if each.id and not is_translated(each)]


def is_translated(message: Message) -> bool:
    """Whether all of its forms have words."""
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def _messages() -> Iterator[tuple[Path, str | tuple[str, ...], str | None]]:
    for path, code in _sources():
        for _line, message, _comments, context in extract("python", BytesIO(code.encode()), KEYWORDS):
            yield path, message, context
    for path in sorted((ROOT / "campaigns" / "rulepacks").glob("*.json")):
        pack = json.loads(path.read_text())
        yield path, pack["source"], None
        yield from ((path, rule["text"], None) for rule in pack["rules"])


def _sources() -> Iterator[tuple[Path, str]]:
    """Each file that may have marks, as Python."""
    code = [ROOT / "config" / "settings.py", *(path for app in APPS for path in (ROOT / app).rglob("*.py"))]
    for path in sorted(code):
        yield path, path.read_text()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield path, templatize(path.read_text())


if __name__ == "__main__":
    for each in catalogues():
        missing = renew(each)
        print(f"{each.relative_to(ROOT)}: {len(missing)} to be translated", *missing, sep="\n  ")  # noqa: T201
