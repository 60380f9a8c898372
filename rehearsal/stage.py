"""The processes of a rehearsal, their settings, and the one who restarts what falls over."""

import ctypes
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

STOP_SECONDS = 8.0
ELSEWHERE = (
    "DATABASE_URL", "REDIS_URL", "EMAIL_BACKEND", "DRILL_EMAIL_URL", "EMAIL_URL", "SANDBOX_ROOT", "VAR", "MAIL_ROUTES",
    "SMS_URLS", "VOICE_URLS", "DRILL_CHANNEL_URL",
)  # fmt: skip
"""The settings that decide what a process reaches."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Stage:
    """Where a rehearsal plays: folder, ports, speed. Nothing of it touches another database or mail server."""

    base: Path
    port: int
    mail_port: int
    speed: float

    @property
    def telephone_port(self) -> int:
        """Where the sink of texts, calls and chats listens."""
        return self.mail_port + 1

    @property
    def var(self) -> Path:
        """The folder of everything that the rehearsal keeps."""
        return self.base / "rehearsal"

    @property
    def site(self) -> str:
        """Where the site answers."""
        return f"http://127.0.0.1:{self.port}"

    def taken_ports(self) -> list[int]:
        """Its ports on which something else is listening."""
        return [port for port in (self.port, self.mail_port, self.telephone_port) if _is_taken(port)]

    def answers(self) -> bool:
        """Whether the site is up."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/rehearsal/")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def secret(self, name: str) -> str:
        """A secret of this rehearsal, made once and kept in a file that only its owner reads."""
        path = self.var / f"{name}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(12))
        return path.read_text()

    def environment(self) -> dict[str, str]:
        """The environment in which every process of the rehearsal runs: closed against `.env` and the outside world."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TERM") if name in os.environ}
        sink = f"smtp://127.0.0.1:{self.mail_port}"
        return kept | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "READ_DOT_ENV": "0",
            "REHEARSAL": "1",
            "VAR": str(self.var),
            "SITE_URL": self.site,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "CLOCK_FILE": str(self.var / "clock.json"),
            "CLOCK_SPEED": str(self.speed),
            "TASK_TIME_LIMIT": "16",
            "LEASE_SECONDS": "20",
            "BATCH": "200",
            "EMAIL_URL": sink,
            "DRILL_EMAIL_URL": sink,
            "DRILL_CHANNEL_URL": f"http://127.0.0.1:{self.telephone_port}/",
            "RETURN_PATH": "bounces@ca.example",
            "RETURN_MAILBOXES": f"maildir://{self.var / 'returned'}",
            "NOTICE_FROM": "Example CA <revocation@ca.example>",
            "NOTICE_PHONE": "+86 10 5555 0100",
            "CA_NAME": "Example CA",
            "SANDBOX_ROOT": str(self.var / "ca"),
            "PRIVATE_STATUS_HOSTS": f"127.0.0.1:{self.port}",
            "ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY": self.secret("webhook"),
            "PYTHONUNBUFFERED": "1",
            "LOG_LEVEL": "WARNING",
        }

    def is_entered(self, environ: Mapping[str, str]) -> bool:
        """Whether a process with these variables plays on this stage, and can reach nothing else."""
        closed = self.environment()
        names = [*ELSEWHERE, *(f"{name}_FILE" for name in ELSEWHERE)]
        return all(environ.get(name) == value for name, value in closed.items()) and not any(
            name in environ for name in names if name not in closed
        )


@dataclass
class Troupe:
    """The processes that play. A process that ends is started again: a rehearsal lets people pull plugs."""

    commands: dict[str, Sequence[str]]
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        """Start everybody."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for name in self.commands:
            self._start(name)

    def restart_fallen(self) -> list[str]:
        """Start again whoever has ended; their names."""
        fallen = [name for name, process in self.running.items() if process.poll() is not None]
        for name in fallen:
            self._start(name)
        return fallen

    def stop(self) -> None:
        """End everybody: politely, and after a few seconds not."""
        for process in self.running.values():
            process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                list(self.commands[name]),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads have been started here
            )


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the one who started it is gone, however it went (Linux)."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def commands(stage: Stage) -> dict[str, Sequence[str]]:
    """The processes of a rehearsal: the same as in production, beside the mail sink and the simulated readers."""
    python, manage = sys.executable, str(Path(__file__).resolve().parent.parent / "manage.py")
    worker = [python, "-m", "celery", "-A", "config", "worker", "--loglevel=WARNING", "--concurrency=1"]
    return {
        "site": [
            python, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{stage.port}", "--threads", "8",
            "--workers", "1", "--no-control-socket", "--access-logfile", "/dev/null", "--timeout", "60",
        ],
        "post": [
            python, manage, "rehearsal_post", "--port", str(stage.mail_port),
            "--telephone-port", str(stage.telephone_port),
        ],
        "worker": [*worker, "-Q", "celery", "-n", "worker@rehearsal"],
        "revocation": [*worker, "-Q", "revocation", "-n", "revocation@rehearsal"],
        "beat": [python, "-m", "celery", "-A", "config", "beat", "--loglevel=WARNING", "--pidfile="],
        "people": [python, manage, "rehearsal_play"],
    }  # fmt: skip
