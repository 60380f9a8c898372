"""The plain text of a message: one line is one paragraph, and a few marks say what it is.

`# ` begins a heading, `- ` and `1. ` an item, two blanks what belongs to the item above, `> ` a quotation. The
same lines become the text that is sent, wrapped, and the HTML that repeats it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

WIDTH = 78
"""Columns of a line; a Chinese character takes two. A longer word, such as an address of a page, stays whole."""
MARK = re.compile(r"(# |- |\d{1,3}\. |> |  +)?(.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was written: its mark, `#`, `-`, `1.`, `>`, blank for what hangs below an item, or none."""

    mark: str
    text: str


def lines(source: str) -> Iterator[Line]:
    """The lines of a source; one that is empty has neither mark nor text."""
    for each in source.strip().splitlines():
        found = MARK.fullmatch(each.rstrip())
        mark, text = found.groups() if found else ("", each)
        yield Line("  " if mark and mark.isspace() else (mark or "").strip(), text.strip())


def as_text(source: str) -> str:
    """The document as it is sent: headings underlined, lines wrapped, never two empty lines in a row."""
    written = list[str]()
    for line in lines(source):
        if line.text or (written and written[-1]):
            written += _written(line)
    return "\n".join(written).strip() + "\n"


def columns(text: str) -> int:
    """How wide a text is where all characters have one width or two."""
    return len(text) if text.isascii() else sum(_width(each) for each in text)


def is_wide(character: str) -> bool:
    """Whether it is written without blanks around it, as Chinese is, and a line may end beside it."""
    return _width(character) > 1


def _written(line: Line) -> list[str]:
    if line.mark == "#":
        return [line.text, "-" * min(WIDTH, columns(line.text))]
    first = "  " if line.mark == ">" else f"{line.mark} " if line.mark.strip() else line.mark
    rest = " " * len(first)
    filled = wrapped(line.text, width=WIDTH - len(first))
    return [(rest if number else first) + each for number, each in enumerate(filled)]


@lru_cache(maxsize=2048)
def wrapped(text: str, *, width: int = WIDTH) -> tuple[str, ...]:
    """A paragraph as lines that are no wider than this; words are kept whole, Chinese is parted between characters."""
    filled, at = [""], 0
    for piece in _pieces(text):
        wide = columns(piece)
        if at and at + columns(piece.rstrip()) > width:
            filled[-1] = filled[-1].rstrip()
            filled.append("")
            at = 0
        filled[-1] += piece
        at += wide
    filled[-1] = filled[-1].rstrip()
    return tuple(filled)


def _pieces(text: str) -> Iterator[str]:
    """What must stay together: a word with the blank after it, a wide character with the marks that cling to it."""
    piece = ""
    for character in text:
        if piece and _may_part(piece[-1], character):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _may_part(before: str, after: str) -> bool:
    if before == " " or after == " ":
        return before == " " != after
    if not (is_wide(before) or is_wide(after)):
        return False
    return not (_opens(before) or _closes(after))


def _opens(character: str) -> bool:
    return unicodedata.category(character) in {"Ps", "Pi"}


def _closes(character: str) -> bool:
    return unicodedata.category(character) in {"Pe", "Pf", "Po"}


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
