"""When things have to happen, to the second."""

from datetime import timedelta

import pytest

from campaigns.models import Audience
from campaigns.plan import (
    AUDIENCES,
    CHANNELS,
    StepPlan,
    check_ladder,
    default_ladder,
    ladder_problems,
    last_safe_start,
    lead,
    pace,
    step_times,
)
from core.errors import Refused
from subscribers.models import Channel
from tests.conftest import NOW

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def test_the_ladder_of_a_24_hour_window_falls_on_whole_hours():
    ladder = default_ladder(DAY)
    times = step_times(ladder, start=NOW, deadline=NOW + DAY)
    assert [time - NOW for time in times] == [each * HOUR for each in (0, 2, 4, 8, 10, 16, 22)]


def test_the_ladder_of_a_5_day_window_falls_on_half_days_and_6_hours_before_the_end():
    ladder = default_ladder(5 * DAY)
    times = step_times(ladder, start=NOW, deadline=NOW + 5 * DAY)
    assert [time - NOW for time in times] == [
        *(0 * DAY, 1 * DAY, 2 * DAY, 2.5 * DAY, 3 * DAY, 4 * DAY),
        5 * DAY - 6 * HOUR,
    ]


@pytest.mark.parametrize(("window", "second_step"), [(DAY, 2 / 24), (DAY + SECOND, 0.2)])
def test_the_tight_ladder_is_for_windows_of_at_most_24_hours(window, second_step):
    assert default_ladder(window)[1].share == second_step


@pytest.mark.parametrize(("window", "second"), [(DAY, "next_backup"), (5 * DAY, "backups")])
def test_the_shipped_ladders_begin_with_the_primary_and_bring_in_backups_and_then_the_account_manager(window, second):
    ladder = default_ladder(window)
    assert [step.audience for step in ladder] == ["primary", second, "all", "account_manager", "all", "all", "all"]
    assert all(step.on_every_channel for step in ladder[-2:])
    check_ladder(ladder, window=window)


def test_a_late_launch_presses_the_steps_together_in_what_is_left():
    assert step_times([StepPlan(0, "all"), StepPlan(0.5, "all")], start=NOW, deadline=NOW + HOUR) == [
        NOW,
        NOW + 30 * MINUTE,
    ]


def test_steps_of_a_deadline_that_has_passed_are_all_due_at_once():
    assert step_times(
        [StepPlan(0, "all"), StepPlan(0.5, "all"), StepPlan(0.9, "all")], start=NOW, deadline=NOW - HOUR
    ) == [NOW, NOW, NOW]


def test_a_step_before_the_deadline_keeps_its_distance_when_less_time_is_left():
    steps = [StepPlan(0, "all"), StepPlan(0.5, "all"), StepPlan(None, "all", before_deadline=2 * HOUR)]
    assert step_times(steps, start=NOW, deadline=NOW + 8 * HOUR) == [NOW, NOW + 4 * HOUR, NOW + 6 * HOUR]
    assert step_times(steps, start=NOW, deadline=NOW + 3 * HOUR) == [NOW, NOW + HOUR, NOW + HOUR]
    assert step_times(steps, start=NOW, deadline=NOW + HOUR) == [NOW, NOW, NOW]


FIRST = StepPlan(0, "all")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], "at least one step"),
        ([FIRST] * 41, "at most 40"),
        ([StepPlan(1, "all")], "Step 1 is at 1 of the time.*before 1"),
        ([StepPlan(-0.1, "all")], "0 or later"),
        ([StepPlan(float("nan"), "all")], "0 or later"),
        ([FIRST, StepPlan(0.5, "all"), StepPlan(0.5, "all")], "Step 3 is not later"),
        ([StepPlan(0.5, "all"), StepPlan(0.2, "all")], "not later"),
        ([StepPlan(0.5, "all"), StepPlan(None, "all", before_deadline=13 * HOUR)], "Step 2 is not later"),
        ([FIRST, StepPlan(None, "all")], "Step 2 needs one time"),
        ([FIRST, StepPlan(0.5, "all", before_deadline=HOUR)], "Step 2 needs one time"),
        ([FIRST, StepPlan(None, "all", before_deadline=0 * HOUR)], "before the deadline"),
        ([FIRST, StepPlan(None, "all", before_deadline=25 * HOUR)], "not before the window begins"),
        ([StepPlan(0, "everybody")], "everybody"),
        ([StepPlan(0, "all", "farewell")], "farewell"),
        ([StepPlan(0, "all", "account_manager")], "words for somebody else"),
        ([StepPlan(0, "account_manager")], "words for somebody else"),
        ([StepPlan(0, "all", channels=("mail", "fax"))], "'fax'"),
        ([StepPlan(0, "all", channels=())], "at least one channel"),
        ([StepPlan(0, "all", channels=("mail", "mail"))], "each only once"),
        ([StepPlan(0, "all", lapses_after=HOUR)], "never lapses"),
        ([FIRST, StepPlan(0.5, "all", lapses_after=-HOUR)], "only lapse some time after"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(steps, why):
    with pytest.raises(Refused, match=why):
        check_ladder(steps, window=DAY)


def test_every_problem_of_a_ladder_is_told_with_its_step():
    steps = [FIRST, StepPlan(2, "all"), StepPlan(0.5, "nobody", channels=("fax",))]
    assert [each.step for each in ladder_problems(steps, window=DAY)] == [1, 2, 2]


def test_the_plan_knows_the_same_audiences_and_channels_as_the_models():
    assert set(AUDIENCES) == set(Audience.values)
    assert set(CHANNELS) == set(Channel.values)


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


def test_a_ladder_tells_the_subscriber_itself_and_its_first_notice_to_it_never_lapses():
    manager = StepPlan(0, "account_manager", "account_manager")
    assert [each.step for each in ladder_problems([manager], window=DAY)] == [None]
    lapsing = StepPlan(0.5, "primary", lapses_after=HOUR)
    assert [each.step for each in ladder_problems([manager, lapsing], window=DAY)] == [1]
    assert ladder_problems([manager, StepPlan(0.5, "primary")], window=DAY) == []
