"""The page of a campaign: what is to do before the launch, its progress after it; the same numbers as JSON."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.template.response import TemplateResponse
from django.urls import reverse

from campaigns.admin.acts import may_import, offered
from campaigns.admin.additions import may_propose
from campaigns.models import Campaign
from core import clock
from core.acts import Act
from reports.journal import journal
from reports.parts import DoesNotAddUp
from reports.preparation import preparation
from reports.progress import as_json, fingerprint, recent_progress
from revocation.admin.revocations import RETRY

BESIDE = "rehearsal/beside.html"
"""What a rehearsal shows beside the chart, if it is there."""

ADDITIONS = 50


def campaign_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The page of one campaign."""
    campaign, now = _campaign(public_id), clock.now()
    context = {**_frame(request, campaign), "now": now}
    if campaign.launched_at is None:
        context["preparation"] = preparation(campaign, now=now)
        return TemplateResponse(request, "reports/preparation.html", context)
    try:
        found = recent_progress(campaign, now=now)
    except DoesNotAddUp as fault:
        return TemplateResponse(request, "reports/fault.html", {**context, "fault": fault}, status=500)
    context |= {"progress": found, "chart": found.chart.as_json() | {"deadline": campaign.deadline.timestamp()}}
    context["additions"] = campaign.additions.select_related("campaign", "proposed_by", "approved_by")[:ADDITIONS]
    return TemplateResponse(request, "reports/progress.html", context)


def sections(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The parts of the page that are more than numbers, for a page that refreshes itself."""
    campaign, now = _campaign(public_id), clock.now()
    context = {"campaign": campaign, "progress": recent_progress(campaign, now=now), "now": now}
    return TemplateResponse(request, "reports/_sections.html", context)


def progress_json(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The numbers of the page; 304 when nothing has happened since the reader last asked."""
    campaign, now = _campaign(public_id), clock.now()
    tag = f'"{fingerprint(campaign, now=now)}"'
    if request.headers.get("If-None-Match") == tag:
        answer: HttpResponse = HttpResponse(status=304)
    else:
        try:
            answer = JsonResponse(as_json(recent_progress(campaign, now=now)))
        except DoesNotAddUp as fault:
            return JsonResponse({"error": str(fault)}, status=500)
    answer["ETag"] = tag
    answer["Cache-Control"] = "private, no-cache"
    return answer


def journal_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The journal of a campaign, newest first."""
    campaign = _campaign(public_id)
    verb, before = request.GET.get("verb", "").replace("\x00", "")[:80], request.GET.get("before", "")
    page = journal(campaign, verb=verb, before=int(before[:18]) if before.isdecimal() else 0)
    context = {**_frame(request, campaign), "title": "Journal", "page": page, "verb": verb, "now": clock.now()}
    return TemplateResponse(request, "reports/journal.html", context)


def _campaign(public_id: UUID) -> Campaign:
    return get_object_or_404(
        Campaign.objects.select_related("drafted_by", "approved_by", "cancel_requested_by"), public_id=public_id
    )


def _frame(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """What all pages about a campaign share: the console around them and the acts that this person may do."""
    return {
        **admin.site.each_context(request),
        "title": campaign.title,
        "campaign": campaign,
        "acts": [_button(act, campaign) for act in (*offered(campaign, request.user), *_retry(campaign, request))],
        "may_import": may_import(campaign, request.user),
        "may_propose": may_propose(campaign, request.user),
        "speed": clock.speed(),
        "is_rehearsed": clock.is_rehearsed(),
        "beside": BESIDE if campaign.is_drill and clock.is_rehearsed() and _exists(BESIDE) else "",
    }


def _button(act: Act[Campaign], campaign: Campaign) -> dict[str, Any]:
    app = "revocation_revocation" if act is RETRY else "campaigns_campaign"
    url = reverse(f"admin:{app}_{act.name}", args=[campaign.pk])
    return {"name": act.name, "title": act.title, "is_grave": act.is_grave, "url": url}


def _retry(campaign: Campaign, request: HttpRequest) -> list[Act[Campaign]]:
    return [RETRY] if RETRY.is_permitted(request.user) and RETRY.is_offered(campaign) else []


def _exists(template: str) -> bool:
    try:
        get_template(template)
    except TemplateDoesNotExist:
        return False
    return True
