"""The pages behind the numbers: certificates, subscribers, one subscriber, the at-risk board."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from campaigns.models import AffectedSubscriber, Campaign
from core import clock
from reports.board import board, needs_person, unread_answers
from reports.lists import (
    CERTIFICATE_PARTS,
    SUBSCRIBER_STEPS,
    certificates,
    certificates_csv,
    keyset,
    subscribers,
    subscribers_csv,
)
from reports.person import person
from subscribers.models import SubscriberClass

MOST_CASES = 200
MOST_ANSWERS = 50


def certificate_list(request: HttpRequest, public_id: UUID | None = None) -> HttpResponseBase:
    """The affected certificates behind a number, of one campaign or of all that run; `?format=csv` streams them all."""
    campaign = get_object_or_404(Campaign, public_id=public_id) if public_id else None
    part, search = _choice(request, "part", CERTIFICATE_PARTS, "remaining"), text(request, "q")
    issuer, subscriber_class = text(request, "issuer"), text(request, "class")
    now = clock.now()
    rows = certificates(campaign, part=part, search=search, issuer=issuer, subscriber_class=subscriber_class, now=now)
    if request.GET.get("format") == "csv":
        return _download(certificates_csv(rows), f"certificates-{part}.csv")
    context = {
        **frame(request, "Certificates", campaign),
        "part": part,
        "parts": CERTIFICATE_PARTS,
        "search": search,
        "now": now,
        "issuer": issuer,
        "subscriber_class": subscriber_class,
        "classes": SubscriberClass.choices,
        "page": keyset(rows, after=number(request, "after")),
    }
    return TemplateResponse(request, "reports/certificates.html", context)


def subscriber_list(request: HttpRequest, public_id: UUID) -> HttpResponseBase:
    """The affected subscribers behind a number of the funnel."""
    campaign = get_object_or_404(Campaign, public_id=public_id)
    part, search = _choice(request, "part", SUBSCRIBER_STEPS, "total"), text(request, "q")
    subscriber_class, now = text(request, "class"), clock.now()
    rows = subscribers(campaign, step=part, search=search, subscriber_class=subscriber_class, now=now)
    if request.GET.get("format") == "csv":
        return _download(subscribers_csv(rows), f"subscribers-{part}.csv")
    context = {
        **frame(request, "Subscribers", campaign),
        "part": part,
        "parts": SUBSCRIBER_STEPS,
        "search": search,
        "now": now,
        "subscriber_class": subscriber_class,
        "classes": SubscriberClass.choices,
        "page": keyset(rows, after=number(request, "after")),
    }
    return TemplateResponse(request, "reports/subscribers.html", context)


def subscriber_page(request: HttpRequest, public_id: UUID, subscriber_id: UUID) -> HttpResponseBase:
    """One subscriber in one campaign: contacts, notices, calls, certificates, events."""
    affected = get_object_or_404(
        AffectedSubscriber.objects.select_related("campaign", "subscriber", "acknowledged_by"),
        campaign__public_id=public_id,
        public_id=subscriber_id,
    )
    now = clock.now()
    context = {
        **frame(request, affected.subscriber.name, affected.campaign),
        "affected": affected,
        "person": person(affected, user=request.user, after=number(request, "after"), now=now),
        "now": now,
    }
    return TemplateResponse(request, "reports/subscriber.html", context)


def board_page(request: HttpRequest, public_id: UUID | None = None) -> HttpResponseBase:
    """The at-risk board of one campaign, or of all that run."""
    campaign = get_object_or_404(Campaign, public_id=public_id) if public_id else None
    subscriber_class, now = text(request, "class"), clock.now()
    rows = AffectedSubscriber.objects.filter(campaign__in=Campaign.objects.running())
    if campaign:
        rows = AffectedSubscriber.objects.filter(campaign=campaign)
    if subscriber_class in SubscriberClass.values:
        rows = rows.filter(subscriber__subscriber_class=subscriber_class)
    concerned = needs_person(rows, now)
    is_everything = campaign is None and subscriber_class not in SubscriberClass.values
    unread = unread_answers(None if is_everything else rows)
    context = {
        **frame(request, "At risk", campaign),
        "cases": board(concerned, now=now, limit=MOST_CASES),
        "total": concerned.count(),
        "unread": unread[:MOST_ANSWERS],
        "unread_total": unread.count(),
        "now": now,
        "subscriber_class": subscriber_class,
        "classes": SubscriberClass.choices,
    }
    return TemplateResponse(request, "reports/board.html", context)


def frame(request: HttpRequest, title: str, campaign: Campaign | None) -> dict[str, Any]:
    """What all lists share: the console around them, and the address without its place in the list."""
    query = request.GET.copy()
    for place in ("after", "page"):
        query.pop(place, None)
    return {**admin.site.each_context(request), "title": title, "campaign": campaign, "query": query.urlencode()}


def _choice(request: HttpRequest, name: str, allowed: dict[str, str], default: str) -> str:
    chosen = request.GET.get(name) or default
    if chosen not in allowed:
        raise BadRequest(f"{name} can be {', '.join(allowed)}.")
    return chosen


def text(request: HttpRequest, name: str) -> str:
    """A short text of the address, without what no database holds."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:200]


def number(request: HttpRequest, name: str) -> int:
    """A number of the address; 0 for anything else."""
    said = request.GET.get(name, "")
    return int(said[: 9 if name == "page" else 18]) if said.isdecimal() else 0


def _download(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
