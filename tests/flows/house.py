"""A house of real processes: site, mail sink, database and clock, all of its own, for tests that pull plugs.

Nothing of it lives in the test's process, so that everything in it can be killed. The clock is a file and stands still
until the test moves it, so that five days pass in seconds and nothing depends on the machine's load.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from core import clock
from rehearsal.mailbox import Mailboxes
from rehearsal.stage import Stage, commands

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0


def free_port() -> int:
    """A port of loopback that is free together with the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@dataclass
class House:
    """One installation with its processes."""

    stage: Stage
    extra: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the house sees."""
        return self.stage.environment() | self.extra

    @property
    def mails(self) -> Mailboxes:
        """The mailboxes of its readers."""
        return Mailboxes(self.stage.var / "post.sqlite3")

    @property
    def now(self) -> datetime:
        """What its clock shows."""
        return datetime.fromisoformat(json.loads((self.stage.var / "clock.json").read_text())["shown"])

    def move(self, by: timedelta) -> None:
        """Let some time pass on its clock."""
        clock.set_anchor(self.stage.var / "clock.json", shown=self.now + by, speed=0)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Python with some arguments in the house, to its end."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def manage(self, *arguments: str) -> str:
        """Run a management command; what it printed."""
        return self.run("manage.py", *arguments).stdout

    def ask(self, name: str) -> Any:
        """The answer to one of the questions of `tests.flows.questions`, from a process of its own."""
        return json.loads(self.run("-m", "tests.flows.questions", name).stdout.splitlines()[-1])

    def start(self, *names: str) -> None:
        """Start some of the processes of a rehearsal."""
        every = commands(self.stage)
        for name in names:
            log = (self.stage.var / f"{name}.log").open("ab")
            self.running[name] = subprocess.Popen(
                list(every[name]), env=self.environment, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
            log.close()
        if "site" in names:
            _wait_for(f"{self.stage.site}/sandbox/example-ov-ca-1/ca.pem")
        if "post" in names:
            _wait_for_port(self.stage.mail_port)

    def kill(self, *names: str) -> None:
        """SIGKILL for some of the processes."""
        for name in names:
            process = self.running.pop(name)
            process.kill()
            process.wait()


@contextmanager
def house(folder: Path, *, certificates: int, subscribers: int, speed: float = 1.0) -> Iterator[House]:
    """A house in which a campaign has just been launched, with its site and its mail sink running."""
    port = free_port()
    with _database(folder) as extra:
        built = House(Stage(folder, port, port + 1, speed), extra)
        built.stage.var.mkdir()
        clock.set_anchor(built.stage.var / "clock.json", shown=clock.real_now(), speed=0)
        built.run("-m", "tests.flows.prepare", str(certificates), str(subscribers))
        try:
            built.start("site", "post")
            yield built
        finally:
            built.kill(*built.running)


@contextmanager
def _database(folder: Path) -> Iterator[dict[str, str]]:
    """A database of the same make as the suite runs on, for real processes: a file, or a new one on the same server."""
    url = os.environ.get("DATABASE_URL", "")
    redis = {"REDIS_URL": os.environ["REDIS_URL"]} if os.environ.get("REDIS_URL") else {}
    if not url.startswith("postgres"):
        yield {"DATABASE_URL": f"sqlite:///{folder / 'house.sqlite3'}", **redis}
        return
    name = f"house_{uuid4().hex[:12]}"
    server, _, query = url.partition("?")
    own = f"{server.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    admin = f"{server.rpartition('/')[0]}/postgres?{query}".replace("postgres://", "postgresql://", 1)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield {"DATABASE_URL": own, **redis}
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _wait_for(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own loopback address
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
