"""When things have to happen, to the second."""

from datetime import timedelta

import pytest

from campaigns.models import Audience
from campaigns.plan import (
    AUDIENCES,
    StepPlan,
    check_ladder,
    default_ladder,
    last_safe_start,
    lead,
    pace,
    step_times,
)
from core.errors import Refused
from tests.conftest import NOW

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def test_the_ladder_of_a_24_hour_window_falls_on_whole_hours():
    ladder = default_ladder(DAY)
    times = step_times(ladder, start=NOW, deadline=NOW + DAY)
    assert [time - NOW for time in times] == [0 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, 22 * HOUR]


def test_the_ladder_of_a_5_day_window_falls_on_whole_days_and_6_hours_before_the_end():
    ladder = default_ladder(5 * DAY)
    times = step_times(ladder, start=NOW, deadline=NOW + 5 * DAY)
    assert [time - NOW for time in times] == [0 * DAY, 1 * DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY - 6 * HOUR]


@pytest.mark.parametrize(("window", "second_step"), [(DAY, 2 / 24), (DAY + SECOND, 0.2)])
def test_the_tight_ladder_is_for_windows_of_at_most_24_hours(window, second_step):
    assert default_ladder(window)[1].share == second_step


@pytest.mark.parametrize("window", [DAY, 5 * DAY])
def test_the_ladder_begins_with_the_primary_contact_and_brings_the_backups_in_next(window):
    assert [step.audience for step in default_ladder(window)] == ["primary", "backups", "all", "all", "all", "all"]
    check_ladder(default_ladder(window))


def test_a_late_launch_presses_the_steps_together_in_what_is_left():
    assert step_times([StepPlan(0, "all"), StepPlan(0.5, "all")], start=NOW, deadline=NOW + HOUR) == [
        NOW,
        NOW + 30 * MINUTE,
    ]


def test_steps_of_a_deadline_that_has_passed_are_all_due_at_once():
    assert step_times(
        [StepPlan(0, "all"), StepPlan(0.5, "all"), StepPlan(0.9, "all")], start=NOW, deadline=NOW - HOUR
    ) == [NOW, NOW, NOW]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], "at least one"),
        ([StepPlan(1, "all")], "before 1"),
        ([StepPlan(-0.1, "all")], "0 or later"),
        ([StepPlan(float("nan"), "all")], "0 or later"),
        ([StepPlan(0.5, "all"), StepPlan(0.5, "all")], "not later"),
        ([StepPlan(0.5, "all"), StepPlan(0.2, "all")], "not later"),
        ([StepPlan(0, "everybody")], "everybody"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(steps, why):
    with pytest.raises(Refused, match=why):
        check_ladder(steps)


def test_the_plan_knows_the_same_audiences_as_the_models():
    assert set(AUDIENCES) == set(Audience.values)


def test_the_lead_is_the_backlog_and_a_crl_for_each_canary_and_the_rest_and_the_margin():
    found = lead(2098, per_second=1.0, crl_interval=15 * MINUTE, margin=2 * HOUR)
    assert found == 2098 * SECOND + 3 * 15 * MINUTE + 2 * HOUR


def test_the_lead_without_canaries_waits_for_one_crl():
    assert lead(0, per_second=1.0, crl_interval=HOUR, margin=MINUTE, canaries=0) == HOUR + MINUTE


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_at_which_nothing_gets_done_is_refused(rate):
    with pytest.raises(Refused, match="never ends"):
        lead(1, per_second=rate, crl_interval=HOUR, margin=HOUR)


def test_the_last_safe_start_is_the_lead_before_the_deadline():
    found = last_safe_start(NOW, 36000, per_second=10, crl_interval=HOUR, margin=2 * HOUR)
    assert found == NOW - 6 * HOUR


@pytest.mark.parametrize(
    ("at", "may_remain"),
    [(-HOUR, 1000), (0 * HOUR, 1000), (SECOND, 1000 - 1000 / 86400), (12 * HOUR, 500), (DAY, 0), (DAY + SECOND, 0)],
)
def test_the_pace_falls_from_all_at_the_start_to_none_at_the_deadline(at, may_remain):
    assert pace(1000, start=NOW, deadline=NOW + DAY, at=NOW + at) == pytest.approx(may_remain)


def test_the_pace_of_a_deadline_before_the_start_allows_nothing():
    assert pace(1000, start=NOW, deadline=NOW - DAY, at=NOW) == 0
