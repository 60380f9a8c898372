from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from notices.ladder import Rungs, rungs

START = datetime(2024, 3, 19, 8, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
TIMES = [START, START + DAY, START + 2 * DAY]
DEADLINE = START + 3 * DAY


NEVER = (None, None, None)


def at(now: datetime, taken: int, lapses: Sequence[timedelta | None] = NEVER) -> Rungs:
    return rungs(TIMES, lapses=lapses, taken=taken, now=now, deadline=DEADLINE)


def test_the_first_step_is_due_at_the_launch():
    assert at(START, 0) == Rungs(due=(0,), following=1)


def test_a_step_is_due_from_its_second_on():
    assert at(START + DAY - SECOND, 1) == Rungs(following=1)
    assert at(START + DAY, 1) == Rungs(due=(1,), following=2)
    assert at(START + DAY + SECOND, 1) == Rungs(due=(1,), following=2)


def test_a_step_that_was_taken_is_not_due_again():
    assert at(START + DAY, 2) == Rungs(following=2)


def test_of_several_steps_whose_time_has_come_only_the_latest_is_due():
    assert at(START + 2 * DAY, 0) == Rungs(missed=(0, 1), due=(2,))


def test_a_step_that_may_still_be_caught_up_is_due_beside_the_later_one():
    lapses = (None, DAY, None)
    assert at(START + 2 * DAY, 0, lapses) == Rungs(missed=(0,), due=(1, 2))
    assert at(START + 2 * DAY + SECOND, 0, lapses) == Rungs(missed=(0,), lapsed=(1,), due=(2,))


def test_a_step_whose_sense_has_passed_does_not_go_out_although_nothing_later_is_due():
    lapses = (None, timedelta(hours=6), None)
    assert at(START + DAY + timedelta(hours=6), 1, lapses) == Rungs(due=(1,), following=2)
    assert at(START + DAY + timedelta(hours=6, seconds=1), 1, lapses) == Rungs(lapsed=(1,), following=2)


def test_after_the_last_step_nothing_follows():
    assert at(START + 2 * DAY, 3) == Rungs()


def test_a_step_never_goes_out_at_or_after_the_deadline():
    assert at(DEADLINE - SECOND, 2).due == (2,)
    assert at(DEADLINE, 2) == Rungs(missed=(2,))
    assert at(DEADLINE + SECOND, 0, (None, 9 * DAY, 9 * DAY)) == Rungs(missed=(0, 1, 2))


def test_a_step_that_would_fall_after_an_earlier_deadline_does_not_follow():
    early = START + DAY
    assert rungs([START, START + DAY], lapses=NEVER, taken=1, now=START, deadline=early).following is None
