"""From launch to proof, over the CRLs and the OCSP responder that the site itself serves."""

import logging
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from audit.services import verify_seals
from campaigns.services import halt_campaign, launch_campaign
from revocation import services, tasks
from revocation.models import Revocation, StatusCheck
from tests import make
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, MINUTE, SetUp, issue, make_ca, make_issuer

DEADLINE = NOW + 5 * DAY
log = logging.getLogger(__name__)


def test_2098_certificates_are_revoked_and_proven_in_time(scene: SetUp):
    it = scene(2098, shards=4, crl_interval=HOUR)
    started = time.monotonic()
    it.tick_until(NOW + 10 * MINUTE, every=10 * MINUTE)
    planned = it.rows.order_by("planned_at")[0].planned_at
    assert planned < DEADLINE - 5 * HOUR
    it.clock.now = planned
    it.tick_until(DEADLINE, every=10 * MINUTE)
    log.warning("2,098 revocations from planned to proven in %.1f s", time.monotonic() - started)
    counts = it.counts()
    assert (counts.revoked, counts.late, counts.remaining) == (2098, 0, 0)
    assert it.campaign.state == "completed"
    proofs = StatusCheck.objects.filter(method=StatusCheck.Method.CRL)
    assert sum(proofs.values_list("found", flat=True)) == 2098
    assert StatusCheck.objects.filter(method=StatusCheck.Method.OCSP, found=1).count() == 2098
    assert set(it.rows.values_list("wave", flat=True)) == {1, 2, 3}


def test_two_issuers_have_a_gate_each(scene: SetUp, site_url: str):
    it = scene(13, launch=False)
    second = make_issuer(other := make_ca("ca2", url=site_url))
    both = [*issue(other, second, 5, holder=make.subscriber()), *issue(it.ca, it.issuer, 4, holder=make.subscriber())]
    campaign = make.running_campaign(both)
    it.clock.now = DEADLINE - HOUR
    services.schedule_revocations(now=it.clock.now)
    released = Revocation.objects.filter(affected_certificate__campaign=campaign, wave=1)
    assert sorted(row.issuer.name for row in released) == ["Issuer ca1", "Issuer ca2"]


def test_a_certificate_of_two_campaigns_is_proven_in_both(scene: SetUp):
    it = scene(3)
    certificates = [row.certificate for row in it.affected.select_related("certificate")]
    second = make.running_campaign(certificates)
    it.clock.now = DEADLINE - HOUR
    it.tick_until(DEADLINE, every=MINUTE)
    second.refresh_from_db()
    assert (it.campaign.state, second.state) == ("completed", "completed")
    assert Revocation.objects.filter(state="published").count() == 6


def test_the_command_does_the_same_without_workers(scene: SetUp):
    it = scene(13)
    it.clock.now = DEADLINE - HOUR
    for _ in range(8):
        call_command("revoke_due", "--commit", stdout=(out := StringIO()))
        it.clock.move(MINUTE)
    it.campaign.refresh_from_db()
    assert it.campaign.state == "completed"
    assert it.counts().revoked == 13
    assert "0 handed to the CAs, 0 looked for on CRLs." in out.getvalue()


def test_the_command_says_what_it_would_do_and_changes_nothing(scene: SetUp):
    it = scene(13)
    it.clock.now = DEADLINE - HOUR
    call_command("revoke_due", stdout=(out := StringIO()))
    assert not Revocation.objects.exists()
    first = str(it.affected.select_related("certificate").order_by("pk")[0])
    assert f"{it.campaign}: 1 of Issuer ca1 to hand over, wave 1" in out.getvalue()
    assert f"  {first} superseded deadline" in out.getvalue()
    assert "Nothing was changed. Use --commit to do it." in out.getvalue()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No broker: what would wake up another worker is noted instead."""
    woken: list[str] = []
    for task in (tasks.submit, tasks.verify):
        monkeypatch.setattr(task, "delay", lambda name=task.name: woken.append(name))
    return woken


def test_the_tasks_do_it_and_a_full_batch_wakes_another_worker(scene: SetUp, quiet: list[str], settings):
    settings.BATCH = 10
    it = scene(13)
    it.clock.now = DEADLINE - HOUR
    for _ in range(8):
        tasks.schedule()
        tasks.submit()
        tasks.verify()
        it.clock.move(MINUTE)
    it.campaign.refresh_from_db()
    assert it.campaign.state == "completed"
    assert quiet == ["revocation.tasks.submit"]


def test_the_forecast_says_when_it_would_be_through(scene: SetUp):
    it = scene(100, crl_interval=HOUR, issuer={"revocations_per_second": 0.01})
    it.schedule()
    [found] = services.forecast(it.campaign, now=NOW)
    lead = timedelta(seconds=10_000 + 1) + 3 * HOUR + 2 * HOUR + 3 * HOUR / 8
    assert (found.backlog, found.scheduled, found.wave, found.publish_by) == (100, 100, 1, DEADLINE)
    assert timedelta(0) <= found.lead - lead < MINUTE
    assert found.last_safe_start == DEADLINE - found.lead == found.starts_at
    assert DEADLINE - 3 * HOUR < found.published_at < DEADLINE - 2 * HOUR
    assert not found.is_late
    assert services.alarms(now=NOW) == []
    [later] = services.forecast(it.campaign, now=DEADLINE - HOUR)
    assert later.is_late
    assert [alarm.kind for alarm in services.alarms(now=DEADLINE - HOUR)] == ["late"]


def test_the_last_safe_start_is_known_before_the_launch(scene: SetUp):
    it = scene(13, launch=False)
    assert services.last_safe_start(it.campaign, now=NOW) == DEADLINE - 2 * HOUR - MINUTE
    launch_campaign(it.campaign, actor=make.OPERATOR, now=NOW)
    it.schedule()
    assert services.last_safe_start(it.campaign, now=NOW) == DEADLINE - 2 * HOUR - MINUTE


def test_a_canary_that_stays_away_from_the_crl_raises_an_alarm(scene: SetUp):
    it = scene(13, crl_interval=HOUR, shards=1)
    it.clock.now = DEADLINE - 5 * HOUR
    it.schedule()
    it.submit()
    patient = it.clock.now + 2 * HOUR
    assert "stuck" not in [alarm.kind for alarm in services.alarms(now=patient)]
    assert "stuck" in [alarm.kind for alarm in services.alarms(now=patient + timedelta(seconds=1))]


def test_a_halt_past_the_last_safe_start_raises_an_alarm(scene: SetUp):
    it = scene(3)
    it.schedule()
    halt_campaign(it.campaign, reason="Wait.", actor=make.OPERATOR, now=NOW)
    assert services.alarms(now=NOW) == []
    [halted, *_] = services.alarms(now=DEADLINE - 2 * HOUR)
    assert halted.kind == "halted"
    assert halted.text.endswith("Wait.")


def test_nothing_of_a_finished_campaign_is_left_due(scene: SetUp):
    it = scene(3)
    it.clock.now = DEADLINE - HOUR
    it.tick_until(DEADLINE, every=MINUTE)
    assert not Revocation.objects.filter(due_at__isnull=False).exists()
    assert list(verify_seals()) == []
