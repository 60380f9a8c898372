import os
from datetime import UTC, datetime, timedelta

from core import clock

SHOWN = datetime(2024, 3, 19, 8, 30, tzinfo=UTC)


def test_without_a_clock_file_the_clock_is_the_machines(settings):
    settings.CLOCK_FILE = ""

    before, found, after = clock.real_now(), clock.now(), clock.real_now()

    assert before <= found <= after
    assert clock.speed() == 1
    assert not clock.is_rehearsed()


def test_a_rehearsals_clock_runs_at_the_speed_of_its_anchor():
    anchor = clock.Anchor(real=SHOWN, shown=SHOWN, speed=1440)

    assert anchor.at(SHOWN + timedelta(minutes=1)) == SHOWN + timedelta(days=1)


def test_every_process_follows_a_change_of_the_clock_file(settings, tmp_path):
    path = tmp_path / "clock.json"
    settings.CLOCK_FILE = str(path)
    clock.set_anchor(path, shown=SHOWN, speed=1440)
    first = clock.now()
    assert SHOWN <= first < SHOWN + timedelta(hours=8)
    assert clock.is_rehearsed()
    assert clock.stretched(timedelta(seconds=20)) == timedelta(hours=8)

    clock.set_anchor(path, shown=SHOWN + timedelta(days=30), speed=1)
    os.utime(path, ns=(1, 1))

    assert SHOWN + timedelta(days=30) <= clock.now() < SHOWN + timedelta(days=30, hours=1)
    assert clock.speed() == 1
