"""The census: could we tell the subscribers if it happened now? By class and by risk class; all of it adds up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from core.figures import iso
from reports.parts import check_sum
from subscribers.census import (
    GROUPS,
    RISKS,
    group_of,
    is_sound,
    of_group,
    of_risk,
    reachable_and_sound,
    risks,
    valid_certificates,
    with_certificates,
)
from subscribers.models import CheckRound, Contact, Subscriber, SubscriberClass

STEP = 2000
ROUNDS = 5
HEAD = (
    "reference", "name", "class", "group", "risk", "valid_certificates", "reachable_contacts", "verified_contacts",
    "last_verified_at",
)  # fmt: skip


@dataclass(slots=True)
class Cell:
    """Some subscribers and the valid certificates that they hold."""

    subscribers: int = 0
    certificates: int = 0

    def add(self, certificates: int) -> None:
        """One more subscriber."""
        self.subscribers += 1
        self.certificates += certificates


@dataclass(slots=True)
class Line:
    """One class of subscribers, or one risk class, by group."""

    key: str
    label: str
    cells: dict[str, Cell] = field(default_factory=lambda: {group: Cell() for group in GROUPS})

    @property
    def subscribers(self) -> int:
        """All subscribers of the line."""
        return sum(cell.subscribers for cell in self.cells.values())

    @property
    def certificates(self) -> int:
        """All valid certificates of the line."""
        return sum(cell.certificates for cell in self.cells.values())

    def as_json(self) -> dict[str, object]:
        """The same as a mapping."""
        return {
            "subscribers": self.subscribers,
            "certificates": self.certificates,
            **{
                group: {"subscribers": cell.subscribers, "certificates": cell.certificates}
                for group, cell in self.cells.items()
            },
        }


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """What came of one round; the parts of `contacts` add up."""

    round: CheckRound
    contacts: int
    still: int
    left: int
    bounced: int
    waiting: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Census:
    """The state of the register's contacts at a moment; subscribers without a valid certificate are left out."""

    at: datetime
    total: Line
    by_class: list[Line]
    by_risk: list[Line]
    without_subscriber: int
    """Valid certificates of which the register does not know whose they are."""
    rounds: list[RoundFigures]

    @property
    def certificates(self) -> int:
        """All valid certificates of the register."""
        return self.total.certificates + self.without_subscriber

    @property
    def ready(self) -> int:
        """Valid certificates whose subscriber has two or more sound contacts."""
        return self.total.cells["ready"].certificates

    def as_json(self) -> dict[str, object]:
        """The same for other programs."""
        return {
            "at": iso(self.at),
            "certificates": self.certificates,
            "ready": self.ready,
            "share": round(self.ready / self.certificates, 4) if self.certificates else None,
            "without_subscriber": self.without_subscriber,
            "total": self.total.as_json(),
            "by_class": {line.key: line.as_json() for line in self.by_class},
            "by_risk": {line.key: line.as_json() for line in self.by_risk},
        }


def census(*, now: datetime) -> Census:
    """Count the register. Three grouped queries and one walk over the subscribers, whatever the number of certificates.

    Raises `DoesNotAddUp` if a sum that must hold does not.
    """
    rows = valid_certificates(now).order_by().values_list("subscriber")
    held: dict[int | None, int] = dict(rows.annotate(Count("pk")).iterator(STEP))
    contacts, risk = reachable_and_sound(now), risks(now)
    total = Line("", "all")
    by_class = {str(value): Line(str(value), str(label)) for value, label in SubscriberClass.choices}
    by_risk = {key: Line(key, label) for key, label in RISKS.items()}
    for key, subscriber_class in Subscriber.objects.order_by().values_list("pk", "subscriber_class").iterator(STEP):
        if count := held.get(key):
            group = group_of(*contacts.get(key, (0, 0)))
            for line in (total, by_class[subscriber_class], by_risk[risk.get(key, "none")]):
                line.cells[group].add(count)
    without = held.get(None, 0)
    check_sum("valid certificates", sum(held.values()), (total.certificates, without))
    for lines in (by_class, by_risk):
        check_sum("certificates by line", total.certificates, tuple(line.certificates for line in lines.values()))
        check_sum("subscribers by line", total.subscribers, tuple(line.subscribers for line in lines.values()))
    return Census(now, total, [*by_class.values()], [*by_risk.values()], without, round_figures())


def round_figures() -> list[RoundFigures]:
    """The last rounds, and what came of each."""
    unanswered = Q(checks__answered_at=None)
    bounced = unanswered & Q(checks__contact__bounced_at__isnull=False)
    waiting = unanswered & Q(checks__contact__bounced_at=None, checks__due_at__isnull=False)
    rows = CheckRound.objects.order_by("-pk").annotate(
        contacts=Count("checks"),
        still=Count("checks", filter=Q(checks__answer="still")),
        left=Count("checks", filter=Q(checks__answer="left")),
        bounced=Count("checks", filter=bounced),
        waiting=Count("checks", filter=waiting),
        unanswered=Count("checks", filter=unanswered & Q(checks__contact__bounced_at=None, checks__due_at=None)),
    )
    found = []
    for row in rows[:ROUNDS]:
        parts = (row.still, row.left, row.bounced, row.waiting, row.unanswered)
        check_sum(str(row), row.contacts, parts)
        found.append(RoundFigures(row, row.contacts, *parts))
    return found


@dataclass(frozen=True, slots=True)
class Choice:
    """Which subscribers a list shows; empty means all."""

    group: str = ""
    risk: str = ""
    subscriber_class: str = ""
    search: str = ""


def subscribers(choice: Choice, *, now: datetime) -> QuerySet[Subscriber]:
    """The subscribers behind a number of the census. Raises `KeyError` for a group or a risk that there is none of."""
    rows = with_certificates(Subscriber.objects.all(), now=now)
    if choice.group:
        rows = of_group(rows, choice.group, now=now)
    if choice.risk:
        rows = of_risk(rows, choice.risk, now=now)
    if choice.subscriber_class:
        rows = rows.filter(subscriber_class=choice.subscriber_class)
    if choice.search:
        rows = rows.filter(Q(name__icontains=choice.search) | Q(reference__iexact=choice.search))
    return rows


@dataclass(frozen=True, slots=True)
class Entry:
    """One subscriber of a list."""

    subscriber: Subscriber
    group: str
    risk: str
    certificates: int
    reachable: int
    sound: int
    verified_at: datetime | None

    @property
    def cells(self) -> list[str]:
        """The same as a row of a table."""
        row = self.subscriber
        return [
            row.reference, row.name, row.subscriber_class, self.group, self.risk, str(self.certificates),
            str(self.reachable), str(self.sound), iso(self.verified_at),
        ]  # fmt: skip


def entries(rows: list[Subscriber], *, now: datetime) -> list[Entry]:
    """What a list says of some subscribers, by three queries."""
    keys = [row.pk for row in rows]
    held = valid_certificates(now).filter(subscriber__in=keys).order_by().values_list("subscriber")
    certificates = dict(held.annotate(Count("pk")))
    own = Contact.objects.reachable().filter(subscriber__in=keys).order_by().values_list("subscriber")
    counted = own.annotate(reachable=Count("pk"), sound=Count("pk", filter=is_sound(now)), latest=Max("verified_at"))
    contacts = {key: (reachable, sound, latest) for key, reachable, sound, latest in counted}
    risk = risks(now, subscribers=keys)
    found = []
    for row in rows:
        reachable, sound, latest = contacts.get(row.pk, (0, 0, None))
        group, own_risk = group_of(reachable, sound), risk.get(row.pk, "none")
        found.append(Entry(row, group, own_risk, certificates.get(row.pk, 0), reachable, sound, latest))
    return found


def all_entries(rows: QuerySet[Subscriber], *, now: datetime) -> Iterator[list[str]]:
    """The rows of a whole list, a batch at a time, for a file."""
    after = 0
    while batch := list(rows.filter(pk__gt=after).order_by("pk")[:STEP]):
        after = batch[-1].pk
        yield from (entry.cells for entry in entries(batch, now=now))
