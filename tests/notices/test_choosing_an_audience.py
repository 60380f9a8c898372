from dataclasses import dataclass
from datetime import UTC, datetime

from notices.audience import addressed, managers, next_in_line, reachable, ways

THEN = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass
class Person:
    pk: int
    role: str = "backup"
    rank: int = 1
    email: str = "somebody@subscriber.example"
    bounced_at: datetime | None = None
    left_at: datetime | None = None
    phone: str = ""

    def address_for(self, channel: str) -> str:
        return {"mail": "" if self.bounced_at else self.email, "sms": self.phone}.get(channel, "")


PRIMARY = Person(1, role="primary", rank=0)
FIRST = Person(2, rank=1)
SECOND = Person(3, rank=2)
MANAGER = Person(4, role="account_manager", rank=0, email="manager@ca.example")


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


def test_the_next_backup_is_the_first_by_rank_who_has_been_told_nothing():
    contacts = [SECOND, FIRST, PRIMARY]
    assert addressed(contacts, "next_backup", told={1}) == [FIRST]
    assert addressed(contacts, "next_backup", told={1, 2}) == [SECOND]


def test_when_every_backup_has_been_told_the_step_for_the_next_one_reminds_them():
    assert addressed([SECOND, FIRST, PRIMARY], "next_backup", told={1, 2, 3}) == [FIRST, SECOND]
    assert addressed([PRIMARY], "next_backup", told={1}) == [PRIMARY]


def test_the_account_manager_is_addressed_by_steps_of_its_own_only():
    contacts = [MANAGER, PRIMARY]
    assert addressed(contacts, "account_manager") == [MANAGER]
    assert addressed(contacts, "all") == [PRIMARY]
    assert addressed([MANAGER], "primary") == []
    assert next_in_line(contacts, told={1}) is None
    assert (reachable([MANAGER]), managers([MANAGER])) == ([], [MANAGER])


def test_without_an_account_manager_a_step_for_it_is_for_nobody():
    assert addressed([PRIMARY, FIRST], "account_manager") == []


def test_somebody_who_has_left_is_addressed_by_no_step():
    gone = Person(1, role="primary", rank=0, left_at=THEN)
    assert [addressed([gone, FIRST], audience) for audience in ("primary", "all")] == [[FIRST], [FIRST]]
    assert addressed([Person(4, role="account_manager", left_at=THEN)], "account_manager") == []


def test_who_has_no_mail_is_addressed_by_a_step_that_may_use_the_telephone():
    mobile = Person(1, role="primary", rank=0, email="", phone="+41 79 000 0000")
    assert addressed([mobile, FIRST], "primary") == [FIRST]
    assert addressed([mobile, FIRST], "primary", channels=("mail", "sms")) == [mobile]


def test_a_contact_is_told_by_its_first_channel_or_by_every_one():
    both = Person(1, phone="+41 79 000 0000")
    mail, sms = ("mail", both.email), ("sms", both.phone)
    assert ways(both, ("mail", "sms")) == [mail]
    assert ways(both, ("sms", "mail")) == [sms]
    assert ways(both, ("mail", "sms", "chat"), on_every_channel=True) == [mail, sms]
    assert ways(Person(1, bounced_at=THEN, phone="+1"), ("mail", "sms")) == [("sms", "+1")]
    assert ways(PRIMARY, ("voice",)) == []
