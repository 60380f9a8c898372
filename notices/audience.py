"""Whom a step addresses, and by which channels: pure rules about a subscriber's contacts."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

PRIMARY = "primary"
NEXT_BACKUP = "next_backup"
BACKUPS = "backups"
ALL = "all"
ACCOUNT_MANAGER = "account_manager"
MAIL = ("mail",)


class Addressee(Protocol):
    """What the rules need to know of a contact; the primary has the role `primary`, backups follow by rank."""

    @property
    def pk(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def left_at(self) -> datetime | None: ...
    def address_for(self, channel: str) -> str:
        """Where a message on a channel goes; empty for nowhere."""


Contact = TypeVar("Contact", bound=Addressee)


def reachable(contacts: Iterable[Contact], *, channels: Collection[str] = MAIL) -> list[Contact]:
    """The subscriber's own people who can be told by one of the channels: the primary first, then backups by rank."""
    return [each for each in _told_by(contacts, channels) if each.role != ACCOUNT_MANAGER]


def managers(contacts: Iterable[Contact], *, channels: Collection[str] = MAIL) -> list[Contact]:
    """The CA's own people for this subscriber who can be told by one of the channels."""
    return [each for each in _told_by(contacts, channels) if each.role == ACCOUNT_MANAGER]


def addressed(
    contacts: Iterable[Contact], audience: str, *, channels: Collection[str] = MAIL, told: Collection[int] = ()
) -> list[Contact]:
    """Who gets the notice of a step, `told` being those who have been told anything; nobody may mean unreachable.

    A step for the primary goes to the first backup when there is no primary left, and a step for backups goes to the
    primary when there is no backup left: a step is never silent while somebody can be reached (R25). Where every
    backup has been told already, a step for the next one reminds them all.
    """
    known = list(contacts)
    if audience == ACCOUNT_MANAGER:
        return managers(known, channels=channels)[:1]
    line = reachable(known, channels=channels)
    primaries = [each for each in line if each.role == PRIMARY]
    backups = [each for each in line if each.role != PRIMARY]
    if audience == PRIMARY:
        return primaries or backups[:1]
    if audience == NEXT_BACKUP:
        return [each for each in backups if each.pk not in told][:1] or backups or primaries
    if audience == BACKUPS:
        return backups or primaries
    return line


def next_in_line(
    contacts: Iterable[Contact], audience: str = ALL, *, told: Collection[int], channels: Collection[str] = MAIL
) -> Contact | None:
    """The first one who can be reached and has not been told yet, of the people a step is for; None for nobody."""
    line = managers if audience == ACCOUNT_MANAGER else reachable
    return next((each for each in line(contacts, channels=channels) if each.pk not in told), None)


def ways(contact: Addressee, channels: Sequence[str], *, on_every_channel: bool = False) -> list[tuple[str, str]]:
    """The channels by which a contact is told, with the addresses: the first one that it has, or all of them."""
    found = [(channel, address) for channel in channels if (address := contact.address_for(channel))]
    return found if on_every_channel else found[:1]


def _told_by(contacts: Iterable[Contact], channels: Collection[str]) -> list[Contact]:
    return sorted(
        (each for each in contacts if each.left_at is None and any(map(each.address_for, channels))),
        key=lambda each: (each.role != PRIMARY, each.rank, each.pk),
    )
