"""Files as the import sees them: opened once, read once, never held whole, with a digest and line numbers.

A file's format is seen from its content, never from its name. Whatever is wrong with one row becomes a `RowError`;
only a file that cannot be opened at all raises.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import Malformed

ROW_LIMIT = 1024 * 1024
"""Octets of one row, one JSON line or one PEM block; a longer one is an error, and is passed over unkept."""
HEAD = 64 * 1024
"""How far the recognition of a format looks."""
BLOCK = 256 * 1024
BOM = b"\xef\xbb\xbf"
DER_START = b"\x30"
ZIP_START = b"PK\x03\x04"
PEM_BEGIN, PEM_END = b"-----BEGIN ", b"-----END "

csv.field_size_limit(ROW_LIMIT)


class Format(Enum):
    """What a file turned out to be."""

    PEM = "PEM"
    DER = "DER"
    JSON = "JSON lines"
    TEXT = "text"
    SHEET = "sheet of a workbook"


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, and where; line 0 speaks of the whole file."""

    file: str
    line: int
    field: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.text}" if self.field else f"{where}: {self.text}"


class _Hashing(io.RawIOBase):
    """Passes a stream through and keeps the SHA-256 of all that went by."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.digest.update(data)
        self.position += len(data)
        return len(data)


class Source:
    """One file or upload to read from beginning to end."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.size = _size(stream)
        self._raw = _Hashing(stream)
        self.stream = io.BufferedReader(self._raw, BLOCK)
        self.head = self.stream.peek(HEAD)[:HEAD]
        if self.head.startswith(BOM):
            self.stream.read(len(BOM))
            self.head = self.head[len(BOM) :]

    @property
    def position(self) -> int:
        """How many octets have been read so far."""
        return self._raw.position

    @property
    def sha256(self) -> str:
        """The digest of what has been read: of the file, once it has been read to its end."""
        return self._raw.digest.hexdigest()

    @property
    def format(self) -> Format:
        """Seen from the first octets. Raises `Malformed` for what is certainly none of the formats."""
        if self.head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Malformed("This file is UTF-16; save it as UTF-8.")
        if self.head.startswith(ZIP_START):
            raise Malformed("This is a spreadsheet or an archive; save its sheets as CSV.")
        if self.head.startswith(DER_START) and _is_der(self.head):
            return Format.DER
        if b"\0" in self.head.partition(b"\n")[0]:
            raise Malformed("This is neither text nor a certificate.")
        if any(line.lstrip().startswith(PEM_BEGIN) for line in self.head.splitlines()):
            return Format.PEM
        return Format.JSON if self.head.lstrip().startswith(b"{") else Format.TEXT

    def error(self, line: int, field: str, text: object) -> RowError:
        """An error of this file."""
        return RowError(self.name, line, field, str(text))

    def drain(self) -> None:
        """Read what is left, so that the digest covers the whole file."""
        while self.stream.read(BLOCK):
            pass

    def close(self) -> None:
        """Close the file."""
        self._raw.stream.close()


def open_source(path: Path) -> Source:
    """Open a file. Raises `Malformed` if it is missing, a folder, or not readable."""
    try:
        if path.is_dir():
            raise IsADirectoryError
        return Source(path.open("rb"), str(path))
    except FileNotFoundError:
        raise Malformed("There is no such file.") from None
    except IsADirectoryError:
        raise Malformed("This is a folder; name the files in it.") from None
    except OSError as error:
        raise Malformed(f"This file cannot be read: {error.strerror}.") from None


def _size(stream: BinaryIO) -> int:
    if not stream.seekable():
        return 0
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def _is_der(head: bytes) -> bool:
    """A SEQUENCE with a length of one to four octets; a text that begins with the digit 0 has none after it."""
    return len(head) > 1 and (head[1] in range(0x81, 0x85) or (head[1] < 0x80 and len(head) == head[1] + 2))  # noqa: PLR2004


# Rows with separators (RFC 4180)


class _BadRow(Exception):
    """The row at hand cannot be read; the rest of it has been passed over."""


class _Lines:
    """The lines of a text for `csv.reader`, which asks for as many as a row needs; no row may outgrow the limit."""

    def __init__(self, source: Source, limit: int) -> None:
        self.source = source
        self.limit = limit
        self.number = 0
        self.begin()

    def begin(self) -> None:
        """The next line begins a row."""
        self.start = self.number + 1
        self.size = self.quotes = 0
        self.text = io.StringIO()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.source.stream.readline(self.limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.size += len(line)
        self.quotes += line.count(b'"')
        if self.size > self.limit:
            self._pass_over(line, self.limit)
            raise _BadRow(f"This cell makes the row longer than {self.limit:,} octets.")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            self._pass_over(line, error.start)
            raise _BadRow("This row is not UTF-8.") from None
        if "\0" in text:
            self._pass_over(line, line.index(b"\0"))
            raise _BadRow("This row holds a NUL character.")
        self.text.write(text)
        return text

    def _pass_over(self, line: bytes, at: int) -> None:
        """Keep the line as far as `at`, and nothing of what follows to the row's end: a line end outside quotes."""
        self.text.write(line[:at].decode("utf-8", "replace"))
        while not (line.endswith(b"\n") and self.quotes % 2 == 0):
            is_new = line.endswith(b"\n")
            line = self.source.stream.readline(self.limit + 1)
            if not line:
                return
            self.number += is_new
            self.quotes += line.count(b'"')


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table, as it stands there; the header is the first."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class BadCells:
    """A row that cannot be read, and in which column the trouble is, counted from 0."""

    line: int
    column: int
    text: str


def cells(source: Source, *, limit: int = ROW_LIMIT) -> Iterator[Cells | BadCells]:
    """The rows of a table with commas, semicolons or tabs; blank lines are passed over."""
    lines = _Lines(source, limit)
    separator = _separator(source.head)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (_BadRow, csv.Error) as error:
            yield BadCells(lines.start, _column(lines.text.getvalue(), separator), _sentence(error))
            continue
        if row:
            yield Cells(lines.start, row)


def _separator(head: bytes) -> str:
    first = next((line for line in head.splitlines() if line.strip()), b"").decode("utf-8", "replace")
    return max(",;\t", key=first.count)


def _column(text: str, separator: str) -> int:
    """The column in which a broken row breaks: where something follows a closing quote, or where the text ends."""
    column, is_quoted, is_closed = 0, False, False
    for character in text:
        if is_closed and character not in f'"{separator}\r\n':
            break
        if character == '"':
            is_closed, is_quoted = is_quoted, not is_quoted
        else:
            is_closed = False
            column += character == separator and not is_quoted
    return column


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"This row is not CSV: {text}."


# Lines, and PEM blocks (RFC 7468)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, stripped, with its number."""

    number: int
    text: str


def lines(source: Source, *, limit: int = ROW_LIMIT) -> Iterator[Line | RowError]:
    """The lines of a text that are not blank."""
    number = 0
    while line := source.stream.readline(limit + 1):
        number += 1
        if len(line) > limit:
            yield source.error(number, "", f"This line is longer than {limit:,} octets.")
            while line and not line.endswith(b"\n"):
                line = source.stream.readline(limit)
            continue
        try:
            if text := line.decode("utf-8").strip():
                yield Line(number, text)
        except UnicodeDecodeError:
            yield source.error(number, "", "This line is not UTF-8.")


@dataclass(frozen=True, slots=True)
class Block:
    """What a PEM block holds between its BEGIN and END lines, and the text before it."""

    line: int
    label: str
    before: bytes
    body: bytes


class _Blocks:
    """A window over a PEM file that slides from block to block and counts the lines left behind."""

    def __init__(self, source: Source, limit: int) -> None:
        self.source, self.limit = source, limit
        self.buffer = b""
        self.at = 0
        self.line = 1

    def more(self) -> bool:
        """Read on; False at the end of the file."""
        data = self.source.stream.read(BLOCK)
        self.buffer = self.buffer[self.at :] + data
        self.at = 0
        return bool(data)

    def go(self, to: int) -> None:
        """Leave behind what stands before `to`."""
        self.line += self.buffer.count(b"\n", self.at, to)
        self.at = to

    def find_begin(self) -> bytes | None:
        """Go to the next BEGIN line; the text before it, its end at least, or None when there is no further block."""
        before = b""
        while (found := self.buffer.find(PEM_BEGIN, self.at)) < 0:
            kept = max(self.at, len(self.buffer) - len(PEM_BEGIN))
            before = (before + self.buffer[self.at : kept])[-HEAD:]
            self.go(kept)
            if not self.more():
                return None
        before += self.buffer[self.at : found]
        self.go(found)
        return before

    def find_end(self) -> int:
        """Where the END line of the block at hand begins; -1 if another block, the limit or the file ends it first."""
        while (end := self.buffer.find(PEM_END, self.at)) < 0:
            if len(self.buffer) - self.at > self.limit or not self.more():
                break
        inner = self.buffer.find(PEM_BEGIN, self.at + 1, end if end >= 0 else len(self.buffer))
        return -1 if inner >= 0 or end - self.at > self.limit else end


def blocks(source: Source, *, limit: int = ROW_LIMIT) -> Iterator[Block | RowError]:
    """The PEM blocks of a file, with whatever text stands between them."""
    window = _Blocks(source, limit)
    while (before := window.find_begin()) is not None:
        line, end = window.line, window.find_end()
        if end < 0:
            yield source.error(
                line, "certificate", f"The PEM block has no END line, or is longer than {limit:,} octets."
            )
            window.go(window.at + 1)
            continue
        data = window.buffer[window.at : end]
        label, _, body = data[len(PEM_BEGIN) :].partition(b"-----")
        yield Block(line, label.decode("ascii", "replace"), before, body)
        window.go(end + len(PEM_END))
