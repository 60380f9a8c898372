"""How the simulated subscribers behave: what they read, when they answer, what stands in their way."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

CLASSES = (("standard", 0.46), ("finance", 0.28), ("government", 0.17), ("critical", 0.09))

TRAITS = (
    ("prompt", 0.33),
    ("slow", 0.19),
    ("contact gone", 0.13),
    ("on vacation", 0.10),
    ("change window", 0.07),
    ("wildcard on many systems", 0.04),
    ("reads only texts", 0.03),
    ("silent until called", 0.05),
    ("everybody gone", 0.02),
    ("never answers", 0.04),
)
"""Shares of the troubles that the incident report names. What they are short of 1 stays prompt."""

READS, BOUNCES, REFUSED, SILENT, AWAY = "reads", "bounces", "refused", "silent", "away"


@dataclass(slots=True)
class Person:
    """The people of one subscriber, as one: who reads mail there, and what they do when they have read it."""

    reference: str
    trait: str
    mailboxes: dict[str, str] = field(default_factory=dict)
    reads_after: float = 1.0
    works: list[tuple[float, float]] = field(default_factory=list)
    uploads: bool = False
    asks_hours_before_deadline: float | None = None
    keeps_office_hours: bool = True
    answers_phone: bool = False
    back_after_days: int | None = None
    """When a person on vacation is back; their mailbox answers by itself meanwhile."""
    substitute: str = ""
    pleads: bool = False
    """Writes back and asks for more time, which nobody can give."""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Person":
        """The person that `to_json` described."""
        return cls(**{**data, "works": [(each[0], each[1]) for each in data["works"]]})


def traits(count: int, chance: random.Random) -> Iterator[str]:
    """One trait for each of so many subscribers, in the shares of `TRAITS`, shuffled."""
    found = [name for name, share in TRAITS for _ in range(round(share * count))][:count]
    found += ["prompt"] * (count - len(found))
    chance.shuffle(found)
    return iter(found)


def person(reference: str, trait: str, addresses: list[str], phone: str, chance: random.Random) -> Person:
    """The behaviour of one subscriber; the first address is the primary contact's, the others the backups'."""
    made = Person(reference=reference, trait=trait, mailboxes=dict.fromkeys(addresses, READS))
    made.mailboxes[phone] = SILENT
    made.reads_after = round(chance.uniform(0.2, 6), 2)
    made.keeps_office_hours = chance.random() < 0.8  # noqa: PLR2004 - a share
    made.uploads = chance.random() < 0.5  # noqa: PLR2004 - a share
    made.works = [(round(chance.uniform(2, 26), 2), 1.0)]
    _BEHAVIOURS.get(trait, _prompt)(made, addresses, chance)
    return made


def _prompt(made: Person, addresses: list[str], chance: random.Random) -> None:
    return None


def _slow(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.reads_after = round(chance.uniform(10, 40), 2)
    made.works = [(round(chance.uniform(12, 34), 2), 0.5), (round(chance.uniform(36, 60), 2), 1.0)]


def _gone(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes[addresses[0]] = chance.choice((BOUNCES, REFUSED))
    made.works = [(round(chance.uniform(8, 40), 2), 1.0)]


def _vacation(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes[addresses[0]] = AWAY
    made.back_after_days = chance.randint(4, 21)
    made.substitute = addresses[1] if len(addresses) > 1 else ""
    made.works = [(round(chance.uniform(8, 44), 2), 1.0)]


def _change_window(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.asks_hours_before_deadline = round(chance.uniform(34, 70), 2)
    made.works = []
    made.pleads = chance.random() < 0.5  # noqa: PLR2004 - a share


def _only_texts(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes = {address: READS if address not in addresses else SILENT for address in made.mailboxes}
    made.works = [(round(chance.uniform(1, 8), 2), 1.0)]


def _wildcard(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.works = [(12.0, 0.25), (36.0, 0.5), (60.0, 0.75), (round(chance.uniform(80, 120), 2), 1.0)]


def _until_called(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes = dict.fromkeys(made.mailboxes, SILENT)
    made.answers_phone = True
    made.works = [(round(chance.uniform(3, 24), 2), 1.0)]


def _everybody_gone(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes |= {address: chance.choice((BOUNCES, REFUSED)) for address in addresses}
    made.answers_phone = chance.random() < 0.5  # noqa: PLR2004 - a share


def _never(made: Person, addresses: list[str], chance: random.Random) -> None:
    made.mailboxes = dict.fromkeys(made.mailboxes, SILENT)
    made.works = []


_BEHAVIOURS = {
    "prompt": _prompt,
    "slow": _slow,
    "contact gone": _gone,
    "on vacation": _vacation,
    "change window": _change_window,
    "wildcard on many systems": _wildcard,
    "reads only texts": _only_texts,
    "silent until called": _until_called,
    "everybody gone": _everybody_gone,
    "never answers": _never,
}
