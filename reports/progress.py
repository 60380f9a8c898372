"""The progress of a campaign. One function feeds the page, its JSON and the command, so that they cannot differ."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache

from audit.models import Event
from campaigns.models import AffectedSubscriber, Campaign, Snapshot
from campaigns.services import Counts, counts
from core import clock
from core.figures import iso, number
from reports import first_notices
from reports.board import RiskCase, board
from reports.chart import Chart, chart
from reports.first_notices import FirstNotices
from reports.funnel import Funnel, funnel, notices_by_outcome, notices_by_step
from reports.hands import Coming, coming, revocations_by_state, waves
from reports.journal import event_as_json, journal
from reports.lateness import problems
from reports.lists import SUBSCRIBER_STEPS
from reports.outlook import Outlook, outlook
from reports.parts import Part, by_class, by_issuer, check_sum
from revocation.services import alarms

BOARD = 8
LATEST_EVENTS = 12
FRESH = timedelta(seconds=10)
"""How long what was counted may be shown although time has passed, when no event has been written since."""
LARGE = 100_000
LARGE_FRESH = 60
"""Seconds of the world for which the counts of a campaign of more than `LARGE` certificates are kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything that the progress page shows, as of `at`."""

    campaign: Campaign
    at: datetime
    counts: Counts
    classes: list[Part]
    issuers: list[Part]
    funnel: Funnel
    notices: dict[str, int]
    notice_steps: list[dict[str, object]]
    revocations: dict[str, int]
    waves: list[dict[str, object]]
    outlook: Outlook
    first_notices: FirstNotices
    chart: Chart
    coming: list[Coming]
    at_risk: list[RiskCase]
    alarms: list[str]
    events: list[Event]

    @property
    def left(self) -> timedelta:
        """The time to the deadline; negative when it has passed."""
        return self.campaign.deadline - self.at

    @property
    def bar(self) -> list[tuple[str, int]]:
        """The four parts of the scope, in the order in which they are drawn."""
        return [(name, getattr(self.counts, name)) for name in ("revoked", "remaining", "expired", "excluded")]

    @property
    def funnel_rows(self) -> list[tuple[str, str, int]]:
        """The steps of the funnel with their labels, without the whole."""
        counted = self.funnel.as_json()
        return [(name, SUBSCRIBER_STEPS[name], count) for name, count in counted.items() if name != "total"]

    @property
    def notice_rows(self) -> list[tuple[str, int]]:
        """The notices by outcome, without the whole."""
        return [(name, count) for name, count in self.notices.items() if name != "total"]

    @property
    def revocation_words(self) -> str:
        """The revocations by state, on one line."""
        return " · ".join(f"{name} {number(n)}" for name, n in self.revocations.items() if n and name != "total")

    @property
    def first_notices_words(self) -> str:
        """When everybody has been told for the first time, or will have been."""
        return first_notices.sentence(self.first_notices)

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.left <= timedelta(0)


def progress(campaign: Campaign, *, now: datetime) -> Progress:
    """Count a campaign as of `now`. Raises `DoesNotAddUp` rather than show numbers that contradict each other (R18)."""
    counted, classes, issuers = counts(campaign, now), by_class(campaign, now), by_issuer(campaign, now)
    _check(counted, classes)
    _check(counted, issuers)
    expected = outlook(campaign, remaining=counted.remaining, now=now)
    told = first_notices.first_notices(campaign, now=now)
    rows = AffectedSubscriber.objects.filter(campaign=campaign)
    return Progress(
        campaign=campaign,
        at=now,
        counts=counted,
        classes=classes,
        issuers=issuers,
        funnel=funnel(campaign, now),
        notices=notices_by_outcome(campaign),
        notice_steps=notices_by_step(campaign),
        revocations=revocations_by_state(campaign),
        waves=waves(campaign),
        outlook=expected,
        first_notices=told,
        chart=chart(campaign, remaining=counted.remaining, scope=counted.scope, finish=expected.finish, now=now),
        coming=coming(campaign, last_safe_start=expected.last_safe_start, now=now),
        at_risk=board(rows.at_risk(now), now=now, limit=BOARD) if campaign.state == Campaign.State.RUNNING else [],
        alarms=_alarms(campaign, told, now),
        events=journal(campaign, size=LATEST_EVENTS).events,
    )


def fingerprint(campaign: Campaign, *, now: datetime) -> str:
    """Changes whenever the numbers may have: each change writes an event, and time itself moves on in steps."""
    if campaign.scope_count > LARGE:
        return f"{campaign.public_id}-{int(clock.real_now().timestamp()) // LARGE_FRESH}"
    event = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    snapshot = Snapshot.objects.filter(campaign=campaign).order_by("-pk").values_list("pk", flat=True).first()
    tick = int(now.timestamp() // clock.stretched(FRESH).total_seconds())
    return f"{campaign.public_id}-{event or 0}-{snapshot or 0}-{tick}"


def recent_progress(campaign: Campaign, *, now: datetime) -> Progress:
    """The progress as of now or of a moment ago, if nothing has happened since: many watchers cost one count."""
    key = f"progress-{fingerprint(campaign, now=now)}"
    found = cache.get(key)
    if not isinstance(found, Progress):
        found = progress(campaign, now=now)
        cache.set(key, found, timeout=LARGE_FRESH)
    return found


def as_json(found: Progress) -> dict[str, Any]:
    """The progress as other programs read it; the keys are a contract (docs/progress-json.md)."""
    campaign = found.campaign
    return {
        "campaign": _campaign_as_json(campaign),
        "at": iso(found.at),
        "clock": {"is_rehearsed": clock.is_rehearsed(), "speed": clock.speed()},
        "deadline": iso(campaign.deadline),
        "seconds_left": int(found.left.total_seconds()),
        "outlook": found.outlook.as_json(found.at),
        "first_notices": first_notices.as_json(found.first_notices),
        "certificates": asdict(found.counts),
        "subscribers": found.funnel.as_json(),
        "notices": found.notices,
        "notice_steps": found.notice_steps,
        "revocations": found.revocations,
        "waves": found.waves,
        "classes": [part.as_json() for part in found.classes],
        "issuers": [part.as_json() for part in found.issuers],
        "coming": [each.as_json() for each in found.coming],
        "at_risk": [case.as_json(found.at) for case in found.at_risk],
        "alarms": found.alarms,
        "events": [event_as_json(event) for event in found.events],
        "chart": found.chart.as_json(),
    }


def _campaign_as_json(campaign: Campaign) -> dict[str, Any]:
    return {
        "public_id": str(campaign.public_id),
        "title": campaign.title,
        "kind": campaign.kind,
        "state": campaign.state,
        "rule_pack": campaign.rule_pack,
        "rule": campaign.rule,
        "crl_reason": campaign.crl_reason,
        "clock_started_at": iso(campaign.clock_started_at),
        "launched_at": iso(campaign.launched_at),
        "ended_at": iso(campaign.ended_at),
        "halted_at": iso(campaign.halted_at),
        "halt_reason": campaign.halt_reason,
        "scope_version": campaign.scope_version,
        "scope_digest": campaign.scope_digest,
        "scope_count": campaign.scope_count,
    }


def _check(counted: Counts, parts: list[Part]) -> None:
    check_sum("Scope", counted.scope, (counted.revoked, counted.remaining, counted.expired, counted.excluded))
    for name in ("scope", "revoked", "remaining", "expired", "excluded"):
        check_sum(name.capitalize(), getattr(counted, name), tuple(getattr(part, name) for part in parts))


def _alarms(campaign: Campaign, told: FirstNotices, now: datetime) -> list[str]:
    """What is wrong with this campaign, and with the work as a whole."""
    if campaign.state != Campaign.State.RUNNING:
        return []
    own = [alarm.text for alarm in alarms(now=now) if alarm.campaign == campaign]
    return own + first_notices.alarms(told) + problems(now=now)
