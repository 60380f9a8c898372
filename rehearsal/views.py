"""What went out, as its readers see it, and the plugs that a person may pull."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from campaigns.models import Campaign
from core import clock
from core.errors import Refused
from rehearsal.incident import SLUG
from rehearsal.mailbox import Mail, Mailboxes
from revocation.sandbox import SandboxCA, open_ca

View = Callable[..., HttpResponse]
PAGE = 50
NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'"


def in_rehearsal(view: View) -> View:
    """Let a page exist only while a rehearsal plays."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.REHEARSAL:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@in_rehearsal
@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """The mails that went out, newest first."""
    before, search = request.GET.get("before", ""), request.GET.get("q", "")[:100]
    boxes = _boxes()
    rows = boxes.page(before=int(before[:18]) if before.isdecimal() else None, recipient=search, size=PAGE)
    campaign = Campaign.objects.exclude(launched_at=None).order_by("pk").last()
    ca = _ca()
    context = {
        "mails": rows,
        "count": boxes.count(),
        "search": search,
        "older": rows[-1].id if len(rows) == PAGE else None,
        "campaign": campaign,
        "now": clock.now(),
        "speed": clock.speed(),
        "ca_stopped": bool(ca and ca.is_stopped()),
        "mail_stopped": _post_stopped().exists(),
    }
    return render(request, "rehearsal/mails.html", context)


@in_rehearsal
@require_safe
def mail(request: HttpRequest, key: int) -> HttpResponse:
    """One mail: its headers, its HTML as a reader sees it, and its text."""
    found = _mail(key)
    names = ("From", "To", "Date", "Subject", "Message-ID")
    headers = [(name, found.message[name] or "") for name in names]
    context = {"mail": found, "headers": headers, "text": found.body("plain"), "has_html": bool(found.body("html"))}
    if not found.message["To"]:
        context["headers"] = [("To", found.recipient), ("Date", f"{found.at:%a, %d %b %Y %H:%M} UTC"), *headers]
    return render(request, "rehearsal/mail.html", context)


@in_rehearsal
@require_safe
@xframe_options_sameorigin
def as_seen(request: HttpRequest, key: int) -> HttpResponse:
    """The HTML part alone, with nothing loaded from outside."""
    found = _mail(key)
    html = found.body("html") or "<head></head><p>This mail has no HTML part.</p>"
    answer = HttpResponse(html.replace("<head>", '<head><base target="_top">', 1))
    answer["Content-Security-Policy"] = NOTHING_FROM_OUTSIDE
    return answer


@in_rehearsal
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Pull a plug, or put it back: the CA or the mail."""
    what, on = request.POST.get("what"), request.POST.get("on") == "1"
    ca = _ca()
    if what == "ca" and ca:
        ca.start() if on else ca.stop()
    elif what == "mail":
        _post_stopped().unlink(missing_ok=True) if on else _post_stopped().touch()
    return redirect("rehearsal:mails")


def _boxes() -> Mailboxes:
    return Mailboxes(settings.VAR / "post.sqlite3")


def _mail(key: int) -> Mail:
    if found := _boxes().get(key):
        return found
    raise Http404


def _post_stopped() -> Path:
    path: Path = settings.VAR / "post.stopped"
    return path


def _ca() -> SandboxCA | None:
    try:
        return open_ca(Path(settings.SANDBOX_ROOT), SLUG)
    except Refused:
        return None
