"""The canonical form of a scope: what a second person approves, and what differs between two versions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256

Identity = tuple[str, str]
"""The issuer's key identifier and the serial number, both in lower-case hex (R13)."""


def digest(identities: Iterable[Identity]) -> str:
    """SHA-256, in hex, over a line `key_id:serial` for each certificate, in order of key identifier and serial number.

    A collection is sorted here. An iterator is streamed and has to be sorted already, so that three million
    certificates need no memory. Raises `ValueError` for a stream out of order and for a certificate that comes twice.
    """
    running = sha256()
    before: Identity | None = None
    for identity in sorted(identities) if isinstance(identities, Collection) else identities:
        if before is not None and identity <= before:
            raise ValueError(f"{identity[0]}:{identity[1]} comes after {before[0]}:{before[1]}.")
        running.update(f"{identity[0]}:{identity[1]}\n".encode())
        before = identity
    return running.hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new version of a scope adds to an old one and leaves out of it, both in order."""

    added: list[Identity]
    removed: list[Identity]


def difference(old: Iterable[Identity], new: Iterable[Identity]) -> Difference:
    """What has to be added to and removed from the old scope to get the new one."""
    before, after = set(old), set(new)
    return Difference(added=sorted(after - before), removed=sorted(before - after))
