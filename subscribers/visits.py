"""A contact who has opened the link of a letter; `core.seals` keeps such a visit private."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from audit import actors
from core import clock
from core.errors import Refused
from core.languages import in_this_language, spoken
from core.seals import sealed
from subscribers import links
from subscribers.models import Contact, Subscriber


@dataclass(frozen=True)
class Visit:
    """Somebody who has opened a link: who, and when."""

    request: HttpRequest
    token: str
    contact: Contact
    now: datetime

    @property
    def subscriber(self) -> Subscriber:
        """On whose behalf the visitor speaks."""
        return self.contact.subscriber

    @property
    def acts(self) -> dict[str, Any]:
        """What every verb is told: who and when."""
        return {"actor": actors.contact(self.contact.pk), "now": self.now}

    def url(self, name: str = "page") -> str:
        """The address of one of this visitor's pages."""
        return reverse(f"contact:{name}", args=[self.token])

    def back(self) -> HttpResponse:
        """Lead back to the page, after an act."""
        return HttpResponseRedirect(self.url())


View = Callable[[Visit], HttpResponseBase]


def by_link(view: View) -> Callable[..., HttpResponseBase]:
    """Let a view meet only visitors whose link is good; everybody else learns that, and nothing more."""

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            contact = links.read(token)
        except Refused as refusal:
            is_withdrawn = isinstance(refusal, links.Withdrawn)
            return sealed(spoken(request, "", lambda: no_page(request, is_withdrawn=is_withdrawn)))
        visit = Visit(request, token, contact, clock.now())
        return sealed(spoken(request, contact.language or visit.subscriber.language, lambda: view(visit)))

    return opened


def house() -> dict[str, Any]:
    """What every page says of the CA."""
    return {"ca_name": in_this_language("CA_NAME"), "phone": settings.NOTICE_PHONE}


def no_page(request: HttpRequest, *, is_withdrawn: bool) -> HttpResponse:
    """What somebody sees whose link is not good: nothing of any subscriber."""
    context = {"is_withdrawn": is_withdrawn, **house()}
    return render(request, "subscribers/contact/no_page.html", context, status=410 if is_withdrawn else 404)
