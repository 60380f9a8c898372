"""What watchers from outside are told."""

from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.db import DatabaseError
from django.test import Client
from pytest_django import Settings

from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import halt_campaign, take_snapshot
from core.due import claim, lease
from notices.services import write_notices
from revocation.services import schedule_revocations
from tests import make
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db
LIMIT = 2 * configured.LEASE


@pytest.fixture
def campaign(frozen_clock: FrozenClock) -> Campaign:
    """A campaign whose first notices have been written and are due."""
    made = make.running_campaign()
    write_notices(claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10), now=NOW)
    return made


def test_an_idle_house_is_well(client: Client, frozen_clock: FrozenClock) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["ages"]["beat"] is None


def test_work_is_late_a_second_after_two_leases(client: Client, campaign: Campaign, frozen_clock: FrozenClock) -> None:
    assert 2 * lease() == LIMIT
    take_snapshot(campaign, now=frozen_clock.move(LIMIT))
    schedule_revocations(now=frozen_clock.now)
    assert client.get("/healthz").status_code == 200
    frozen_clock.move(timedelta(seconds=1))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["notice"])
    assert answer.json()["ages"]["notice"] == LIMIT.total_seconds() + 1


def test_a_silent_beat_is_told(client: Client, campaign: Campaign, frozen_clock: FrozenClock) -> None:
    halt_campaign(campaign, reason="only the beat is meant", actor=make.OPERATOR, now=NOW)
    frozen_clock.move(LIMIT)
    assert client.get("/healthz").status_code == 200
    schedule_revocations(now=frozen_clock.move(timedelta(seconds=1)))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["beat"])
    take_snapshot(campaign, now=frozen_clock.now)
    assert client.get("/healthz").status_code == 200


def test_revocations_that_nobody_schedules_are_told_before_any_of_them_is_due(
    client: Client, campaign: Campaign, frozen_clock: FrozenClock
) -> None:
    halt_campaign(campaign, reason="only the schedule is meant", actor=make.OPERATOR, now=NOW)
    for _ in range(2):  # before there is a gate, and when there is one
        take_snapshot(campaign, now=frozen_clock.move(LIMIT))
        assert client.get("/healthz").status_code == 200
        take_snapshot(campaign, now=frozen_clock.move(timedelta(seconds=1)))
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["schedule"])
        schedule_revocations(now=frozen_clock.now)
        assert client.get("/healthz").status_code == 200


def test_a_database_that_is_away_is_told_without_details(
    client: Client, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*, now: object) -> None:
        raise DatabaseError("password for recall@10.1.2.3 refused")

    monkeypatch.setattr("reports.health.ages", away)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert "10.1.2.3" not in answer.content.decode()


def test_strangers_learn_nothing_about_campaigns(client: Client, campaign: Campaign, frozen_clock: FrozenClock) -> None:
    text = client.get("/healthz").content.decode()
    assert campaign.title not in text
    assert str(campaign.public_id) not in text


def test_the_dashboard_shows_lateness(admin_client: Client, campaign: Campaign, frozen_clock: FrozenClock) -> None:
    frozen_clock.move(LIMIT + timedelta(seconds=1))
    page = admin_client.get("/").content.decode()
    assert "Work is late" in page
    assert "The beat has been silent" in page


def test_metrics_have_the_counts_of_running_campaigns(client: Client, campaign: Campaign) -> None:
    text = client.get("/metrics").content.decode()
    labels = f'campaign="{campaign.public_id}",kind="live"'
    assert f'recall_certificates{{{labels},part="remaining"}} 1.0' in text
    assert f"recall_deadline_seconds{{{labels}}} 432000.0" in text
    assert 'recall_due_age_seconds{kind="notice"} 0.0' in text


@pytest.mark.parametrize(
    ("token", "headers", "remote", "status"),
    [
        ("", {}, "127.0.0.1", 200),
        ("", {}, "::1", 200),
        ("", {}, "192.0.2.7", 403),
        ("", {"X-Forwarded-For": "192.0.2.7"}, "127.0.0.1", 403),
        ("", {}, "", 403),
        ("secret", {}, "127.0.0.1", 403),
        ("secret", {"Authorization": "Bearer wrong"}, "192.0.2.7", 403),
        ("secret", {"Authorization": "Bearer sécret"}, "192.0.2.7", 403),
        ("secret", {"Authorization": "Bearer secret"}, "192.0.2.7", 200),
    ],
)
def test_metrics_are_for_this_machine_or_for_the_token(
    token: str,
    headers: dict[str, str],
    remote: str,
    status: int,
    client: Client,
    settings: Settings,
    frozen_clock: FrozenClock,
) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=remote).status_code == status
