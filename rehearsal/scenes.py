"""The scenes before the clock runs: accounts, the incident's files, import, draft, approval, launch."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from audit.actors import staff
from campaigns.models import Campaign
from campaigns.services import approve_campaign, draft_campaign, import_scope, launch_campaign
from core import clock
from core.errors import Refused
from rehearsal import history, incident
from subscribers.models import Certificate
from subscribers.services import import_register
from subscribers.sources import open_source

T = TypeVar("T")
ROLES = ("operator", "approver", "caller", "auditor")
EXPLANATION = (
    "The basicConstraints extension of these certificates is present but not marked critical, as BR 7.1.2.7.6 demands. "
    "The fault is ours, in the profile that we issued them with. Nothing that you did caused it; your keys are safe."
)


@dataclass
class Scenes:
    """Prepares one rehearsal and says what it does, with the seconds that each scene took."""

    var: Path
    size: incident.Size
    password: str
    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def prepare(self) -> Campaign:
        """Everything up to the approval."""
        self._scene("database", self._database)
        self._scene("accounts", self._accounts)
        self._scene("incident", lambda: incident.make(self.var / "register", settings.SITE_URL, self.size))
        self._scene("register import", self._register)
        campaign = self._scene("draft and scope", self._draft)
        self._scene("approval", lambda: self._approve(campaign))
        return campaign

    def launch(self, campaign: Campaign) -> None:
        """Let the campaign begin."""
        self._scene("launch", lambda: launch_campaign(campaign, actor=staff("operator"), now=clock.now()))

    def _scene(self, name: str, act: Callable[[], T]) -> T:
        begun = time.monotonic()
        result = act()
        self.seconds[name] = round(time.monotonic() - begun, 2)
        self.say(f"  {name:<16} {self.seconds[name]:6.2f} s")
        return result

    def _database(self) -> None:
        call_command("migrate", verbosity=0)

    def _accounts(self) -> None:
        User.objects.create_superuser("admin", password=self.password)
        for name in ROLES:
            user = User.objects.create_user(name, password=self.password, is_staff=True)
            user.groups.add(Group.objects.get(name=name))

    def _register(self) -> None:
        folder = self.var / "register"
        tables = ("issuers.csv", "subscribers.csv", "contacts.csv", "commitments.csv")
        names = (*tables, "certificates.pem", "other-certificates.pem")
        report = import_register(
            [folder / name for name in names], commit=True, actor=staff("operator"), now=clock.now()
        )
        if report.errors:
            raise Refused(f"The register's files have errors: {report.errors[0]}")
        self.say(f"  {Certificate.objects.count():,} certificates in the register")

    def _draft(self) -> Campaign:
        campaign = draft_campaign(
            title="basicConstraints not critical",
            rule="12",
            kind=Campaign.Kind.DRILL,
            explanation=EXPLANATION,
            clock_started_at=history.REPORT_READ_AT,
            fixed_at=history.FIXED_AT,
            author=User.objects.get(username="operator"),
            now=clock.now(),
        )
        scope = [open_source(self.var / "register" / "scope.csv")]
        report = import_scope(campaign, scope, commit=True, actor=staff("operator"), now=clock.now())
        told = ", ".join(f"{number:,} {name}" for name, number in report.counts.items() if number)
        self.say(f"  scope: {report.lines:,} lines = {told}")
        campaign.refresh_from_db()
        return campaign

    def _approve(self, campaign: Campaign) -> None:
        approver = User.objects.get(username="approver")
        approve_campaign(
            campaign,
            digest=campaign.scope_digest,
            typed_count=campaign.scope_count,
            approver=approver,
            now=clock.now(),
        )
        campaign.refresh_from_db()
