"""`verify_seals`, and the task that seals."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import Seal
from audit.services import SETTLING_TIME, record
from audit.tasks import seal
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def _sealed(frozen_clock: FrozenClock) -> None:
    """Three sealed events and a young one."""
    for number in range(3):
        record("test.happened", stream="test", actor="system", now=NOW, facts={"number": number})
    frozen_clock.move(SETTLING_TIME + timedelta(seconds=1))
    seal()
    record("test.happened", stream="test", actor="system", now=frozen_clock.now)


def told() -> str:
    out = StringIO()
    call_command("verify_seals", stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.usefixtures("_sealed")
def test_a_whole_journal_is_said_to_be_whole() -> None:
    assert Seal.objects.get().count == 3
    assert told() == "1 seals are whole; 1 events are too young for one.\n"


@pytest.mark.usefixtures("_sealed")
@pytest.mark.parametrize(
    "forgery", ["UPDATE audit_event SET actor = 'staff:eve' WHERE id = (SELECT MIN(id) FROM audit_event)",
                "DELETE FROM audit_event WHERE id = (SELECT MIN(id) FROM audit_event)"],
)  # fmt: skip
def test_a_journal_that_was_tampered_with_fails(forgery: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(forgery)
    with pytest.raises(CommandError, match="not what was sealed"):
        told()


def test_an_empty_journal_is_whole() -> None:
    assert told() == "0 seals are whole; 0 events are too young for one.\n"
