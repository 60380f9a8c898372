"""What settings refuse to start with, and what leaves no trace in a log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent.parent


def started(**settings: str) -> subprocess.CompletedProcess[str]:
    """A process that reads the settings, in an environment of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "VAR") if name in os.environ}
    environment = kept | {"READ_DOT_ENV": "0", "SECRET_KEY": "only for tests", **settings}
    return subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env=environment, cwd=BASE, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"DRILL_EMAIL_URL": "smtp://mail.example:25", "EMAIL_URL": "smtp://mail.example:25"}, "would reach"),
        ({"DRILL_EMAIL_URL": "nowhere://mail"}, "DRILL_EMAIL_URL is no address"),
        ({"MAIL_ROUTES": "relay"}, "MAIL_ROUTE_RELAY is not set"),
        ({"MAIL_ROUTES": "re lay"}, "'re lay' is no name"),
        ({"MAIL_ROUTES": "a,b,a"}, "names a route twice"),
        ({"MAIL_ROUTES": "a", "MAIL_ROUTE_A": "nowhere://mail"}, "MAIL_ROUTE_A is no address"),
        ({"MAIL_ROUTES": "a", "MAIL_ROUTE_A": "smtp://mail.example", "MAIL_RATE_A": "-1"}, "MAIL_RATE_A is below 0"),
        (
            {"MAIL_ROUTES": "a", "MAIL_ROUTE_A": "smtp://mail.example:25", "DRILL_EMAIL_URL": "smtp://mail.example:25"},
            "would reach",
        ),
        ({"CLOCK_SPEED": "2"}, "a live clock is never fast"),
        ({"LEASE_SECONDS": "10"}, "LEASE_SECONDS must be longer"),
    ],
)
def test_what_would_be_dangerous_does_not_start(settings: dict[str, str], why: str) -> None:
    found = started(**settings)
    assert found.returncode == 1
    assert why in found.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"DRILL_EMAIL_URL": "smtp://127.0.0.1:1025", "EMAIL_URL": "smtp://mail.example:25"},
        {"DRILL_EMAIL_URL": "smtp://127.0.0.1:1025"},
        {
            "DRILL_EMAIL_URL": "smtp://127.0.0.1:1025",
            "MAIL_ROUTES": "esp, relay",
            "MAIL_RATE_RELAY": "600",
            "MAIL_ROUTE_ESP": "anymail.backends.postmark.EmailBackend",
            "MAIL_ROUTE_RELAY": "smtp+tls://a:b@mail.example",
            "MAIL_OPTIONS_ESP": '{"server_token": "x"}',
        },
        {"DRILL_EMAIL_URL": "smtp://127.0.0.1:1025", "EMAIL_URL": "smtp://127.0.0.1:1025", "REHEARSAL": "1"},
    ],
)
def test_a_sink_of_its_own_is_taken(settings: dict[str, str]) -> None:
    found = started(**settings)
    assert found.returncode == 0, found.stderr


def test_no_process_logs_the_addresses_of_requests() -> None:
    """They hold the tokens of respond-links."""
    told = [BASE / "Dockerfile", BASE / "compose.yaml", *(BASE / "deploy").iterdir()]
    assert not [path.name for path in told if "access-logfile" in path.read_text()]
