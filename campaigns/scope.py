"""The canonical form of a scope: what a second person approves, and what differs between two versions."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

Identity = tuple[str, str]
"""The issuer's key identifier and the serial number, both in lower-case hex (R13)."""


class Digest:
    """SHA-256 over a line `key_id:serial` for each certificate, taken in by the order of key identifier and serial."""

    def __init__(self) -> None:
        self.count = 0
        self._running = sha256()
        self._before: Identity | None = None

    def add(self, identity: Identity) -> None:
        """Take in one more. Raises `ValueError` for one out of order and for one that comes twice."""
        if self._before is not None and identity <= self._before:
            raise ValueError(f"{identity[0]}:{identity[1]} comes after {self._before[0]}:{self._before[1]}.")
        self._running.update(f"{identity[0]}:{identity[1]}\n".encode())
        self._before = identity
        self.count += 1

    def through(self, identities: Iterable[Identity]) -> Iterator[Identity]:
        """The same identities, taken in as they pass by."""
        for identity in identities:
            self.add(identity)
            yield identity

    def hex(self) -> str:
        """The digest of what has been taken in, in hex."""
        return self._running.hexdigest()


def digest(identities: Iterable[Identity]) -> str:
    """SHA-256, in hex, over a line `key_id:serial` for each certificate, in order of key identifier and serial number.

    A collection is sorted here. An iterator is streamed and has to be sorted already, so that three million
    certificates need no memory. Raises `ValueError` for a stream out of order and for a certificate that comes twice.
    """
    found = Digest()
    for identity in sorted(identities) if isinstance(identities, Collection) else identities:
        found.add(identity)
    return found.hex()


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new version of a scope adds to an old one and leaves out of it, both in order."""

    added: list[Identity]
    removed: list[Identity]


def difference(old: Iterable[Identity], new: Iterable[Identity]) -> Difference:
    """What has to be added to and removed from the old scope to get the new one."""
    before, after = set(old), set(new)
    return Difference(added=sorted(after - before), removed=sorted(before - after))
