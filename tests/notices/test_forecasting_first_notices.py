"""When the last first notice will have gone out: from what waits, the ceilings and the measured speed."""

from datetime import timedelta

import pytest
from django.conf import LazySettings

from campaigns.models import Campaign
from notices.models import Notice, Route
from notices.services import FirstNotices, forecast
from tests import make
from tests.conftest import NOW
from tests.notices.flow import escalate, send
from tests.notices.providers import smtp
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HALF = timedelta(seconds=30)


def drafted(number: int, state: str = "approved") -> Campaign:
    return make.campaign([make.certificate(make.subscriber()) for _ in range(number)], state=state)


def minutes(found: FirstNotices) -> float:
    """How long it takes beside the two ticks."""
    assert found.takes is not None
    return (found.takes - HALF) / MINUTE


def test_without_a_measurement_a_cautious_speed_is_assumed(settings: LazySettings):
    found = forecast(drafted(6), now=NOW)
    assert (found.waiting, found.ahead, found.is_measured, found.per_minute) == (6, 0, False, 300)
    assert minutes(found) == pytest.approx(6 / 300, abs=0.001)
    assert found.allowed == timedelta(hours=12)
    assert not found.is_late


def test_a_ceiling_decides_and_the_next_provider_adds_its_own(sink: Sink, settings: LazySettings):
    campaign = drafted(6)
    settings.MAIL_ROUTES = [smtp(sink.url, name="first", per_minute=2)]
    assert minutes(forecast(campaign, now=NOW)) == pytest.approx(3, abs=0.01)
    settings.MAIL_ROUTES = [*settings.MAIL_ROUTES, smtp(sink.url, name="second", per_minute=1)]
    assert minutes(forecast(campaign, now=NOW)) == pytest.approx(2, abs=0.01)
    Route.objects.create(name="first", resting_until=NOW + MINUTE, trouble="401 Unauthorized")
    resting = forecast(campaign, now=NOW)
    assert minutes(resting) == pytest.approx(6, abs=0.01)
    assert resting.trouble == ("first: 401 Unauthorized",)


def test_a_ceiling_of_a_tick_counts_too(settings: LazySettings):
    settings.NOTICES_PER_TICK = 1
    assert forecast(drafted(6), now=NOW).per_minute == 4


def test_the_measured_speed_counts_as_soon_as_there_is_one(settings: LazySettings):
    Route.objects.create(name="default", messages_per_minute=60)
    found = forecast(drafted(6), now=NOW)
    assert found.is_measured
    assert minutes(found) == pytest.approx(6 / 60, abs=0.001)


@pytest.mark.parametrize(("per_minute", "is_late"), [(1 / 719, False), (1 / 720, True)])
def test_more_than_a_tenth_of_the_window_is_late(per_minute: float, is_late: bool):
    Route.objects.create(name="default", messages_per_minute=per_minute)
    found = forecast(drafted(1), now=NOW)
    assert found.allowed == 720 * MINUTE
    assert found.is_late is is_late


def test_a_running_campaign_counts_what_is_still_to_go_and_then_when_it_went(sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [smtp(sink.url, per_minute=4)]
    campaign = drafted(6, "running")
    assert forecast(campaign, now=NOW).waiting == 6
    escalate(NOW)
    assert forecast(campaign, now=NOW).waiting == 6
    assert send(NOW) == 4
    held = forecast(campaign, now=NOW + MINUTE)
    assert (held.waiting, held.is_done) == (2, False)
    later = NOW + 2 * MINUTE
    assert send(later) == 2
    done = forecast(campaign, now=later + MINUTE)
    assert (done.waiting, done.is_done, done.finish, done.takes) == (0, True, later, 2 * MINUTE)


def test_notices_that_were_due_before_go_first(sink: Sink):
    drafted(5, "running")
    escalate(NOW)
    campaign = drafted(2)
    found = forecast(campaign, now=NOW)
    assert (found.waiting, found.ahead) == (2, 5)


def test_a_notice_that_waits_for_another_attempt_is_waited_for(sink: Sink):
    campaign = drafted(1, "running")
    escalate(NOW)
    Notice.objects.update(due_at=NOW + timedelta(hours=1), last_error="451 Later")
    assert forecast(campaign, now=NOW).finish == NOW + timedelta(hours=1)


def test_the_forecast_holds_in_a_real_run_under_a_ceiling(sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [smtp(sink.url, per_minute=5)]
    campaign = drafted(17)
    expected = forecast(campaign, now=NOW).finish
    from_launch = make.launch_campaign(campaign, actor=make.OPERATOR, now=NOW)
    now = NOW
    while Notice.objects.filter(state="sent").count() < 17:
        escalate(now)
        send(now)
        now += timedelta(seconds=15)
    finish = forecast(from_launch, now=now).finish
    assert expected is not None
    assert finish is not None
    assert abs(finish - expected) <= 1.5 * MINUTE
