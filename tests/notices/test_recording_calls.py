import pytest

from core.errors import Refused
from notices.models import Call
from notices.services import record_call
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_a_call_is_kept_with_who_rang_whom_and_what_came_of_it():
    row, _ = make.affected()
    contact = row.subscriber.contacts.get(rank=0)
    call = record_call(row, contact=contact, outcome="reached", note=" will see to it ", actor="staff:cleo", now=NOW)
    assert (call.contact, call.outcome, call.note, call.called_by, call.at) == (
        contact,
        Call.Outcome.REACHED,
        "will see to it",
        "staff:cleo",
        NOW,
    )
    assert_event("call.recorded", call, actor="staff:cleo", outcome="reached", contact=contact.pk)


def test_reaching_somebody_is_no_acknowledgement():
    row, _ = make.affected()
    record_call(row, contact=None, outcome="reached", actor="staff:cleo", now=NOW)
    row.refresh_from_db()
    assert row.acknowledged_at is None


def test_a_wrong_number_is_noted():
    row, _ = make.affected()
    record_call(row, contact=row.subscriber.contacts.get(rank=1), outcome="wrong_number", actor="staff:cleo", now=NOW)
    assert Call.objects.get().get_outcome_display() == "wrong number"


def test_an_outcome_that_does_not_exist_is_refused():
    row, _ = make.affected()
    with pytest.raises(Refused, match="no outcome of a call"):
        record_call(row, contact=None, outcome="shouted", actor="staff:cleo", now=NOW)
    assert Call.objects.count() == 0


def test_a_contact_of_another_subscriber_is_refused():
    row, _ = make.affected()
    stranger = make.subscriber().contacts.get(rank=0)
    with pytest.raises(Refused, match="is not a contact of"):
        record_call(row, contact=stranger, outcome="reached", actor="staff:cleo", now=NOW)


def test_before_the_launch_there_is_nothing_to_call_about():
    row = make.campaign().affected_subscribers.get()
    with pytest.raises(Refused, match="launched"):
        record_call(row, contact=None, outcome="reached", actor="staff:cleo", now=NOW)
