from datetime import UTC, datetime, timedelta

import pytest

from notices.callhours import is_open, may_ring, next_attempt, next_open
from tests.conftest import NOW

TUESDAY = NOW
"""Tuesday 19 March 2024, 08:30 UTC: 16:30 in Shanghai, 04:30 in New York."""
HOUR = timedelta(hours=1)
FAR = NOW + timedelta(days=5)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", True), ("Asia/Shanghai", True), ("America/New_York", False), ("Asia/Tokyo", True), ("Mars/Olympus", True)],
)
def test_office_hours_are_those_of_the_clock_on_their_wall(zone: str, expected: bool):
    assert is_open(TUESDAY, zone) is expected


@pytest.mark.parametrize(
    ("moment", "zone", "opens"),
    [
        (at(19, 8, 30), "UTC", at(19, 8, 30)),
        (at(19, 5), "UTC", at(19, 8)),
        (at(19, 18), "UTC", at(20, 8)),
        (at(22, 19), "UTC", at(25, 8)),
        (at(23, 10), "UTC", at(25, 8)),
        (at(24, 10), "UTC", at(25, 8)),
        (at(19, 10), "Asia/Shanghai", at(20, 0)),
        (at(29, 18), "Europe/Zurich", datetime(2024, 4, 1, 6, tzinfo=UTC)),
    ],
)
def test_the_office_opens_on_the_next_working_day_also_when_the_clocks_change(
    moment: datetime, zone: str, opens: datetime
):
    assert next_open(moment, zone) == opens


def test_shortly_before_the_deadline_any_hour_is_right():
    night = at(19, 23)
    assert not may_ring(night, "UTC", FAR)
    assert may_ring(night, "UTC", night + 4 * HOUR)
    assert may_ring(night, "UTC", night - HOUR)
    assert not may_ring(night, "UTC", None)


@pytest.mark.parametrize(
    ("outcome", "deadline", "expected"),
    [
        ("no_answer", FAR, NOW + HOUR),
        ("message_left", FAR, NOW + 2 * HOUR),
        ("no_answer", NOW + 4 * HOUR, NOW + HOUR / 2),
        ("no_answer", NOW + HOUR / 2, NOW + HOUR / 4),
        ("no_answer", NOW - HOUR, NOW + HOUR / 4),
        ("wrong_number", FAR, NOW),
        ("refuses", FAR, None),
        ("reached", NOW + 8 * HOUR, NOW + 4 * HOUR),
        ("reached", NOW + timedelta(days=2), NOW + timedelta(days=1)),
        ("reached", None, at(20, 8)),
    ],
)
def test_the_next_attempt_follows_from_the_outcome_and_the_time_left(
    outcome: str, deadline: datetime | None, expected: datetime | None
):
    assert next_attempt(outcome, zone_name="UTC", deadline=deadline, now=NOW) == expected


def test_the_next_attempt_waits_for_the_office_to_open():
    assert next_attempt("message_left", zone_name="Asia/Shanghai", deadline=FAR, now=NOW) == at(20, 0)


def test_when_the_office_opens_too_late_the_next_attempt_is_before_the_deadline():
    deadline = at(20, 2)
    assert next_attempt("message_left", zone_name="Asia/Shanghai", deadline=deadline, now=NOW) == at(19, 22)


def test_a_promise_is_looked_at_when_it_is_due():
    promised = NOW + 30 * HOUR
    found = next_attempt("promised", zone_name="UTC", deadline=FAR, promised_for=promised, now=NOW)
    assert found == promised
