"""What mail providers report, at `/anymail/<provider>/tracking/`, and the mail that they
hand on, at `/anymail/<provider>/inbound/`. Signatures are checked by Anymail.

Anymail would take reports of any provider, and from anybody where the provider does not sign and no WEBHOOK_SECRET is
set. Here a provider that is not configured, or not protected, is not found.
"""

import warnings
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailInsecureWebhookWarning
from anymail.signals import (
    AnymailInboundEvent,
    AnymailTrackingEvent,
    EventType,
    RejectReason,
    inbound,
    tracking,
)
from anymail.urls import urlpatterns as anymail_patterns
from django.dispatch import receiver
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt

from core import clock
from notices.services import Report, record_delivery, record_inbound

View = Callable[..., HttpResponseBase]
# What Anymail warns of, reports that anybody could send, is refused here.
warnings.filterwarnings("ignore", category=AnymailInsecureWebhookWarning)
PASSES = {RejectReason.TIMED_OUT, RejectReason.BLOCKED, RejectReason.SPAM}
"""Reasons that are about the server, the network or us, not about the address."""


@receiver(tracking, dispatch_uid="notices.record_delivery")
def record_report(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Record one report; whatever it is about, the provider is answered 200 and does not send it again."""
    now = clock.now()
    at, message_id = event.timestamp or now, _plain(event.message_id)
    derived = sha256(f"{event.event_type}|{at.isoformat()}|{message_id}|{event.recipient}".encode()).hexdigest()
    record_delivery(
        Report(
            esp=esp_name[:40],
            event_id=(_plain(event.event_id) or derived)[:255],
            kind=event.event_type,
            at=at,
            notice=str((event.metadata or {}).get("notice", "")),
            message_id=message_id,
            is_permanent=_is_permanent(event),
            detail=_plain(" ".join(filter(None, (event.reject_reason, event.mta_response, event.description)))),
        ),
        now=now,
    )


@receiver(inbound, dispatch_uid="notices.record_inbound")
def record_message(sender: Any, event: AnymailInboundEvent, esp_name: str, **kwargs: Any) -> None:
    """Record a message that a provider hands on; one that is told twice counts once."""
    now = clock.now()
    message = event.message
    if message.envelope_recipient and message.envelope_recipient not in str(message.get("Delivered-To", "")):
        message["Delivered-To"] = message.envelope_recipient
    record_inbound(message.as_bytes(), source=esp_name, received_at=event.timestamp or now, now=now)


def _plain(text: str | None) -> str:
    """A text without NUL, which some mail servers' answers hold and PostgreSQL cannot keep."""
    return (text or "").replace("\0", "")


def _is_permanent(event: AnymailTrackingEvent) -> bool:
    return event.event_type in {EventType.BOUNCED, EventType.REJECTED} and event.reject_reason not in PASSES


def _guarded(callback: Any) -> View:
    """The view of one provider, not found unless its reports can be told from anybody's."""

    @csrf_exempt
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            checker = callback.view_class()
        except AnymailConfigurationError as error:
            raise Http404("This provider is not configured.") from error
        if checker.warn_if_no_basic_auth and not checker.basic_auth:
            raise Http404("This provider does not sign its reports, and no WEBHOOK_SECRET is set.")
        answer: HttpResponseBase = callback(request, *args, **kwargs)
        return answer

    return view


urlpatterns = [URLPattern(each.pattern, _guarded(each.callback), name=each.name) for each in anymail_patterns]
