"""What still has to be done before a campaign can be launched: rule, scope, people, ladder, timing, approval."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.admin.briefing import Briefing, briefing
from campaigns.models import Campaign, ScopeImport, ScopeLine
from core.figures import duration, number, utc
from reports.first_notices import first_notices
from revocation.services import last_safe_start

IMPORTS = 20


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the way to the launch: `done`, `open` or `stop`, and why."""

    key: str
    title: str
    mark: str
    note: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """The way to the launch of one campaign."""

    briefing: Briefing
    stages: list[Stage]
    imports: list[tuple[ScopeImport, list[tuple[str, int]]]]
    last_safe_start: datetime | None


def preparation(campaign: Campaign, *, now: datetime) -> Preparation:
    """How far a campaign that has not been launched has come."""
    known = briefing(campaign, now=now)
    start = last_safe_start(campaign, now=now)
    labels = dict(ScopeLine.Classification.choices)
    return Preparation(
        briefing=known,
        stages=[
            _rule(campaign),
            _scope(campaign),
            _people(known),
            _timing(start, now),
            _telling(campaign, now),
            _approval(campaign),
        ],
        imports=[
            (each, [(str(labels.get(key, key)), count) for key, count in each.counts.items() if count])
            for each in campaign.scope_imports.order_by("-pk")[:IMPORTS]
        ],
        last_safe_start=start,
    )


def _rule(campaign: Campaign) -> Stage:
    return Stage("rule", "Rule", "done", f"item {campaign.rule}, {campaign.crl_reason}")


def _scope(campaign: Campaign) -> Stage:
    if not campaign.scope_count:
        return Stage("scope", "Scope", "stop", "no certificates yet")
    return Stage(
        "scope", "Scope", "done", f"{number(campaign.scope_count)} certificates, version {campaign.scope_version}"
    )


def _people(known: Briefing) -> Stage:
    people = known.audience
    if not people.total:
        return Stage("people", "Who is affected", "open", "nobody yet")
    note = f"{number(people.total)} subscribers"
    if people.without_contact:
        return Stage(
            "people", "Who is affected", "open", f"{note}, {number(people.without_contact)} without an address"
        )
    return Stage("people", "Who is affected", "done", note)


def _timing(start: datetime | None, now: datetime) -> Stage:
    if start is None:
        return Stage("timing", "Timing", "open", "follows from the scope")
    if start < now:
        return Stage("timing", "Timing", "stop", f"the last safe start was {utc(start)}: launch at once")
    return Stage("timing", "Timing", "done", f"{duration(start - now)} to the last safe start of revocation")


def _telling(campaign: Campaign, now: datetime) -> Stage:
    found = first_notices(campaign, now=now)
    if found.takes is None:
        return Stage("telling", "First notices", "open", "nobody to tell yet")
    note = f"the last one about {duration(found.takes)} after a launch now"
    if found.is_late:
        return Stage("telling", "First notices", "stop", f"{note}: more than a tenth of the window")
    return Stage("telling", "First notices", "done", note)


def _approval(campaign: Campaign) -> Stage:
    if campaign.state == Campaign.State.CANCELLED:
        return Stage("approval", "Approval", "stop", "the campaign was cancelled")
    if campaign.approved_at and campaign.approved_by:
        return Stage("approval", "Approval", "done", f"by {campaign.approved_by}, {utc(campaign.approved_at)}")
    return Stage("approval", "Approval", "open", "by another person than the author")
