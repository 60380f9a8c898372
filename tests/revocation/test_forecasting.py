"""What the console says of the time ahead."""

from datetime import timedelta

from campaigns.services import request_revocation
from revocation import services
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, SetUp

DEADLINE = NOW + 5 * DAY


def test_a_request_for_a_moment_brings_no_false_alarm_and_moves_no_last_safe_start(scene: SetUp, settings):
    settings.REVOCATION_MARGIN = 30 * HOUR
    it = scene(4)
    it.schedule()
    [before] = services.forecast(it.campaign, now=NOW)
    row = it.affected.select_related("affected_subscriber__campaign").order_by("pk")[0]
    request_revocation(
        row.affected_subscriber, certificates=[row.pk], at=NOW + DAY, reason="unspecified", actor="contact:1", now=NOW
    )
    it.schedule()

    [found] = services.forecast(it.campaign, now=NOW)

    assert found.publish_by == NOW + 2 * DAY
    assert not found.is_late
    assert services.alarms(now=NOW) == []
    assert before.last_safe_start is not None
    assert found.last_safe_start is not None
    assert abs(found.last_safe_start - before.last_safe_start) < timedelta(minutes=2)


def test_a_portion_that_cannot_be_published_by_its_own_deadline_is_named(scene: SetUp):
    it = scene(6)
    it.schedule()
    it.issuer.revocations_per_second = 6 / (4 * 3600)
    it.issuer.save()

    [alarm] = services.alarms(now=DEADLINE - HOUR)

    assert alarm.kind == "late"
    assert alarm.text.startswith("6 of ")
    assert f"after their deadline {DEADLINE:%Y-%m-%d %H:%M} UTC" in alarm.text


def test_nothing_left_means_nothing_to_forecast(scene: SetUp):
    it = scene(2)
    it.schedule()
    it.affected.update(published_at=NOW)

    [found] = services.forecast(it.campaign, now=NOW)

    assert (found.published_at, found.last_safe_start, found.publish_by, found.is_late) == (None, None, None, False)
