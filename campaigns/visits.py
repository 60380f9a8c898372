"""Who has opened a link of a campaign; `core.seals` keeps such a visit private."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from audit import actors
from campaigns import links, moments
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.models.affected import AffectedCertificateQuerySet
from campaigns.services import record_view
from core import clock
from core.errors import Refused
from core.languages import in_this_language, spoken
from core.seals import sealed
from subscribers.models import Contact

log = logging.getLogger(__name__)
SHOWN = 200


@dataclass(frozen=True)
class Visit:
    """Somebody who has opened a link: on whose behalf, and when."""

    request: HttpRequest
    token: str
    affected: AffectedSubscriber
    contact: Contact
    now: datetime

    @property
    def actor(self) -> str:
        """How the journal names the visitor."""
        return actors.contact(self.contact.pk)

    @property
    def campaign(self) -> Campaign:
        """The campaign that the link belongs to."""
        return self.affected.campaign

    @property
    def zone_name(self) -> str:
        """The contact's time zone, else the subscriber's."""
        return self.contact.time_zone or self.affected.subscriber.time_zone

    @property
    def zone(self) -> tzinfo:
        """The same time zone, ready for use."""
        return moments.zone(self.zone_name)

    @property
    def acts(self) -> dict[str, Any]:
        """What every verb is told: who and when."""
        return {"actor": self.actor, "now": self.now}

    def url(self, name: str = "page") -> str:
        """The address of one of this visitor's pages."""
        return reverse(f"respond:{name}", args=[self.token])

    def back(self) -> HttpResponse:
        """Lead back to the page, after an act."""
        return HttpResponseRedirect(self.url())

    def certificates(self) -> AffectedCertificateQuerySet:
        """The certificates that this visitor may see and choose."""
        return AffectedCertificate.objects.filter(affected_subscriber=self.affected)


View = Callable[[Visit], HttpResponseBase]


def by_link(view: View) -> Callable[..., HttpResponseBase]:
    """Let a view meet only visitors whose link is good; everybody else learns that, and nothing more."""

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            affected, contact = links.read(token)
            if affected.campaign.state in {Campaign.State.DRAFT, Campaign.State.APPROVED}:
                raise Refused("The campaign has not begun.")
        except Refused as refusal:
            is_withdrawn = isinstance(refusal, links.Withdrawn)
            return sealed(spoken(request, "", lambda: no_page(request, is_withdrawn=is_withdrawn)))
        visit = Visit(request, token, affected, contact, clock.now())
        return sealed(spoken(request, contact.language or affected.subscriber.language, lambda: _answer(visit, view)))

    return opened


def _answer(visit: Visit, view: View) -> HttpResponseBase:
    request = visit.request
    if request.method == "POST" and visit.campaign.state != Campaign.State.RUNNING:
        messages.error(request, _("This campaign has ended. Nothing was changed."))
        return visit.back()
    response = view(visit)
    if request.method == "GET" and response.status_code == SHOWN:
        _note_view(visit)
    return response


def _note_view(visit: Visit) -> None:
    """Keep the evidence that a page was shown. Where the database cannot take it, the page is shown all the same."""
    page = (visit.request.resolver_match.url_name if visit.request.resolver_match else "") or ""
    agent = visit.request.headers.get("User-Agent", "")
    try:
        with transaction.atomic():
            record_view(visit.affected, contact=visit.contact, page=page, agent=agent, now=visit.now)
    except DatabaseError:
        log.exception("That %s was shown to contact %d could not be written down.", page, visit.contact.pk)


def house() -> dict[str, Any]:
    """What every page says of the CA."""
    return {"ca_name": in_this_language("CA_NAME"), "phone": settings.NOTICE_PHONE}


def no_page(request: HttpRequest, *, is_withdrawn: bool) -> HttpResponse:
    """What somebody sees whose link is not good: nothing of any campaign."""
    context = {"is_withdrawn": is_withdrawn, **house()}
    return render(request, "campaigns/respond/no_page.html", context, status=410 if is_withdrawn else 404)
