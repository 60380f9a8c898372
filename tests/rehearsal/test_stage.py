"""What a rehearsal cannot reach."""

import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.errors import Unavailable
from rehearsal.browser import Browser
from rehearsal.stage import Stage, Troupe


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    found = Stage(tmp_path, 8100, 8101, 1440)
    found.var.mkdir()
    return found


def test_nothing_of_the_machines_own_environment_gets_in(stage, monkeypatch):
    leaks = {
        "DATABASE_URL": "postgres://live/recall",
        "REDIS_URL": "redis://live",
        "EMAIL_URL": "smtp://mail.example",
        "ANYMAIL_MAILGUN_API_KEY": "live",
        "SECRET_KEY": "live",
        "NOTICE_FROM": "live@ca.example",
    }
    for name, value in leaks.items():
        monkeypatch.setenv(name, value)

    closed = stage.environment()

    assert not {"live", *leaks.values()} & set(closed.values())
    assert "DATABASE_URL" not in closed
    assert closed["READ_DOT_ENV"] == "0"
    assert closed["DRILL_EMAIL_URL"] == closed["EMAIL_URL"] == "smtp://127.0.0.1:8101"


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgres://live/recall"), ("DATABASE_URL_FILE", "/run/secrets/url"), ("VAR", "/var/lib/recall"),
     ("EMAIL_URL", "smtp://mail.example"), ("EMAIL_BACKEND", "anymail.backends.mailgun.EmailBackend"),
     ("READ_DOT_ENV", "1"), ("REHEARSAL", "0"), ("CLOCK_FILE", "")],
)  # fmt: skip
def test_a_process_that_could_reach_something_else_has_not_entered(stage, name, value):
    closed = stage.environment()
    assert stage.is_entered(closed | {"LC_CTYPE": "C.UTF-8"})
    assert not stage.is_entered(closed | {name: value})


@pytest.mark.parametrize(
    "command", [["rehearsal_play"], ["rehearsal_post", "--port", "8101", "--telephone-port", "8102"]]
)
def test_parts_of_a_rehearsal_do_not_play_outside_one(settings, command):
    settings.REHEARSAL = False
    with pytest.raises(CommandError, match="part of"):
        call_command(*command)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(stage):
    first = stage.secret("password")

    assert stage.secret("password") == first
    assert len(first) >= 12
    assert (stage.var / "password.secret").stat().st_mode & 0o077 == 0


def test_a_taken_port_is_seen_before_anything_is_started(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert Stage(tmp_path, port, port + 1, 1).taken_ports()[0] == port


def test_who_falls_over_is_started_again_and_everybody_stops_in_the_end(tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    troupe = Troupe({"one": sleeper, "two": sleeper}, tmp_path / "logs")
    troupe.start()
    try:
        assert troupe.restart_fallen() == []
        fallen = troupe.running["one"]
        fallen.send_signal(signal.SIGKILL)
        fallen.wait()
        assert troupe.restart_fallen() == ["one"]
        assert troupe.running["one"].pid != fallen.pid
    finally:
        began = time.monotonic()
        troupe.stop()
    assert all(process.poll() is not None for process in troupe.running.values())
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("url", ["http://ca.example/respond/x/", "http://10.0.0.1/", "http://localhost:8000/"])
def test_a_simulated_reader_does_not_leave_this_machine(url):
    with pytest.raises(Unavailable, match="does not leave this machine"):
        Browser().open(url)
