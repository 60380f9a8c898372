"""What mail providers report, at `/anymail/<provider>/tracking/`, and the mail that they
hand on, at `/anymail/<provider>/inbound/`. Signatures are checked by Anymail.

Anymail would take reports of any provider, and from anybody where the provider does not sign and no WEBHOOK_SECRET is
set. Here a provider that is not configured, or not protected, is not found. What cannot be read is answered 400, what
is too large 413, and where the provider's own server has to be asked and is away 503, so that it is sent again.
"""

import json
import logging
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import Message
from email.policy import compat32
from hashlib import sha256
from typing import Any

from anymail.exceptions import (
    AnymailConfigurationError,
    AnymailDeprecationWarning,
    AnymailError,
    AnymailInsecureWebhookWarning,
    AnymailNotSupportedWarning,
)
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, inbound, tracking
from anymail.urls import urlpatterns as anymail_patterns
from anymail.webhooks.amazon_ses import AmazonSESInboundWebhookView, AmazonSESTrackingWebhookView
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt

from core import clock
from core.errors import Refused, Unavailable
from notices.mime import content
from notices.reported import blames_address
from notices.services import Report, record_delivery, record_inbound
from notices.sns import SesInbound, SesTracking
from notices.wording import one_line

log = logging.getLogger(__name__)
View = Callable[..., HttpResponseBase]
# What Anymail warns of, reports that anybody could send, is refused here; the others are the operator's choice.
for _warning in (AnymailInsecureWebhookWarning, AnymailDeprecationWarning, AnymailNotSupportedWarning):
    warnings.filterwarnings("ignore", category=_warning)
OURS = {AmazonSESTrackingWebhookView: SesTracking, AmazonSESInboundWebhookView: SesInbound}
UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    AnymailError,
    AnymailConfigurationError,
    Refused,
)
"""What reading a payload of the wrong form raises, in Anymail or below it."""


class UnreadableReport(SuspiciousOperation):
    """A payload that is not what this address takes; the provider is answered 400."""


@receiver(tracking, dispatch_uid="notices.record_delivery")
def record_report(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Record one report; whatever it is about, the provider is answered 200 and does not send it again."""
    now = clock.now()
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    told = filter(None, (event.reject_reason, event.mta_response, event.description))
    record_delivery(
        Report(
            esp=esp_name[:40],
            event_id=_event_id(event),
            kind=str(event.event_type),
            at=_moment(event.timestamp) or now,
            notice=_plain(metadata.get("notice")),
            message_id=_plain(event.message_id)[:255],
            is_permanent=blames_address(
                esp_name, event.event_type, event.reject_reason or "", event.esp_event, _plain(event.mta_response)
            ),
            detail=_plain(" ".join(str(each) for each in told)),
        ),
        now=now,
    )


@receiver(inbound, dispatch_uid="notices.record_inbound")
def record_message(sender: Any, event: AnymailInboundEvent, esp_name: str, **kwargs: Any) -> None:
    """Record a message that a provider hands on; one that is told twice counts once."""
    now = clock.now()
    if event.message is None:
        log.warning("%s tells of a message and does not hand it on.", esp_name)
        return
    raw, to = message_bytes(event.message), one_line(_plain(event.message.envelope_recipient), longest=320)
    if to and to.encode() not in raw.partition(b"\n\n")[0]:
        raw = b"Delivered-To: " + to.encode() + b"\n" + raw
    record_inbound(raw, source=esp_name, received_at=_moment(event.timestamp) or now, now=now)


def message_bytes(message: Message) -> bytes:
    """A message as it may have come, the same bytes each time it comes.

    One that cannot be turned back as a whole keeps its header and its words.
    """
    for policy in (message.policy, compat32):
        try:
            _set_boundaries(message)
            return message.as_bytes(policy=policy)
        except Exception:  # noqa: BLE001 - the standard library raises many things at odd mail
            log.info("A message that a provider handed on cannot be written with %s.", type(policy).__name__)
    named = [f"{name}: {one_line(str(value), longest=2000)}" for name, value in message.raw_items()]
    kept = [each for each in named if not each.lower().startswith(("content-", "mime-version"))]
    kept += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return "\n".join([*kept, "", *_words(message)]).encode("utf-8", "replace")


def _words(message: Message) -> list[str]:
    try:
        return [content(part) for part in message.walk() if part.get_content_type() == "text/plain"]
    except Exception:  # noqa: BLE001 - what cannot be read cannot be kept; that it came is kept
        return []


def _set_boundaries(message: Message) -> None:
    """Where Anymail has put a message together from parts, Python would draw new boundaries each time it is written."""
    bare = [part for part in message.walk() if part.get_content_maintype() == "multipart" and not part.get_boundary()]
    if not bare:
        return
    digest = sha256()
    for part in message.walk():
        payload = part.get_payload()
        digest.update((payload if isinstance(payload, str) else "").encode("utf-8", "replace"))
    for place, part in enumerate(bare):
        part.set_boundary(f"={place}={digest.hexdigest()[:40]}")


def _event_id(event: AnymailTrackingEvent) -> str:
    """The provider's identifier of a report, or else one that is the same whenever the same report comes."""
    if given := _plain(event.event_id):
        return given[:255]
    when = event.timestamp.isoformat() if event.timestamp else json.dumps(event.esp_event, default=str, sort_keys=True)
    return sha256(f"{event.event_type}|{when}|{_plain(event.message_id)}|{event.recipient}".encode()).hexdigest()


def _moment(found: datetime | None) -> datetime | None:
    """A provider's time; one without a zone is UTC."""
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _plain(value: object) -> str:
    """A text that every database keeps: without NUL, which some mail servers' answers hold, and halves of characters.

    Some providers number their messages.
    """
    return "" if value is None else str(value).encode("utf-8", "replace").decode().replace("\0", "")


def _guarded(callback: Any) -> View:
    """The view of one provider, not found unless its reports can be told from anybody's."""
    view_class = OURS.get(callback.view_class, callback.view_class)

    @csrf_exempt
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            checker = view_class()
        except AnymailConfigurationError as error:
            raise Http404("This provider is not configured.") from error
        if checker.warn_if_no_basic_auth and not checker.basic_auth:
            raise Http404("This provider does not sign its reports, and no WEBHOOK_SECRET is set.")
        if _size(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            log.warning("A post of %s bytes to %s is too large and was refused.", _size(request), request.path)
            return HttpResponse("Too large.", status=413, content_type="text/plain")
        checker.setup(request, *args, **kwargs)
        checker.run_validators = _sorting(checker.run_validators, is_check=True)
        checker.parse_events = _sorting(checker.parse_events)
        try:
            answer: HttpResponseBase = checker.dispatch(request, *args, **kwargs)
        except Unavailable as error:
            log.warning("%s: %s", request.path, error)
            return HttpResponse("Try again later.", status=503, content_type="text/plain")
        return answer

    return view


def _size(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdigit() else 0


def _sorting(read: Callable[[HttpRequest], Any], *, is_check: bool = False) -> Callable[[HttpRequest], Any]:
    """Anymail's way of checking or reading a payload, with what it raises sorted by whose fault it is."""

    def sorted_out(request: HttpRequest) -> Any:
        try:
            found = read(request)
        except (SuspiciousOperation, Unavailable):
            raise
        except OSError as error:  # the provider's own server, which has the message
            raise Unavailable(one_line(f"{type(error).__name__}: {error}")) from error
        except UNREADABLE as error:
            if is_check and isinstance(error, AnymailConfigurationError):
                raise Http404("This provider is not configured.") from error
            raise UnreadableReport(one_line(f"{type(error).__name__}: {error}")) from error
        return None if found is None else [each for each in found if each is not None]

    return sorted_out


urlpatterns = [URLPattern(each.pattern, _guarded(each.callback), name=each.name) for each in anymail_patterns]
