"""The page of a campaign's ladder: its times in UTC and local, whom it addresses, for one subscriber also by name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from campaigns.admin.ladder import Ladder, campaign_ladder, local
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.plan import step_times
from core import clock
from notices.models import Notice
from notices.services import situation
from reports.expecting import for_one
from reports.funnel import notices_by_step
from subscribers.models import Channel

LONGEST = 64


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody whom a step addresses, by which channels, and what time it is there then."""

    name: str
    ways: list[tuple[str, str]]
    local: str


@dataclass(frozen=True, slots=True)
class PersonalRung:
    """A step as it concerns one subscriber: when, who is addressed, or what has become of it."""

    number: int
    at: datetime
    audience: str
    is_ahead: bool
    people: list[Addressee]
    written: list[Notice]


@dataclass(frozen=True, slots=True)
class Personal:
    """The ladder of one affected subscriber by its own earliest deadline."""

    affected: AffectedSubscriber
    deadline: datetime
    is_told: bool
    rungs: list[PersonalRung]


def ladder_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The whole ladder; with `?subscriber=` and a reference also for that subscriber, by name."""
    campaign, now = get_object_or_404(Campaign, public_id=public_id), clock.now()
    asked = request.GET.get("subscriber", "").replace("\x00", "").strip()[:LONGEST]
    rows = campaign.affected_subscribers.select_related("subscriber", "campaign")
    affected = rows.filter(subscriber__reference=asked).first() if asked else None
    ladder: Ladder = campaign_ladder(campaign, now=now)
    context = {
        "title": "Ladder of notices",
        "campaign": campaign,
        "here": "ladder",
        "now": now,
        "ladder": ladder,
        "written": notices_by_step(campaign) if campaign.launched_at else [],
        "asked": asked,
        "personal": personal(affected, now=now) if affected else None,
    }
    return TemplateResponse(request, "reports/ladder.html", {**admin.site.each_context(request), **context})


def personal(affected: AffectedSubscriber, *, now: datetime) -> Personal:
    """What the ladder is for one subscriber, at a launch now if it has not been launched."""
    [where] = situation.load([affected], now=now)
    campaign = affected.campaign
    deadline = where.deadline or campaign.deadline
    times = step_times(where.steps, start=campaign.launched_at or now, deadline=deadline)
    notices = Notice.objects.filter(affected_subscriber=affected, step__isnull=False).select_related("contact")
    rungs = []
    for step, at, people in zip(where.steps, times, for_one(where), strict=True):
        is_ahead = step.order >= affected.next_step or campaign.launched_at is None
        named = [
            Addressee(
                str(contact),
                [(str(Channel(channel).label), address) for channel, address in ways],
                local(at, where.time_zone_of(contact)) + f" {where.time_zone_of(contact)}",
            )
            for contact, ways in people
        ]
        written = [each for each in notices if each.step_id == step.pk]
        rungs.append(
            PersonalRung(step.order + 1, at, step.get_audience_display(), is_ahead, named if is_ahead else [], written)
        )
    is_told = campaign.launched_at is None or where.is_to_be_told
    return Personal(affected, deadline, is_told, rungs)
