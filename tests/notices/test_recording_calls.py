from datetime import timedelta

import pytest

from audit.models import Event
from campaigns.services import mark_unreachable
from core.errors import Refused
from notices.models import Call, CallTurn
from notices.services import Agreed, record_call, take_turn
from subscribers.models import Contact
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
CLEO = "staff:cleo"


def test_a_call_is_kept_with_who_rang_whom_and_what_came_of_it():
    row, _ = make.affected()
    contact = row.subscriber.contacts.get(rank=0)
    call = record_call(row, contact=contact, outcome="reached", note=" will see to it ", actor=CLEO, now=NOW)
    kept = (call.contact, call.number, call.outcome, call.note, call.called_by, call.at)
    assert kept == (contact, contact.phone, Call.Outcome.REACHED, "will see to it", CLEO, NOW)
    assert_event("call.recorded", call, actor=CLEO, outcome="reached", contact=contact.pk, number=contact.phone)


@pytest.mark.parametrize("outcome", ["reached", "promised", "refuses"])
def test_a_subscriber_who_was_spoken_to_has_been_told_and_the_caller_is_the_witness(outcome: str):
    row, _ = make.affected()
    mark_unreachable(row, actor="system", now=NOW)
    contact = row.subscriber.contacts.get(rank=1)
    agreed = Agreed(promised_for=NOW + 9 * HOUR) if outcome == "promised" else Agreed()
    record_call(row, contact=contact, outcome=outcome, agreed=agreed, actor=CLEO, now=NOW)
    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledged_by, row.unreachable_since) == (NOW, contact, None)
    assert_event("affectedsubscriber.acknowledged", row, actor=CLEO, contact=contact.pk)
    assert_event("affectedsubscriber.reached", row, actor=CLEO)


@pytest.mark.parametrize("outcome", ["message_left", "no_answer", "wrong_number"])
def test_a_call_in_which_nobody_was_spoken_to_tells_nobody(outcome: str):
    row, _ = make.affected()
    mark_unreachable(row, actor="system", now=NOW)
    record_call(row, contact=row.subscriber.contacts.get(rank=0), outcome=outcome, actor=CLEO, now=NOW)
    row.refresh_from_db()
    assert (row.acknowledged_at, row.unreachable_since) == (None, NOW)
    assert_no_event("affectedsubscriber.acknowledged")


def test_reaching_the_account_manager_tells_the_subscriber_nothing():
    row, _ = make.affected()
    ours = make.contact(row.subscriber, rank=9, role=Contact.Role.ACCOUNT_MANAGER)
    record_call(row, contact=ours, outcome="reached", actor=CLEO, now=NOW)
    row.refresh_from_db()
    assert row.acknowledged_at is None


def test_somebody_who_is_in_no_list_may_answer_for_the_subscriber():
    row, _ = make.affected()
    record_call(row, contact=None, outcome="reached", note="The switchboard", actor=CLEO, now=NOW)
    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledged_by) == (NOW, None)


def test_a_promise_after_the_deadline_is_said_to_be_late_and_changes_no_deadline():
    row, [certificate] = make.affected()
    late = row.campaign.deadline + HOUR
    call = record_call(row, contact=None, outcome="promised", agreed=Agreed(late), actor=CLEO, now=NOW)
    assert_event("call.recorded", call, promised_for=late.isoformat(), is_after_the_deadline=True)
    certificate.refresh_from_db()
    assert certificate.publish_by == row.campaign.deadline


def test_the_rules_propose_the_next_call_and_the_caller_may_choose_another():
    row, _ = make.affected()
    proposed = record_call(row, contact=None, outcome="no_answer", actor=CLEO, now=NOW)
    assert proposed.next_at == NOW + HOUR
    chosen = record_call(
        row, contact=None, outcome="no_answer", agreed=Agreed(None, NOW + 5 * HOUR), actor=CLEO, now=NOW
    )
    assert chosen.next_at == NOW + 5 * HOUR
    assert record_call(row, contact=None, outcome="refuses", actor=CLEO, now=NOW).next_at is None


def test_writing_a_call_down_ends_the_callers_turn_and_no_other():
    row, _ = make.affected()
    take_turn(row.subscriber, actor="staff:otto", now=NOW)
    record_call(row, contact=None, outcome="no_answer", actor=CLEO, now=NOW)
    assert CallTurn.objects.get().until > NOW
    record_call(row, contact=None, outcome="no_answer", actor="staff:otto", now=NOW)
    assert CallTurn.objects.get().until == NOW


def test_a_call_after_the_end_of_the_campaign_is_a_fact_and_no_acknowledgement():
    row, _ = make.affected()
    row.campaign.state = "completed"
    record_call(row, contact=None, outcome="reached", actor=CLEO, now=NOW)
    row.refresh_from_db()
    assert row.acknowledged_at is None


@pytest.mark.parametrize(
    ("outcome", "agreed", "why"),
    [
        ("shouted", Agreed(), "no outcome of a call"),
        ("promised", Agreed(), "Say by when"),
        ("reached", Agreed(promised_for=NOW + HOUR), "belongs to a promise"),
        ("promised", Agreed(promised_for=NOW - HOUR), "a moment that has passed"),
        ("no_answer", Agreed(next_at=NOW - HOUR), "cannot be in the past"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(outcome: str, agreed: Agreed, why: str):
    row, _ = make.affected()
    before = Event.objects.count()
    with pytest.raises(Refused, match=why):
        record_call(row, contact=None, outcome=outcome, agreed=agreed, actor=CLEO, now=NOW)
    assert (Call.objects.count(), Event.objects.count()) == (0, before)


def test_a_contact_of_another_subscriber_is_refused():
    row, _ = make.affected()
    stranger = make.subscriber().contacts.get(rank=0)
    with pytest.raises(Refused, match="is not a contact of"):
        record_call(row, contact=stranger, outcome="reached", actor=CLEO, now=NOW)


def test_before_the_launch_there_is_nothing_to_call_about():
    row = make.campaign().affected_subscribers.get()
    with pytest.raises(Refused, match="launched"):
        record_call(row, contact=None, outcome="reached", actor=CLEO, now=NOW)


def test_a_wrong_number_stays_wrong_until_somebody_answers_there_after_all():
    row, _ = make.affected()
    contact = row.subscriber.contacts.get(rank=0)
    wrong = record_call(row, contact=contact, outcome="wrong_number", actor=CLEO, now=NOW)
    assert list(Call.objects.wrong()) == [wrong]
    record_call(row, contact=contact, outcome="no_answer", actor=CLEO, now=NOW)
    assert list(Call.objects.wrong()) == [wrong]
    record_call(row, contact=contact, outcome="reached", actor=CLEO, now=NOW)
    assert not Call.objects.wrong().exists()
