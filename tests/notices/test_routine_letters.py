"""The routine letters of the register: the yearly question, its reminders, and commitments that end."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from audit.models import Event
from core.due import claim
from notices import tasks
from notices.models import Letter
from notices.services import remind_commitments, send_letters, write_check_letters
from subscribers.links import contact_url
from subscribers.models import CheckRound, Commitment, ContactCheck, Subscriber
from subscribers.services import give_commitment, mark_contact_bounced, mark_contact_left, start_round, verify_contact
from tests import make
from tests.conftest import NOW, FrozenClock
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = "staff:olga"
DAY = timedelta(days=1)


@pytest.fixture
def bank() -> Subscriber:
    found = make.subscriber("Example Bank", contacts=1, time_zone="Asia/Shanghai")
    make.certificate(found, fields={"not_after": NOW + timedelta(days=90)})
    return found


@pytest.fixture
def round_of(bank: Subscriber) -> CheckRound:
    return start_round("2024", whom="all", days=1, actor=ACTOR, now=NOW)


def letters() -> list[Letter]:
    return list(Letter.objects.order_by("pk"))


def test_the_question_is_written_with_the_link_of_the_contact(
    bank: Subscriber, round_of: CheckRound, frozen_clock: FrozenClock
):
    tasks.write_letters()
    (letter,) = letters()
    contact = bank.contacts.get()
    assert (letter.kind, letter.number, letter.address) == ("contact_check", 0, contact.email)
    assert (letter.state, letter.due_at) == ("queued", NOW)
    assert contact_url(contact) in letter.body_text
    assert "Example Bank" in letter.subject
    check = round_of.checks.get()
    assert (check.asked, check.due_at) == (1, NOW + 14 * DAY)
    event = Event.objects.get(verb="letter.written")
    assert (event.stream, event.facts["contact"]) == ("register", contact.pk)


def test_two_reminders_follow_and_then_silence(bank: Subscriber, round_of: CheckRound, frozen_clock: FrozenClock):
    for day in range(60):
        frozen_clock.now = NOW + day * DAY
        tasks.write_letters()
    assert [(each.number, each.written_at - NOW) for each in letters()] == [(0, 0 * DAY), (1, 14 * DAY), (2, 28 * DAY)]
    assert letters()[1].subject.startswith("Reminder")
    check = round_of.checks.get()
    assert (check.asked, check.due_at, check.answer) == (3, None, "")
    round_of.refresh_from_db()
    assert round_of.ended_at == NOW + 43 * DAY


@pytest.mark.parametrize("how", ["verified", "left", "bounced"])
def test_nobody_is_reminded_who_has_answered_or_cannot_be_reached(
    bank: Subscriber, round_of: CheckRound, frozen_clock: FrozenClock, how: str
):
    tasks.write_letters()
    contact = bank.contacts.get()
    if how == "verified":
        verify_contact(contact, actor=ACTOR, now=NOW)
    elif how == "left":
        mark_contact_left(contact, actor=ACTOR, now=NOW)
    else:
        mark_contact_bounced(contact, note="550", actor=ACTOR, now=NOW)
    frozen_clock.move(20 * DAY)
    tasks.write_letters()
    assert len(letters()) == 1
    assert round_of.checks.get().due_at is None


def test_an_answer_while_the_letter_is_written_stands(bank: Subscriber, round_of: CheckRound):
    taken = claim(ContactCheck.objects.to_write(), now=NOW, limit=10)
    verify_contact(bank.contacts.get(), actor=ACTOR, now=NOW)
    assert write_check_letters(taken, now=NOW) == []
    check = round_of.checks.get()
    assert (check.answer, check.due_at, check.asked) == ("still", None, 0)


def test_a_lost_claim_writes_no_second_letter(bank: Subscriber, round_of: CheckRound):
    taken = claim(ContactCheck.objects.to_write(), now=NOW, limit=10)
    again = claim(ContactCheck.objects.to_write(), now=NOW + DAY, limit=10)
    assert len(write_check_letters(again, now=NOW + DAY)) == 1
    assert write_check_letters(taken, now=NOW + DAY) == []
    assert len(letters()) == 1


def test_a_commitment_is_asked_for_again_before_it_ends(bank: Subscriber):
    given = give_commitment(bank, window=timedelta(hours=24), given_by="CISO", actor=ACTOR, now=NOW - 365 * DAY)
    ends = given.valid_until
    for day in range(-90, 10):
        remind_commitments(now=ends + day * DAY)
    assert [(each.number, (ends - each.written_at).days) for each in letters()] == [(0, 60), (1, 14)]
    assert letters()[0].kind == "commitment_reminder"
    assert "24 hours" in letters()[0].subject
    given.refresh_from_db()
    assert given.reminded_at == ends - 14 * DAY


def test_a_commitment_that_was_given_anew_is_not_asked_for(bank: Subscriber):
    old = give_commitment(bank, window=timedelta(days=5), given_by="CISO", actor=ACTOR, now=NOW - 360 * DAY)
    give_commitment(bank, window=timedelta(hours=24), given_by="CISO", actor=ACTOR, now=NOW)
    assert remind_commitments(now=old.valid_until - DAY) == []


def test_a_slower_word_replaces_no_faster_one(bank: Subscriber):
    fast = give_commitment(bank, window=timedelta(hours=24), given_by="CISO", actor=ACTOR, now=NOW - 360 * DAY)
    give_commitment(bank, window=timedelta(days=5), given_by="CISO", actor=ACTOR, now=NOW)
    assert [each.commitment for each in remind_commitments(now=fast.valid_until - DAY)] == [fast]


def test_a_commitment_that_was_made_longer_is_asked_for_once_more(bank: Subscriber):
    given = give_commitment(bank, window=timedelta(days=5), given_by="CISO", actor=ACTOR, now=NOW - 360 * DAY)
    assert len(remind_commitments(now=NOW)) == 1
    Commitment.objects.update(valid_until=given.valid_until + 365 * DAY)
    assert remind_commitments(now=NOW + DAY) == []
    assert len(remind_commitments(now=given.valid_until + 310 * DAY)) == 1
    assert [each.number for each in letters()] == [0, 1]


def test_nobody_is_asked_where_no_letter_arrives(bank: Subscriber):
    mark_contact_bounced(bank.contacts.get(), note="550", actor=ACTOR, now=NOW)
    given = give_commitment(bank, window=timedelta(days=5), given_by="CISO", actor=ACTOR, now=NOW - 360 * DAY)
    assert remind_commitments(now=NOW) == []
    given.refresh_from_db()
    assert given.reminded_at is None


def test_a_round_goes_out_by_hand_and_an_address_that_is_refused_marks_the_contact(
    bank: Subscriber, frozen_clock: FrozenClock, sink: Sink
):
    gone = make.contact(bank, rank=1)
    sink.replies[gone.email] = "550 5.1.1 no such person"
    start_round("2024", whom="all", days=1, actor=ACTOR, now=NOW - DAY)
    call_command("send_due")
    assert not Letter.objects.exists()
    call_command("send_due", "--commit")
    assert sink.recipients == [bank.contacts.get(rank=0).email]
    assert sorted(each.state for each in letters()) == ["refused", "sent"]
    gone.refresh_from_db()
    assert gone.bounced_at is not None


def test_no_letter_goes_ahead_of_a_notice_that_is_due(bank: Subscriber, frozen_clock: FrozenClock, sink: Sink):
    start_round("2024", whom="all", days=1, actor=ACTOR, now=NOW)
    tasks.write_letters()
    make.running_campaign([make.certificate()])
    tasks.escalate()
    tasks.send_letters()
    assert sink.received == []
    tasks.send()
    tasks.send_letters()
    assert [str(each["Subject"]).startswith("Are you still") for each in sink.received] == [False, True]


def test_a_question_that_was_answered_meanwhile_is_not_sent(bank: Subscriber, round_of: CheckRound, sink: Sink):
    taken = claim(ContactCheck.objects.to_write(), now=NOW, limit=10)
    write_check_letters(taken, now=NOW)
    verify_contact(bank.contacts.get(), actor=ACTOR, now=NOW)
    assert send_letters(claim(Letter.objects.sendable(), now=NOW, limit=10), now=NOW) == 0
    assert sink.received == []
    assert letters()[0].state == "withdrawn"
    facts = Event.objects.get(verb="letter.withdrawn").facts
    assert facts["reason"] == "The contact has answered meanwhile."
