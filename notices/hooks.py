"""Webhooks: a message as JSON to the contact's own https address, signed as Standard Webhooks says.

The receiver computes HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>` with its key and compares it with what
follows `v1,` in `webhook-signature`. `webhook-id` is the same at every attempt.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import Refused, Unavailable
from core.http import Post, fetch
from notices.models import Letter, Notice
from notices.outcomes import Outcome, Sent
from subscribers.webhook_keys import webhook_key

LIMIT = 64 * 1024
TIMEOUT = timedelta(seconds=10)
JSON = "application/json"


def signature(key: str, *, identifier: str, seconds: int, body: bytes) -> str:
    """The value of `webhook-signature` for a body, by a key that begins with `whsec_`."""
    signed = f"{identifier}.{seconds}.".encode() + body
    found = hmac.digest(base64.b64decode(key.removeprefix("whsec_")), signed, hashlib.sha256)
    return "v1," + base64.b64encode(found).decode()


def content(message: Notice | Letter, *, now: datetime) -> dict[str, Any]:
    """What a webhook says; the text is the document, the rest is for machines that sort it."""
    facts: dict[str, Any] = {"id": str(message.public_id), "subject": message.subject, "text": message.body_text}
    if isinstance(message, Notice):
        affected = message.affected_subscriber
        facts |= {
            "kind": message.kind,
            "campaign": str(affected.campaign.public_id),
            "is_drill": affected.campaign.is_drill,
            "subscriber": affected.subscriber.reference,
        }
    return {"type": "recall.notice", "timestamp": now.astimezone(UTC).isoformat(), "data": facts}


def post(message: Notice | Letter, *, now: datetime) -> Outcome:
    """Post one message to the contact's address, signed; only https, and only to public addresses."""
    parts = urlsplit(message.address)
    is_known = parts.netloc in settings.PRIVATE_WEBHOOK_HOSTS
    if message.contact is None or (parts.scheme != "https" and not is_known):
        return Refused("A webhook goes to a contact's https address only.")
    body = json.dumps(content(message, now=now), ensure_ascii=False).encode()
    seconds, identifier = int(now.timestamp()), str(message.public_id)
    signed = signature(webhook_key(message.contact), identifier=identifier, seconds=seconds, body=body)
    headers = {"webhook-id": identifier, "webhook-timestamp": str(seconds), "webhook-signature": signed}
    return posted(message.address, Post(body, JSON, headers), allow_private=is_known)


def posted(url: str, what: Post, *, allow_private: bool) -> Outcome:
    """Post something; the address is not repeated in what is said of it, because it may hold a secret."""
    try:
        fetch(url, limit_bytes=LIMIT, timeout=TIMEOUT, allow_private=allow_private, post=what)
    except (Refused, Unavailable) as error:
        told = str(error).replace(url, urlsplit(url).netloc.rpartition("@")[2] or "The address")
        return type(error)(told)
    return Sent()
