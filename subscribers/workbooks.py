"""Workbooks (XLSX) as the import sees them: each sheet is a table of its own, read row by row; no formula is reckoned.

A workbook is an archive, and may be made to burst: what it unpacks to is limited before anything is unpacked.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from openpyxl import load_workbook

from core.errors import Malformed
from subscribers.sources import ROW_LIMIT, ZIP_START, BadCells, Cells, Format, Source, open_source

MOST_OCTETS = 25 * 1024 * 1024
"""Of a workbook as it comes."""
MOST_UNPACKED = 1024 * 1024 * 1024
MOST_TEXTS = 200 * 1024 * 1024
"""Of the list of texts, which is held in memory."""
MOST_PARTS = 2000
MOST_ROWS = 1_048_576
MOST_COLUMNS = 200
TEXTS = "xl/sharedStrings.xml"


class Sheet(Source):
    """One sheet of a workbook; the digest and the size are those of the workbook."""

    def __init__(self, whole: "_Whole", title: str) -> None:
        self._whole, self._title = whole, title
        self.name = f"{whole.name}[{title}]"
        self.size = whole.size

    @property
    def position(self) -> int:
        """A sheet is a part of its workbook; how far it has been read is not known."""
        return self.size

    @property
    def sha256(self) -> str:
        """The digest of the workbook."""
        return self._whole.sha256

    @property
    def format(self) -> Format:
        """A sheet, and nothing else."""
        return Format.SHEET

    def drain(self) -> None:
        """Nothing is left: the workbook was read when it was opened."""

    def close(self) -> None:
        """Close the workbook."""
        self._whole.close()

    def rows(self, *, limit: int = ROW_LIMIT) -> Iterator[Cells | BadCells]:
        """The rows that are not empty, as texts; those of the header's length, whatever the sheet adds behind it."""
        width = 0
        try:
            for line, row in enumerate(self._whole.book[self._title].iter_rows(max_col=MOST_COLUMNS + 1), 1):
                if line > MOST_ROWS:
                    yield BadCells(line, 0, f"This sheet has more than {MOST_ROWS:,} rows.")
                    return
                found = _texts(row, limit=limit) if any(cell.value is not None for cell in row) else None
                if isinstance(found, tuple):
                    yield BadCells(line, *found)
                elif found:
                    width = width or _width(found)
                    yield _fitted(line, found, width)
        except (ValueError, KeyError, TypeError, SyntaxError, zipfile.BadZipFile, EOFError, OSError) as error:
            yield BadCells(0, 0, f"This sheet cannot be read: {type(error).__name__}.")


class _Whole:
    """An open workbook; closed once."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the workbook
        shutil.copyfileobj(_Limited(source), self._file)
        self.size, self.sha256 = source.position, source.sha256
        source.close()
        try:
            self.book: Any = _opened(self._file)
        except Malformed:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        self.book.close()
        self._file.close()


class _Limited:
    """A source that refuses to be longer than a workbook may be."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def read(self, size: int = -1) -> bytes:
        """Some octets. Raises `Malformed` beyond the limit."""
        if self.source.position > MOST_OCTETS:
            self.source.close()
            raise Malformed(f"This workbook is larger than {MOST_OCTETS // 1024 // 1024} MB; use CSV.")
        return self.source.stream.read(size)


def open_sources(path: Path, name: str = "") -> Sequence[Source]:
    """Open a file, or all sheets of a workbook that are not empty. Raises `Malformed` if it cannot be read."""
    source = open_source(path)
    source.name = name or source.name
    if not source.head.startswith(ZIP_START):
        return [source]
    whole = _Whole(source)
    sheets = [Sheet(whole, each.title) for each in whole.book.worksheets if _has_rows(each)]
    if not sheets:
        whole.close()
        raise Malformed("This workbook has no sheet with anything in it.")
    return sheets


def _has_rows(sheet: Any) -> bool:
    """Whether anything stands near the top of a sheet; one that cannot be read has to be told of, and is kept."""
    try:
        return any(any(row) for row in sheet.iter_rows(max_row=100, max_col=MOST_COLUMNS, values_only=True))
    except Exception:  # noqa: BLE001 - whatever a broken archive makes of its reader
        return True


def _opened(file: IO[bytes]) -> Any:
    """A workbook; raises `Malformed` for an archive that is none, that bursts, or that holds what XML should not."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            texts = max((part.file_size for part in parts if part.filename == TEXTS), default=0)
            if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or texts > MOST_TEXTS:
                raise Malformed("This workbook unpacks to more than can be taken; use CSV.")
        return load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except Malformed:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a broken archive makes of its reader
        raise Malformed(f"This is an archive, but no workbook that can be read ({type(error).__name__}).") from None


def _texts(row: Sequence[Any], *, limit: int) -> list[str] | tuple[int, str]:
    """The cells of a row as texts; or the column and the trouble."""
    found, size = [], 0
    for place, cell in enumerate(row):
        if cell.data_type == "f":
            return place, "holds a formula; only values are taken."
        if cell.data_type == "e":
            return place, f"holds the error {cell.value}."
        text = _text(cell.value)
        size += len(text)
        if size > limit:
            return place, f"makes the row longer than {limit:,} characters."
        found.append(text)
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _width(header: list[str]) -> int:
    """How many columns have a name."""
    return max((place for place, name in enumerate(header, 1) if name.strip()), default=0)


def _fitted(line: int, found: list[str], width: int) -> Cells | BadCells:
    if width > MOST_COLUMNS:
        return BadCells(line, MOST_COLUMNS, f"This sheet has more than {MOST_COLUMNS} columns.")
    if any(each.strip() for each in found[width:]):
        return BadCells(line, width, "This row has more cells than the header.")
    return Cells(line, (found + [""] * width)[:width])
