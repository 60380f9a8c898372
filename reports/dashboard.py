"""The dashboard: the running campaigns at a glance, drafts that wait for a second person, and what is wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from campaigns.models import Campaign, Exclusion, ScopeAddition
from campaigns.services import Counts, latest_counts
from core import clock
from notices.models import InboundMessage
from reports.access import VIEW_CAMPAIGNS
from reports.lateness import problems
from reports.outlook import Outlook, outlook
from revocation.services import alarms

MOST = 20


@dataclass(frozen=True, slots=True)
class Card:
    """One running campaign."""

    campaign: Campaign
    counts: Counts
    counted_at: datetime
    outlook: Outlook
    alarms: list[str]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index of the console shows; nothing about campaigns to those who may not see them."""
    if not request.user.has_perm(VIEW_CAMPAIGNS):
        return {**context, "may_view": False}
    now = clock.now()
    wrong = alarms(now=now)
    waiting = Campaign.objects.filter(state__in=[Campaign.State.DRAFT, Campaign.State.APPROVED])
    return {
        **context,
        "title": "Dashboard",
        "may_view": True,
        "may_draft": request.user.has_perm("campaigns.draft_campaign"),
        "now": now,
        "cards": [
            _card(campaign, [alarm.text for alarm in wrong if alarm.campaign == campaign], now)
            for campaign in Campaign.objects.running().order_by("clock_started_at")[:MOST]
        ],
        "waiting": waiting.select_related("drafted_by", "approved_by")[:MOST],
        "ended": Campaign.objects.filter(ended_at__isnull=False).order_by("-ended_at")[:5],
        "requests": Exclusion.objects.filter(approved_at=None, withdrawn_at=None)
        .filter(Q(until=None) | Q(until__gt=now))
        .select_related("affected_certificate__campaign", "affected_certificate__certificate", "requested_by")[:MOST],
        "additions": ScopeAddition.objects.waiting().select_related("campaign", "proposed_by")[:MOST],
        "problems": problems(now=now),
        "unread": InboundMessage.objects.filter(kind=InboundMessage.Kind.ANSWER, seen_at=None).count(),
    }


def environment(request: HttpRequest) -> list[str] | None:
    """The badge that says that this is a rehearsal, and how fast its clock runs; none otherwise."""
    if not clock.is_rehearsed():
        return None
    return [f"Drill · clock × {clock.speed():g}", "warning"]


def _card(campaign: Campaign, wrong: list[str], now: datetime) -> Card:
    counted, at = latest_counts(campaign, now)
    return Card(campaign, counted, at, outlook(campaign, remaining=counted.remaining, now=now), wrong)
