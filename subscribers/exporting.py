"""Tables for people and other programs, as CSV or XLSX, written as they are read; no cell can be taken for a formula.

A cell that begins like a formula gets an apostrophe, and one that begins with apostrophes before such a sign one more;
the import takes one away, so what was exported comes back as it was.
"""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

FORMULA = re.compile(r"'*[=+\-@\t\r]")
SHIELDED = re.compile(r"'+[=+\-@\t\r]")
ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What XML cannot hold."""
BLOCK = 64 * 1024
CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Table = tuple[Sequence[str], Iterable[Sequence[str]]]
"""The names of the columns, and the rows."""


def shielded(cell: str) -> str:
    """A cell that no program takes for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def bare(cell: str) -> str:
    """A cell as it was before it was shielded."""
    return cell[1:] if cell[:1] == "'" and SHIELDED.match(cell) else cell


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(table: Table) -> Iterator[str]:
    """A table as CSV, line by line."""
    head, rows = table
    writer = csv.writer(_Echo())
    yield writer.writerow(head)
    for cells in rows:
        yield writer.writerow([shielded(cell) for cell in cells])


def xlsx_blocks(sheets: Mapping[str, Table]) -> Iterator[bytes]:
    """A workbook with a sheet for each table; it is made in a file of its own, since a ZIP archive ends with its index.

    Every cell is a text: nothing is turned into a number or a date on its way.
    """
    book = Workbook(write_only=True)
    for title, (head, rows) in sheets.items():
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        first = [WriteOnlyCell(sheet, name) for name in head]
        for cell in first:
            cell.font = Font(bold=True)
        sheet.append(first)
        for cells in rows:
            sheet.append([_text(sheet, cell) for cell in cells])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        yield from _blocks(file)


def _text(sheet: Any, value: str) -> Any:
    # What the import would take for a shield needs one; a formula needs none, since the cell is a text.
    text = f"'{value}" if SHIELDED.match(value) else value
    cell = WriteOnlyCell(sheet, ILLEGAL.sub("", text))
    # Without this a text that begins with = becomes a formula.
    cell.data_type = "s"
    return cell


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(BLOCK):
        yield block
