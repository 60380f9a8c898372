"""Entries of a scope file to certificates of the register: by fingerprint, or by issuer and serial number (R13)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Malformed
from subscribers.certificates import parse_issuer
from subscribers.models import Certificate, Issuer
from subscribers.scope_lines import ScopeEntry


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a scope; `error` says why it cannot be read."""

    line: int
    text: str
    key: int | None = None
    """The certificate's own key, where it was chosen in the register."""
    fingerprint_sha256: str = ""
    issuers: tuple[str, ...] = ()
    """What the line calls its issuer: name, key identifier, subject; none for the default issuer."""
    serial_number: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of an entry: its certificate, or a note why there is none."""

    entry: Entry
    certificate: Certificate | None
    note: str = ""


def from_file(entry: ScopeEntry) -> Entry:
    """An entry as a file has it; a certificate itself is known by issuer and serial number, then by fingerprint."""
    parsed = entry.certificate
    return Entry(
        line=entry.line,
        text=entry.text,
        fingerprint_sha256=entry.fingerprint_sha256,
        issuers=(parsed.issuer_key, parsed.issuer_subject) if parsed else tuple(filter(None, [entry.issuer])),
        serial_number=entry.serial_number,
        error=entry.error,
    )


class Resolver:
    """Looks up batches of entries, by one query for the fingerprints and one for each issuer's serial numbers."""

    def __init__(self, default_issuer: Issuer | None) -> None:
        self.default_issuer = default_issuer
        self.issuers: dict[str, Issuer] = {}
        for issuer in Issuer.objects.order_by("-pk"):
            self.issuers |= dict.fromkeys((_subject(issuer), issuer.name, issuer.key_id), issuer)

    def resolve(self, entries: Sequence[Entry]) -> list[Found]:
        """The certificates of these entries, in their order."""
        by_key = {row.pk: row for row in _rows(pk__in=[entry.key for entry in entries if entry.key is not None])}
        prints = [entry.fingerprint_sha256 for entry in entries if entry.fingerprint_sha256]
        by_print = {row.fingerprint_sha256: row for row in _rows(fingerprint_sha256__in=prints)}
        by_identity = self._by_identity(entries)
        found = []
        for entry in entries:
            issuer = self._issuer(entry)
            certificate = (
                by_key.get(entry.key or 0)
                or (issuer and by_identity.get((issuer.pk, entry.serial_number)))
                or by_print.get(entry.fingerprint_sha256)
            )
            found.append(Found(entry, certificate or None, "" if certificate else self._why(entry, issuer)))
        return found

    def _by_identity(self, entries: Sequence[Entry]) -> dict[tuple[int, str], Certificate]:
        serials: dict[int, set[str]] = defaultdict(set)
        for entry in entries:
            if entry.serial_number and (issuer := self._issuer(entry)):
                serials[issuer.pk].add(entry.serial_number)
        return {
            (issuer, row.serial_number): row
            for issuer, wanted in serials.items()
            for row in _rows(issuer=issuer, serial_number__in=wanted)
        }

    def _issuer(self, entry: Entry) -> Issuer | None:
        if not entry.issuers:
            return self.default_issuer
        return next((self.issuers[name] for name in entry.issuers if name in self.issuers), None)

    def _why(self, entry: Entry, issuer: Issuer | None) -> str:
        if entry.error:
            return entry.error
        if entry.fingerprint_sha256 and not entry.serial_number:
            return "The register has no certificate with this fingerprint."
        if entry.issuers and issuer is None:
            return f"The register has no issuer {entry.issuers[-1]}."
        if issuer is None:
            return "No issuer is given with this serial number, and there is no default issuer."
        return f"The register has no certificate of {issuer} with this serial number."


def in_batches(entries: Iterable[Entry], size: int) -> Iterable[list[Entry]]:
    """Entries in lists of at most `size`, read as they are needed."""
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows(**wanted: Any) -> list[Certificate]:
    values = next(value for name, value in wanted.items() if name.endswith("__in"))
    return list(Certificate.objects.filter(**wanted).defer("der", "names", "subject")) if values else []


def _subject(issuer: Issuer) -> str:
    try:
        return parse_issuer(issuer.certificate_pem).subject
    except Malformed:
        return issuer.name
