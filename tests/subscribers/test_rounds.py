"""Rounds in which contacts are asked whether they are still the right ones."""

from datetime import timedelta

import pytest

from core.errors import Refused
from subscribers.models import CheckRound, Contact, ContactCheck, Subscriber
from subscribers.services import (
    end_overdue_rounds,
    end_round,
    mark_contact_bounced,
    mark_contact_left,
    start_round,
    verify_contact,
)
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
ACTOR = "staff:olga"
YEAR = timedelta(days=365)


@pytest.fixture
def bank() -> Subscriber:
    return subscriber(subscriber_class="finance")


def subscriber(contacts: int = 2, **fields: str) -> Subscriber:
    """A subscriber with a valid certificate."""
    found = make.subscriber(contacts=contacts, **fields)
    make.certificate(found, fields={"not_after": NOW + timedelta(days=90)})
    return found


def start(**more: object) -> CheckRound:
    return start_round("2024", **{"whom": "all", "actor": ACTOR, "now": NOW, **more})  # type: ignore[arg-type]


def asked(of: CheckRound) -> set[Contact]:
    return {check.contact for check in of.checks.select_related("contact")}


def test_the_letters_of_a_round_are_spread_over_its_days(bank: Subscriber):
    others = [subscriber() for _ in range(4)]
    found = start(days=5)
    dues = sorted(found.checks.values_list("due_at", flat=True))
    assert dues == [NOW + timedelta(hours=12) * place for place in range(10)]
    assert found.answer_by == NOW + timedelta(days=47)
    assert asked(found) == {contact for each in (bank, *others) for contact in each.contacts.all()}
    assert assert_event("checkround.started", actor=ACTOR).facts["contacts"] == 10


def test_nobody_is_asked_whom_no_letter_reaches_or_who_has_left(bank: Subscriber):
    first, second = bank.contacts.all()
    mark_contact_bounced(first, note="550", actor=ACTOR, now=NOW)
    mark_contact_left(second, actor=ACTOR, now=NOW)
    make.contact(bank, rank=2, role=Contact.Role.ACCOUNT_MANAGER)
    make.contact(bank, rank=3, email="")
    with pytest.raises(Refused, match="nobody to ask"):
        start()
    assert not CheckRound.objects.exists()


def test_nobody_is_asked_about_certificates_that_are_gone():
    make.certificate(make.subscriber(), fields={"not_after": NOW - timedelta(seconds=1)})
    make.certificate(make.subscriber(), fields={"not_after": NOW + YEAR, "revoked_at": NOW})
    make.subscriber()
    with pytest.raises(Refused):
        start()


def test_a_round_for_stale_contacts_leaves_out_whoever_was_verified_lately(bank: Subscriber):
    first, second = bank.contacts.all()
    verify_contact(first, actor=ACTOR, now=NOW - YEAR)
    verify_contact(second, actor=ACTOR, now=NOW - YEAR - timedelta(seconds=1))
    assert asked(start(whom="stale")) == {second}


def test_a_round_can_be_for_one_class(bank: Subscriber):
    subscriber()
    assert asked(start(subscriber_class="finance")) == set(bank.contacts.all())


def test_nobody_is_asked_by_two_rounds_at_once(bank: Subscriber):
    first = start()
    with pytest.raises(Refused):
        start()
    verify_contact(bank.contacts.get(rank=0), actor=ACTOR, now=NOW)
    again = start()
    assert asked(again) == {bank.contacts.get(rank=0)}
    end_round(first, actor=ACTOR, now=NOW)
    assert asked(start()) == {bank.contacts.get(rank=1)}


@pytest.mark.parametrize(
    "wrong",
    [{"whom": "nobody"}, {"subscriber_class": "x"}, {"days": 0}, {"days": 61}],
    ids=lambda each: next(iter(each)),
)
def test_a_round_that_makes_no_sense_is_refused(bank: Subscriber, wrong: dict[str, object]):
    with pytest.raises(Refused):
        start(**wrong)
    assert not CheckRound.objects.exists()


def test_a_round_ends_when_its_time_has_passed(bank: Subscriber):
    found = start()
    assert end_overdue_rounds(actor="system", now=found.answer_by - timedelta(seconds=1)) == 0
    assert end_overdue_rounds(actor="system", now=found.answer_by) == 1
    found.refresh_from_db()
    assert found.ended_at == found.answer_by
    assert not ContactCheck.objects.exclude(due_at=None).exists()
    assert assert_event("checkround.ended", actor="system").facts["unanswered"] == 2
    assert not end_round(found, actor=ACTOR, now=NOW)
