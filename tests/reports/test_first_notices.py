"""The forecast of first notices on the pages, in the JSON and among the alarms."""

from typing import Any

import pytest

from campaigns.admin.briefing import briefing
from notices.models import Route
from reports.preparation import preparation
from reports.progress import as_json, progress
from tests import make
from tests.conftest import NOW, SignIn

pytestmark = pytest.mark.django_db
SLOW = 1 / 1440
"""Messages a minute: nearly a day for one."""


def told(state: str) -> Any:
    return make.campaign([make.certificate(make.subscriber())], state=state)


def test_the_way_to_the_launch_stops_when_first_notices_would_take_too_long():
    campaign = told("draft")
    stages = {stage.key: stage for stage in preparation(campaign, now=NOW).stages}
    assert stages["telling"].mark == "done"
    Route.objects.create(name="default", messages_per_minute=SLOW)
    stages = {stage.key: stage for stage in preparation(campaign, now=NOW).stages}
    assert stages["telling"].mark == "stop"
    assert "more than a tenth of the window" in stages["telling"].note


def test_who_decides_sees_the_last_safe_start_and_the_last_first_notice():
    Route.objects.create(name="default", messages_per_minute=SLOW)
    start, notices = briefing(told("draft"), now=NOW).expectations
    assert (start.label, start.is_bad) == ("Last safe start of revocation", False)
    assert (notices.label, notices.is_bad) == ("Last notice of the first step", True)
    assert notices.value.startswith("2024-03-20 08:30 UTC, 24 h")


def test_the_pages_of_the_decision_show_it(sign_in: SignIn, frozen_clock: object):
    campaign = told("draft")
    client = sign_in("anton", superuser=True)
    said = client.get(f"/campaigns/campaign/{campaign.pk}/approve/").content.decode()
    assert "Last notice of the first step" in said
    assert "Last safe start of revocation" in said


def test_the_progress_says_when_everybody_has_heard_and_warns():
    campaign = told("running")
    found = as_json(progress(campaign, now=NOW))["first_notices"]
    assert (found["waiting"], found["is_late"], found["is_measured"]) == (1, False, False)
    Route.objects.create(name="default", messages_per_minute=SLOW, resting_until=NOW.replace(hour=23), trouble="500")
    late = progress(campaign, now=NOW)
    assert as_json(late)["first_notices"]["is_late"]
    alarms = "\n".join(late.alarms)
    assert "more than a tenth of the window, 12 h" in alarms
    assert "A provider of mail is in trouble and rests: default: 500" in alarms
