"""Whom a step addresses: pure rules about a subscriber's contacts."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

PRIMARY = "primary"
BACKUPS = "backups"
ALL = "all"


class Addressee(Protocol):
    """What the rules need to know of a contact; the primary has the role `primary`, backups follow by rank."""

    @property
    def pk(self) -> int: ...
    @property
    def email(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def bounced_at(self) -> datetime | None: ...


Contact = TypeVar("Contact", bound=Addressee)


def reachable(contacts: Iterable[Contact]) -> list[Contact]:
    """Those to whom mail can still be sent: the primary first, then the backups by rank."""
    return sorted(
        (each for each in contacts if each.email and each.bounced_at is None),
        key=lambda each: (each.role != PRIMARY, each.rank, each.pk),
    )


def addressed(contacts: Iterable[Contact], audience: str) -> list[Contact]:
    """Who gets the notice of a step; nobody means that the subscriber is unreachable.

    A step for the primary goes to the first backup when there is no primary left, and a step for backups goes to the
    primary when there is no backup left: a step is never silent while somebody can be reached (R25).
    """
    line = reachable(contacts)
    primaries = [each for each in line if each.role == PRIMARY]
    backups = [each for each in line if each.role != PRIMARY]
    if audience == PRIMARY:
        return primaries or backups[:1]
    if audience == BACKUPS:
        return backups or primaries
    return line


def next_in_line(contacts: Iterable[Contact], *, told: Collection[int]) -> Contact | None:
    """The first reachable contact who has not been told yet; None when there is none."""
    return next((each for each in reachable(contacts) if each.pk not in told), None)
