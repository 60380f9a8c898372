"""A deadline can be moved earlier, never later."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.services import move_deadline_earlier
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
DEADLINE = NOW + 5 * DAY


def move(rows, to):
    return move_deadline_earlier(rows, to=to, actor=make.OPERATOR, now=NOW)


def test_one_second_earlier_is_taken():
    _, (row,) = make.affected()
    assert move([row], DEADLINE - SECOND) == [row]
    row.refresh_from_db()
    assert row.publish_by == DEADLINE - SECOND
    assert_event("affectedcertificate.deadline_moved", row, publish_by=(DEADLINE - SECOND).isoformat())


def test_the_same_moment_changes_nothing():
    _, (row,) = make.affected()
    assert move([row], DEADLINE) == []
    assert_no_event("affectedcertificate.deadline_moved")


def test_one_second_later_is_refused():
    _, (row,) = make.affected()
    with pytest.raises(Refused, match="only move earlier"):
        move([row], DEADLINE + SECOND)


def test_if_one_would_move_later_none_moves():
    _, (first, second) = make.affected(2)
    move([first], NOW + DAY)
    with pytest.raises(Refused, match="only move earlier"):
        move([first, second], NOW + 2 * DAY)
    second.refresh_from_db()
    assert second.publish_by == DEADLINE


def test_an_object_that_is_out_of_date_cannot_move_a_deadline_later():
    _, (row,) = make.affected()
    stale = AffectedCertificate.objects.get(pk=row.pk)
    move([row], NOW + DAY)
    with pytest.raises(Refused, match="only move earlier"):
        move([stale], NOW + 2 * DAY)


def test_before_the_launch_there_is_no_deadline_to_move():
    make.campaign()
    with pytest.raises(Refused, match="not been launched"):
        move([AffectedCertificate.objects.get()], NOW)


def test_an_earlier_deadline_brings_the_next_notice_forward():
    affected, rows = make.affected(2)
    AffectedSubscriber.objects.update(next_step=1, due_at=NOW + DAY)
    move(rows[:1], NOW + DAY)
    affected.refresh_from_db()
    assert affected.due_at == NOW + DAY * 0.2


def test_those_who_have_answered_are_not_woken_by_an_earlier_deadline():
    affected, rows = make.affected()
    AffectedSubscriber.objects.update(due_at=None)
    move(rows, NOW + DAY)
    affected.refresh_from_db()
    assert affected.due_at is None


@pytest.mark.parametrize(("seconds", "is_late"), [(-1, False), (0, False), (1, True)])
def test_published_in_the_second_of_the_deadline_is_in_time(seconds, is_late):
    _, (row,) = make.affected()
    row.published_at = DEADLINE + seconds * SECOND
    assert row.is_late is is_late
