from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from kombu.exceptions import OperationalError

from core.due import work
from notices import services, tasks
from notices.models import Notice
from tests import make
from tests.conftest import NOW, FrozenClock
from tests.notices.sink import Sink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def test_without_commit_it_says_what_is_due_and_does_nothing(sink: Sink, capsys: pytest.CaptureFixture[str]):
    make.running_campaign([make.certificate() for _ in range(3)], title="Weak keys")
    call_command("send_due")
    told = capsys.readouterr().out
    assert "Weak keys: 3 affected subscribers are due for their next step." in told
    assert "No notices are due to be sent." in told
    assert "--commit" in told
    assert Notice.objects.count() == 0
    assert sink.received == []


def test_with_commit_it_writes_and_sends_all_that_is_due(
    sink: Sink, settings: LazySettings, capsys: pytest.CaptureFixture[str]
):
    settings.BATCH = 2
    make.running_campaign([make.certificate() for _ in range(5)])
    call_command("send_due", "--commit")
    assert len(sink.received) == 5
    assert Notice.objects.filter(state="sent").count() == 5
    told = capsys.readouterr().out
    assert "5 affected subscribers looked at, 5 notices taken up; 0 notices wait for another attempt." in told


def test_run_twice_it_sends_once(sink: Sink):
    make.running_campaign()
    call_command("send_due", "--commit")
    call_command("send_due", "--commit")
    assert len(sink.received) == 1


def test_it_ends_when_the_mail_server_is_away(sink: Sink, settings: LazySettings, capsys: pytest.CaptureFixture[str]):
    settings.EMAIL_PORT = 1
    make.running_campaign([make.certificate() for _ in range(3)])
    call_command("send_due", "--commit")
    assert "3 notices wait for another attempt." in capsys.readouterr().out


def test_the_tasks_do_the_same_work(sink: Sink):
    make.running_campaign([make.certificate() for _ in range(2)])
    tasks.escalate()
    tasks.send()
    assert len(sink.received) == 2


def test_a_broker_that_is_away_stops_no_batch(sink: Sink, caplog: pytest.LogCaptureFixture):
    def again() -> None:
        raise OperationalError("Nobody answers.")

    make.running_campaign([make.certificate() for _ in range(2)])
    tasks.escalate()
    assert work(Notice.objects.sendable, services.send_notices, again=again, limit=2) == 2
    assert len(sink.received) == 2
    assert "No other worker could be woken" in caplog.text


def test_a_providers_ceiling_holds_a_tick_to_so_many_notices(sink: Sink, settings: LazySettings):
    settings.NOTICES_PER_TICK = 2
    make.running_campaign([make.certificate() for _ in range(5)])
    tasks.escalate()
    for expected in (2, 4, 5):
        tasks.send()
        assert len(sink.received) == expected


def test_nothing_due_is_no_work(sink: Sink, frozen_clock: FrozenClock):
    make.running_campaign()
    frozen_clock.move(-timedelta(seconds=1))
    tasks.escalate()
    assert Notice.objects.count() == 0
    frozen_clock.move(NOW - frozen_clock.now)
    tasks.escalate()
    assert Notice.objects.count() == 1
