"""Files of any format to typed records, one after the other, with the file and line of everything that is wrong.

Nothing here raises for a bad row: it comes out as a `RowError` between the good ones. Whether a subscriber or an issuer
that a record names exists is not known here; the register says that.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Malformed
from subscribers.certificates import decode_pem, parse_der
from subscribers.exporting import bare
from subscribers.records import (
    BY_NAME,
    CA_CERTIFICATE,
    KINDS,
    CertificateRecord,
    FieldError,
    Kind,
    Record,
    normal,
)
from subscribers.sources import (
    ROW_LIMIT,
    BadCells,
    Block,
    Cells,
    Format,
    RowError,
    Source,
    blocks,
    cells,
    lines,
)
from subscribers.workbooks import Sheet

SUBSCRIBER_LINE = re.compile(rb"^[ \t#]*Subscriber:[ \t]*(\S[^\r\n]{0,200}?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
REFERENCE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Row:
    """A record and the line it begins on."""

    line: int
    record: Record


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is no error and should not go unsaid."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


Read = Row | RowError | Remark


def read(source: Source, *, limit: int = ROW_LIMIT) -> Iterator[Read]:
    """The records of a file, whatever its format."""
    try:
        found = source.format
    except Malformed as error:
        yield source.error(0, "", error)
        return
    yield from _READERS[found](source, limit)


# Certificates themselves


def _read_der(source: Source, limit: int) -> Iterator[Read]:
    data = source.stream.read(limit + 1)
    if len(data) > limit:
        yield source.error(1, "certificate", f"This is longer than {limit:,} octets.")
        return
    yield _certificate(source, 1, lambda: data, None)


def _read_pem(source: Source, limit: int) -> Iterator[Read]:
    """Each block; a line `Subscriber: <reference>` before it says whose it is."""
    is_empty = True
    for block in blocks(source, limit=limit):
        is_empty = False
        yield block if isinstance(block, RowError) else _read_block(source, block)
    if is_empty:
        yield source.error(0, "", "There is no PEM block in this file.")


def _read_block(source: Source, block: Block) -> Read:
    if block.label not in CERTIFICATE_LABELS:
        hint = " A private key does not belong into any file of the register." if "PRIVATE KEY" in block.label else ""
        return source.error(block.line, "certificate", f"This PEM block is a {block.label}, not a CERTIFICATE.{hint}")
    whose = SUBSCRIBER_LINE.findall(block.before)
    reference = whose[-1].decode("utf-8", "replace") if whose else None
    if reference and len(reference) > REFERENCE_LENGTH:
        return source.error(block.line, "subscriber", f"is longer than {REFERENCE_LENGTH} characters.")
    return _certificate(source, block.line, lambda: decode_pem(block.body), reference)


def _certificate(source: Source, line: int, der: Callable[[], bytes], subscriber: str | None) -> Row | RowError:
    try:
        found = parse_der(der())
    except Malformed as error:
        return source.error(line, "certificate", error)
    if found.is_ca:
        return source.error(line, "certificate", CA_CERTIFICATE)
    return Row(line, CertificateRecord(found, subscriber))


# Tables


def _read_table(source: Source, limit: int) -> Iterator[Read]:
    return _read_rows(source, cells(source, limit=limit))


def _read_sheet(source: Source, limit: int) -> Iterator[Read]:
    if not isinstance(source, Sheet):
        raise TypeError(source)
    return _read_rows(source, source.rows(limit=limit))


def _read_rows(source: Source, rows: Iterator[Cells | BadCells]) -> Iterator[Read]:
    header = next(rows, None)
    if not isinstance(header, Cells):
        yield source.error(header.line if header else 0, "", header.text if header else "This file is empty.")
        return
    try:
        kind, found = recognise(header.cells, KINDS)
    except Malformed as error:
        yield source.error(header.line, "", error)
        return
    if unused := _unused(header.cells, found):
        yield Remark(source.name, header.line, f"Columns of this table of {kind.name}s that are not used: {unused}.")
    for row in rows:
        if isinstance(row, BadCells):
            field = header.cells[row.column] if row.column < len(header.cells) else ""
            yield source.error(row.line, normal(field), row.text)
        elif len(row.cells) != len(header.cells):
            yield source.error(row.line, "", f"This row has {len(row.cells)} cells, the header {len(header.cells)}.")
        else:
            yield from _record(source, row.line, kind, {name: bare(row.cells[at]) for name, at in found.items()})


def recognise(header: Sequence[str], kinds: Sequence[Kind]) -> tuple[Kind, dict[str, int]]:
    """The kind of record that a header describes, and where its columns are. Raises `Malformed` if it fits none."""
    found = [(kind, kind.recognise(header)) for kind in kinds]
    for kind, columns in found:
        if not kind.missing(columns):
            return kind, columns
    kind, columns = max(found, key=lambda each: (len(each[1]), -len(each[0].missing(each[1]))))
    if not columns:
        raise Malformed(
            "This is neither PEM, DER nor JSON, and its first line names no known column; "
            "a table begins with the names of its columns."
        )
    raise Malformed(f"This looks like a table of {kind.name}s, but has no column {', '.join(kind.missing(columns))}.")


def _unused(header: Sequence[str], found: dict[str, int]) -> str:
    return ", ".join(title.strip() or "(no name)" for at, title in enumerate(header) if at not in found.values())


def _record(source: Source, line: int, kind: Kind, texts: dict[str, str]) -> Iterator[Read]:
    """The record of a row, or everything that is wrong with it."""
    values: dict[str, Any] = {}
    errors: list[RowError] = []
    for column in kind.columns:
        if text := texts.get(column.name, "").strip():
            try:
                values[column.name] = column.convert(text)
            except Malformed as error:
                errors.append(source.error(line, column.name, error))
    seen = {*values, *(error.field for error in errors)}
    errors += [source.error(line, name, "is empty.") for name in kind.missing(seen)]
    if not errors:
        try:
            yield Row(line, kind.make(**values))
        except FieldError as error:
            errors.append(source.error(line, error.field, error))
    yield from errors


# JSON, one object a line


def _read_json(source: Source, limit: int) -> Iterator[Read]:
    known: dict[tuple[str, ...], tuple[Kind, dict[str, int]]] = {}
    for line in lines(source, limit=limit):
        if isinstance(line, RowError):
            yield line
            continue
        try:
            texts = _object(line.text)
            shape = (texts.get("kind", ""), *texts)
            if shape not in known:
                known[shape] = _shape(texts)
                if unused := _unused([*texts], {**known[shape][1], "kind": [*texts, "kind"].index("kind")}):
                    yield Remark(source.name, line.number, f"Members that are not used: {unused}.")
        except Malformed as error:
            yield source.error(line.number, "", error)
            continue
        kind, found = known[shape]
        given = [*texts.values()]
        yield from _record(source, line.number, kind, {name: given[at] for name, at in found.items()})


def _object(text: str) -> dict[str, str]:
    """The members of a JSON object, all as texts: a number or a list as it is spelled in JSON, null as nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"This line is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Malformed("This line is not a JSON object.")
    texts = {}
    for name, value in found.items():
        texts[name] = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        if "\0" in texts[name]:
            raise Malformed(f"The member {name} holds a NUL character.")
    return texts


def _shape(texts: dict[str, str]) -> tuple[Kind, dict[str, int]]:
    name = texts.get("kind", "")
    if name and name not in BY_NAME:
        raise Malformed(f"The kind {name!r} is none of {', '.join(BY_NAME)}.")
    return recognise([*texts], [kind for kind in KINDS if name in ("", kind.name)])


_READERS: dict[Format, Callable[[Source, int], Iterator[Read]]] = {
    Format.DER: _read_der,
    Format.PEM: _read_pem,
    Format.JSON: _read_json,
    Format.TEXT: _read_table,
    Format.SHEET: _read_sheet,
}
