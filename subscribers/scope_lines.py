"""Which certificates a file names, one entry after the other: fingerprints, serial numbers or certificates themselves.

Nothing is dropped in silence: what cannot be read is an entry too. Whether the register has the certificate is not
known here. A text has one certificate a line: a SHA-256, or `issuer: serial number`, or a serial number of the issuer
that was chosen for the whole file. Serial numbers are hex; decimal ones stand in a column `serial_decimal`. Lines that
begin with # are comments.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from core.errors import Malformed
from subscribers import fields
from subscribers.certificates import ParsedCertificate, parse_pem
from subscribers.importing import Row, read
from subscribers.records import FINGERPRINT, ISSUER, PEM, SERIAL, SERIAL_DECIMAL, CertificateRecord, normal
from subscribers.sources import ROW_LIMIT, BadCells, Cells, Format, RowError, Source, cells, lines

SHOWN = 120
"""Characters of an entry that are kept to show it."""
COLUMNS = {
    name: column.name
    for column in (PEM, FINGERPRINT, ISSUER, SERIAL, SERIAL_DECIMAL)
    for name in (column.name, *column.also)
}
IDENTIFYING = {PEM.name, FINGERPRINT.name, SERIAL.name, SERIAL_DECIMAL.name}


class EntryKind(Enum):
    """How an entry names a certificate."""

    FINGERPRINT = "fingerprint"
    SERIAL = "serial"
    CERTIFICATE = "certificate"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ScopeEntry:
    """One entry of a scope file, with what stood there."""

    line: int
    text: str
    kind: EntryKind
    fingerprint_sha256: str = ""
    issuer: str = ""
    """Name, key identifier or subject, as given; empty where the file leaves it to the issuer that was chosen."""
    serial_number: str = ""
    certificate: ParsedCertificate | None = None
    error: str = ""


def read_scope(source: Source, *, limit: int = ROW_LIMIT) -> Iterator[ScopeEntry]:
    """The entries of a file, whatever its format."""
    try:
        found = source.format
    except Malformed as error:
        yield _unreadable(0, "", error)
        return
    if found in (Format.PEM, Format.DER):
        yield from _certificates(source, limit)
    elif found is Format.JSON:
        yield from _objects(source, limit)
    elif (header := _header(source)) is not None:
        yield from _table(source, limit, header)
    else:
        yield from _plain(source, limit)


def _certificates(source: Source, limit: int) -> Iterator[ScopeEntry]:
    for found in read(source, limit=limit):
        if isinstance(found, Row) and isinstance(found.record, CertificateRecord):
            certificate = found.record.certificate
            yield ScopeEntry(
                found.line, certificate.serial_number, EntryKind.CERTIFICATE, certificate=certificate,
                fingerprint_sha256=certificate.fingerprint_sha256, serial_number=certificate.serial_number,
            )  # fmt: skip
        elif isinstance(found, RowError):
            yield _unreadable(found.line, "", found.text)


def _header(source: Source) -> dict[int, str] | None:
    """Which columns stand where, if the first line of the text is a header that names certificates."""
    first = next((line for line in source.head.splitlines() if line.strip()), b"").decode("utf-8", "replace")
    separator = max(",;\t", key=first.count)
    titles = [normal(title.strip().strip('"')) for title in first.split(separator)]
    found = {at: COLUMNS[title] for at, title in enumerate(titles) if title in COLUMNS}
    return found if IDENTIFYING.intersection(found.values()) else None


def _table(source: Source, limit: int, header: dict[int, str]) -> Iterator[ScopeEntry]:
    if len(set(header.values())) != len(header):
        yield _unreadable(1, "", "A column is there twice.")
        return
    rows = cells(source, limit=limit)
    next(rows, None)
    for row in rows:
        if isinstance(row, BadCells):
            yield _unreadable(row.line, "", row.text)
        else:
            given = {name: row.cells[at].strip() for at, name in header.items() if at < len(row.cells)}
            yield _named(row.line, _shown(row), given)


def _objects(source: Source, limit: int) -> Iterator[ScopeEntry]:
    for line in lines(source, limit=limit):
        if isinstance(line, RowError):
            yield _unreadable(line.line, "", line.text)
            continue
        try:
            found = json.loads(line.text)
            members = {COLUMNS[title]: value for name, value in found.items() if (title := normal(name)) in COLUMNS}
        except (ValueError, RecursionError, AttributeError):
            yield _unreadable(line.number, line.text, "This line is not a JSON object.")
            continue
        yield _named(line.number, line.text, {name: str(value or "").strip() for name, value in members.items()})


def _named(line: int, text: str, given: dict[str, str]) -> ScopeEntry:
    """The entry of a row: the certificate itself if it is there, else its fingerprint, else its serial number."""
    try:
        if pem := given.get(PEM.name):
            return _held(line, text, pem)
        if fingerprint := given.get(FINGERPRINT.name):
            return ScopeEntry(line, _short(text), EntryKind.FINGERPRINT, fingerprint_sha256=fields.sha256(fingerprint))
        serial = _serial(given.get(SERIAL.name, ""), given.get(SERIAL_DECIMAL.name, ""))
    except Malformed as error:
        return _unreadable(line, text, error)
    return ScopeEntry(line, _short(text), EntryKind.SERIAL, issuer=given.get(ISSUER.name, ""), serial_number=serial)


def _held(line: int, text: str, pem: str) -> ScopeEntry:
    found = parse_pem(pem)
    return ScopeEntry(
        line, _short(text), EntryKind.CERTIFICATE, certificate=found,
        fingerprint_sha256=found.fingerprint_sha256, serial_number=found.serial_number,
    )  # fmt: skip


def _serial(in_hex: str, in_decimal: str) -> str:
    if not in_hex and not in_decimal:
        raise Malformed("This row names no certificate: neither a fingerprint nor a serial number.")
    found = {fields.serial_number(in_hex)} if in_hex else set()
    found |= {fields.serial_decimal(in_decimal)} if in_decimal else set()
    if len(found) > 1:
        raise Malformed("The decimal and the hex serial number of this row are two numbers.")
    return found.pop()


def _plain(source: Source, limit: int) -> Iterator[ScopeEntry]:
    for line in lines(source, limit=limit):
        if isinstance(line, RowError):
            yield _unreadable(line.line, "", line.text)
        elif not line.text.startswith("#"):
            yield _word(line.number, line.text)


def _word(line: int, text: str) -> ScopeEntry:
    """A line of a plain text. Colons may also stand between the octets of a number."""
    digits = text.lower().replace(":", "").replace(" ", "")
    try:
        if fields.HEX.fullmatch(digits) and len(digits) == fields.SHA256_DIGITS:
            return ScopeEntry(line, _short(text), EntryKind.FINGERPRINT, fingerprint_sha256=digits)
        issuer, serial = ("", text) if _is_number(text) else _split(text)
        return ScopeEntry(
            line, _short(text), EntryKind.SERIAL, issuer=issuer, serial_number=fields.serial_number(serial)
        )
    except Malformed as error:
        return _unreadable(line, text, error)


def _is_octet(text: str) -> bool:
    return len(text) <= 2 and bool(fields.HEX.fullmatch(text.lower()))  # noqa: PLR2004 - two hex digits


def _is_number(text: str) -> bool:
    return ":" not in text or all(_is_octet(octet) for octet in text.split(":"))


def _split(text: str) -> tuple[str, str]:
    """Issuer and serial number. Raises `Malformed` where a part may belong to either, as in `Our CA: CA:01`."""
    issuer, _, serial = (part.strip() for part in text.rpartition(":"))
    if _is_octet(issuer.rpartition(":")[2].strip()) and ":" in issuer:
        raise Malformed(
            "It is not clear where the issuer ends; write the serial number without colons, or use a table."
        )
    return issuer, serial


def _unreadable(line: int, text: str, error: object) -> ScopeEntry:
    return ScopeEntry(line, _short(text), EntryKind.UNREADABLE, error=str(error))


def _shown(row: Cells) -> str:
    return ", ".join(cell[:SHOWN] for cell in row.cells)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
