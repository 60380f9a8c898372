"""A whole campaign in fast time with real workers, while plugs are pulled: nothing late, lost or done wrongly."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import redis

from core import clock
from rehearsal.incident import SLUG
from revocation.sandbox import open_ca
from tests.flows.house import House, house

SPEED = 4000.0
"""Five days in less than two minutes; a tick of half a second is more than half an hour."""
SHORT = {"TASK_TIME_LIMIT": "6", "LEASE_SECONDS": "8"}
"""A lease of nine hours on this clock: a killed worker costs no more than a real one does in production."""
LONGEST = 180.0
PROCESSES = ("worker", "revocation", "beat", "people")


def lose_the_broker(built: House) -> None:
    """Remove the broker's folder, or everything in Redis."""
    if url := os.environ.get("REDIS_URL"):
        redis.Redis.from_url(url).flushall()
    else:
        folder, ends = built.stage.var / "broker", time.monotonic() + 30
        while not folder.exists() and time.monotonic() < ends:
            time.sleep(0.1)
        folder.rename(built.stage.var / f"broker-{time.monotonic_ns()}")


def stop_the_ca(built: House) -> None:
    open_ca(built.stage.var / "ca", SLUG).stop()


def start_the_ca(built: House) -> None:
    open_ca(built.stage.var / "ca", SLUG).start()


def stop_the_mail(built: House) -> None:
    (built.stage.var / "post.stopped").touch()


def start_the_mail(built: House) -> None:
    (built.stage.var / "post.stopped").unlink()


def replace(*names: str) -> Callable[[House], None]:
    """SIGKILL for some processes, and new ones in their place."""

    def act(built: House) -> None:
        built.kill(*names)
        built.start(*names)

    return act


PLUGS: list[tuple[float, Callable[[House], None]]] = [
    (5, replace("worker")),
    (9, lose_the_broker),
    (13, stop_the_mail),
    (17, start_the_mail),
    (21, replace("revocation")),
    (25, stop_the_ca),
    (29, replace("beat")),
    (33, start_the_ca),
    (37, replace("site")),
    (43, replace("worker", "revocation")),
    (49, lose_the_broker),
    (54, stop_the_ca),
    (58, start_the_ca),
    (64, replace("revocation", "beat")),
]


def test_a_campaign_survives_every_plug_that_is_pulled_and_is_in_time(tmp_path: Path):
    with house(tmp_path, certificates=120, subscribers=25, speed=SPEED) as built:
        built.extra.update(SHORT)
        built.start(*PROCESSES)
        clock.set_anchor(built.stage.var / "clock.json", shown=built.now, speed=SPEED)
        began, plugs = time.monotonic(), list(PLUGS)
        where = built.ask("campaign")
        while where["state"] != "completed" and time.monotonic() - began < LONGEST:
            while plugs and plugs[0][0] <= time.monotonic() - began:
                plugs.pop(0)[1](built)
            time.sleep(1)
            where = built.ask("campaign") if not plugs or plugs[0][0] > 40 else where

        told = built.ask("revocations")

    assert where["state"] == "completed", where
    assert not where["halted"]
    assert where["scope"] == 120 == where["revoked"] + where["expired"]
    assert told["late"] == 0
    assert told["published_events"] == told["published_objects"] == told["revoked_by_ca"] == where["revoked"]
    assert told["dates_agree"]
    assert len(PLUGS) - len(plugs) >= 10, "the campaign was over before the plugs were pulled"
