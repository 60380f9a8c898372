from dataclasses import dataclass
from datetime import UTC, datetime

from notices.audience import addressed, next_in_line, reachable

THEN = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass
class Person:
    pk: int
    role: str = "backup"
    rank: int = 1
    email: str = "somebody@subscriber.example"
    bounced_at: datetime | None = None


PRIMARY = Person(1, role="primary", rank=0)
FIRST = Person(2, rank=1)
SECOND = Person(3, rank=2)


def test_a_step_for_the_primary_goes_to_the_primary_only():
    assert addressed([SECOND, FIRST, PRIMARY], "primary") == [PRIMARY]


def test_a_step_for_backups_goes_to_all_backups_by_rank():
    assert addressed([SECOND, PRIMARY, FIRST], "backups") == [FIRST, SECOND]


def test_a_step_for_all_goes_to_everybody_primary_first():
    assert addressed([SECOND, FIRST, PRIMARY], "all") == [PRIMARY, FIRST, SECOND]


def test_without_a_primary_the_first_backup_is_addressed():
    gone = Person(1, role="primary", rank=0, bounced_at=THEN)
    assert addressed([gone, SECOND, FIRST], "primary") == [FIRST]


def test_without_a_backup_the_primary_is_addressed_again():
    assert addressed([PRIMARY, Person(2, bounced_at=THEN)], "backups") == [PRIMARY]


def test_contacts_without_an_address_or_with_a_bounce_are_passed_over():
    contacts = [Person(1, role="primary", email=""), Person(2, bounced_at=THEN), SECOND]
    assert reachable(contacts) == [SECOND]
    assert addressed(contacts, "all") == [SECOND]


def test_nobody_is_addressed_when_nobody_can_be_reached():
    contacts = [Person(1, role="primary", bounced_at=THEN), Person(2, email="")]
    assert [addressed(contacts, audience) for audience in ("primary", "backups", "all")] == [[], [], []]


def test_the_next_in_line_is_the_first_who_has_not_been_told():
    assert next_in_line([SECOND, FIRST, PRIMARY], told={1}) == FIRST
    assert next_in_line([SECOND, FIRST, PRIMARY], told={1, 2}) == SECOND
    assert next_in_line([SECOND, FIRST, PRIMARY], told={1, 2, 3}) is None
