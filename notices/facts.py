"""What messages are about, before it is put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.rules import Rule, RulePack


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate as a notice lists it."""

    names: list[str]
    serial_number: str
    not_after: datetime
    publish_by: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """What a campaign is about, the same in all of its notices."""

    is_drill: bool
    pack: RulePack
    rule: Rule
    explanation: str
    explanation_url: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the subscriber whom the account manager may ring."""

    name: str
    email: str
    phone: str
    local_time: str
    note: str


@dataclass(frozen=True, slots=True)
class Account:
    """What one affected subscriber is told of its own; `deadline` is its earliest that is ahead."""

    subscriber: str
    reference: str
    outstanding: int
    confirmed: int
    deadline: datetime
    listed: Sequence[Listed]
    people: tuple[Person, ...] = ()
    console_url: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one address is told at one step, of one account or of several; `reminder` is 0 in the first notice.

    `because` says why this person is written to out of turn: `bounced`, `away`, `silent`, or nothing.
    """

    cause: Cause
    language: str
    time_zone: str
    deadline: datetime
    now: datetime
    reminder: int
    accounts: tuple[Account, ...]
    because: str = ""


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A certificate about which there is news; `what` is added, withdrawn, moved or revoked, `at` its moment."""

    names: list[str]
    serial_number: str
    at: datetime | None
    what: str


@dataclass(frozen=True, slots=True)
class NewsFacts:
    """What one contact is told has changed; `items` are the first of `count`."""

    cause: Cause
    language: str
    time_zone: str
    now: datetime
    kind: str
    subscriber: str
    reference: str
    items: Sequence[NewsItem]
    count: int
    outstanding: int
    deadline: datetime | None
