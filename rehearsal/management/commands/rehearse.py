import json
import os
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.models import Campaign
from campaigns.services import counts
from core import clock
from core.errors import Refused
from notices.models import first_notice_at
from rehearsal import history, incident
from rehearsal.scenes import ROLES, Scenes
from rehearsal.stage import Stage, Troupe, commands
from rehearsal.summary import summary

BEGIN_AT = history.FIXED_AT + timedelta(minutes=5)
STATUS_EVERY = 10.0
PATIENCE = 120.0


class Command(BaseCommand):
    help = (
        "Play the example incident: 2,098 certificates, 380 subscribers, five days at one day a minute, with real "
        "mail, real links and a real small CA, all on this machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the site; the sinks take the next two")
        parser.add_argument("--speed", type=float, default=1440.0, help="of the clock: 1440 is one day a minute")
        parser.add_argument("--certificates", type=int, default=history.CERTIFICATES)
        parser.add_argument("--subscribers", type=int, default=380)
        parser.add_argument("--var", type=Path, default=settings.BASE_DIR / "var", help="folder of everything it keeps")
        parser.add_argument("--exit", action="store_true", help="stop when the campaign is completed")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["speed"] <= 5000:  # noqa: PLR2004 - a tick must stay shorter than an hour of the clock
            raise CommandError("--speed goes from 1 (real time) to 5000.")
        if not 1 <= options["subscribers"] <= options["certificates"]:
            raise CommandError("There are at least as many certificates as subscribers, and at least one of each.")
        stage = Stage(options["var"].resolve(), options["port"], options["port"] + 1, options["speed"])
        stage.var.mkdir(parents=True, exist_ok=True)
        if not (settings.REHEARSAL and stage.is_entered(os.environ)):
            self._enter(stage)
        if taken := stage.taken_ports():
            raise CommandError(f"Something else listens on port {taken[0]}. Choose another one: make run PORT=8010")
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.default_int_handler)
        self.begun = time.monotonic()
        self.stage, self.finishes = stage, options["exit"]
        size = incident.Size(options["certificates"], options["subscribers"])
        campaign = self._resumed() or self._prepared(size)
        try:
            self._play(campaign)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. `make run` goes on from here; `make clean` forgets it.")

    def _enter(self, stage: Stage) -> None:
        """Become the same command in the closed environment of the rehearsal."""
        file = stage.var / "clock.json"
        if not file.exists():
            clock.set_anchor(file, shown=BEGIN_AT, speed=1)
        os.execve(sys.executable, [sys.executable, *sys.argv], stage.environment())  # noqa: S606 - our own command

    def _resumed(self) -> Campaign | None:
        """The campaign of a rehearsal that was stopped; its clock stood still meanwhile."""
        beat = self.stage.var / "heartbeat"
        if not beat.exists():
            return None
        self._set_clock(datetime.fromisoformat(beat.read_text()), speed=1)
        return Campaign.objects.exclude(launched_at=None).order_by("pk").last()

    def _prepared(self, size: incident.Size) -> Campaign:
        for path in self.stage.var.iterdir():
            if path.suffix != ".secret":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.stage.var / "static").mkdir()
        self._set_clock(BEGIN_AT, speed=1)
        self.stdout.write("Preparing the incident of 2024:")
        self.scenes = Scenes(self.stage.var, size, self.stage.secret("password"), self.stdout.write)
        try:
            return self.scenes.prepare()
        except Refused as error:
            raise CommandError(str(error)) from error

    def _play(self, campaign: Campaign) -> None:
        troupe = Troupe(commands(self.stage), self.stage.var / "logs")
        troupe.start()
        try:
            self._wait_for_site()
            if campaign.state == Campaign.State.APPROVED:
                self.scenes.launch(campaign)
                (self.stage.var / "scenes.json").write_text(json.dumps(self.scenes.seconds))
                campaign.refresh_from_db()
                self._wait_for_first_notice(campaign)
            self._announce(campaign)
            if campaign.state == Campaign.State.RUNNING:
                self._set_clock(clock.now(), speed=self.stage.speed)
                self._watch(campaign, troupe)
                self._finish(campaign)
            while not self.finishes:
                self._breathe(troupe)
        finally:
            self._keep_time()
            troupe.stop()

    def _wait_for_first_notice(self, campaign: Campaign) -> None:
        """Let the workers wake up by the world's clock; a minute of theirs would be a day."""
        end = time.monotonic() + PATIENCE
        while first_notice_at(campaign) is None and time.monotonic() < end:
            time.sleep(0.2)

    def _set_clock(self, shown: datetime, *, speed: float) -> None:
        clock.set_anchor(self.stage.var / "clock.json", shown=shown, speed=speed)

    def _wait_for_site(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self.stage.answers():
            if time.monotonic() > end:
                raise CommandError(f"The site does not answer; {self.stage.var / 'logs' / 'site.log'} says why.")
            time.sleep(0.2)

    def _watch(self, campaign: Campaign, troupe: Troupe) -> None:
        spoken = 0.0
        while campaign.state == Campaign.State.RUNNING:
            self._breathe(troupe)
            campaign.refresh_from_db()
            if time.monotonic() - spoken > STATUS_EVERY:
                spoken = time.monotonic()
                self.stdout.write(self._status(campaign))

    def _status(self, campaign: Campaign) -> str:
        now = clock.now()
        found = counts(campaign, now)
        left = (campaign.deadline - now).total_seconds() / 3600
        return (
            f"{now:%a %d %b %H:%M} UTC  {left:6.1f} h left  {found.scope:,} = {found.revoked:,} revoked + "
            f"{found.remaining:,} remaining + {found.expired:,} expired + {found.excluded:,} excluded"
        )

    def _breathe(self, troupe: Troupe) -> None:
        time.sleep(1)
        self._keep_time()
        for name in troupe.restart_fallen():
            self.stdout.write(f"{name} had ended and was started again.")

    def _keep_time(self) -> None:
        (self.stage.var / "heartbeat").write_text(clock.now().isoformat())

    def _finish(self, campaign: Campaign) -> None:
        told = summary(campaign)
        told["seconds"] = round(time.monotonic() - self.begun, 1)
        (self.stage.base / "rehearsal.json").write_text(json.dumps(told, indent=2) + "\n")
        clock.set_anchor(self.stage.var / "clock.json", shown=clock.now(), speed=1)
        self.stdout.write(
            "\nThe campaign is over:\n" + "\n".join(f"  {name:<24}{value}" for name, value in told.items())
        )
        self.stdout.write(f"\nIn 2024 it took 67 days. Look around at {self.stage.site}/; Ctrl-C stops everything.")
        if self.finishes and told["late"]:
            raise CommandError(f"{told['late']} certificates were late.")

    def _announce(self, campaign: Campaign) -> None:
        site, password = self.stage.site, self.stage.secret("password")
        self.stdout.write(
            f"\n  Progress     {site}/campaigns/{campaign.public_id}/\n"
            f"  Console      {site}/\n"
            f"  The mails    {site}/rehearsal/\n"
            f"  Accounts     {', '.join(('admin', *ROLES))}; password {password}\n"
            f"  Ready after  {time.monotonic() - self.begun:.1f} s; the clock runs {self.stage.speed:g} times as fast\n"
        )
