import pytest

from notices.services import deal_with
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_a_message_is_dealt_with_once_and_the_first_person_stays_its_reader():
    row, _ = make.affected()
    message = make.answer(row)
    assert deal_with(message, actor="staff:cleo", now=NOW)
    assert not deal_with(message, actor="staff:otto", now=NOW)
    assert (message.seen_at, message.seen_by) == (NOW, "staff:cleo")
    event = assert_event("inboundmessage.dealt_with", message, actor="staff:cleo", kind="answer")
    assert event.stream == row.stream
