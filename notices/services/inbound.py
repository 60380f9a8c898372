"""Recording what came back to us by mail, and what follows from it.

A bounce counts only if it proves which message it is about: by the signed return path, or by our Message-ID, which
nobody else knows. Otherwise anybody could declare any contact unreachable.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.actors import provider
from audit.services import record
from campaigns.models import AffectedSubscriber, Campaign
from notices.models import InboundMessage, Letter, Notice
from notices.replies import ANSWER, AUTO_REPLY, BOUNCE, COMPLAINT, DELIVERED, DISPLAYED, Classified, classify
from notices.returns import read_return_path
from notices.services.delivery import Report, find_message, record_delivery
from notices.services.letters import write_receipt
from notices.wording import one_line
from subscribers.models import Contact

log = logging.getLogger(__name__)
KEPT_BYTES = 1024 * 1024
KEPT_TEXT = 20_000
PAUSE = timedelta(days=1)
"""A contact gets one confirmation of receipt in this time, so that two machines cannot talk for ever."""
KINDS = {DELIVERED: "delivered", DISPLAYED: "opened", COMPLAINT: "complained"}


def record_inbound(
    raw: bytes, *, source: str, received_at: datetime, size: int | None = None, actor: str = "", now: datetime
) -> InboundMessage | None:
    """Keep a message that came back and do what follows; None if it has nothing to do with us. Each counts once.

    What a person wrote is kept for people even when nobody knows whose it is.

    A bounce or an automatic reply does what the same report of a provider does (`record_delivery`); an answer is kept
    for people, and its receipt confirmed. `size` is that of the whole message where `raw` is its beginning.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if found := InboundMessage.objects.filter(sha256=digest).first():
        return found
    what = classify(raw, received_at=received_at)
    message, contact, affected = _about(what)
    is_for_people = what.kind == ANSWER and "@" in what.sender and what.sender.lower() not in _own_addresses()
    if contact is None and message is None and not is_for_people:
        log.info("A message through %s has nothing to do with any message of ours.", source)
        return None
    is_whole = len(raw) <= KEPT_BYTES and size in (None, len(raw))
    fields = _fields(what, raw if is_whole and contact is not None else None)
    fields |= {
        "source": source[:100],
        "received_at": received_at,
        "read_at": now,
        "size": len(raw) if size is None else size,
        "notice": message if isinstance(message, Notice) else None,
        "letter": message if isinstance(message, Letter) else None,
        "contact": contact,
        "affected_subscriber": affected,
    }
    with transaction.atomic():
        kept, is_new = InboundMessage.objects.get_or_create(sha256=digest, defaults=fields)
        if is_new:
            _record(kept, actor=actor or provider(source), now=now)
            _follow(kept, what, message, now=now)
    return kept


def _about(what: Classified) -> tuple[Notice | Letter | None, Contact | None, AffectedSubscriber | None]:
    """What it is about: the message, the contact, and the affected subscriber."""
    ours = next((each for address in what.recipients if (each := read_return_path(address))), None)
    message = find_message(str(ours or ""), what.message_ids)
    if isinstance(message, Notice):
        return message, message.contact, message.affected_subscriber
    if message is not None:
        return message, message.contact, None
    if what.kind == BOUNCE or not what.sender or what.sender.lower() in _own_addresses():
        return None, None, None
    running = Campaign.objects.running()
    notice = (
        Notice.objects.filter(contact__email=what.sender.lower(), affected_subscriber__campaign__in=running)
        .exclude(sent_at=None)
        .select_related("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact")
        .order_by("-sent_at", "-pk")
        .first()
    )
    return (notice, notice.contact, notice.affected_subscriber) if notice else (None, None, None)


def _own_addresses() -> set[str]:
    found = (settings.NOTICE_FROM, settings.NOTICE_REPLY_TO, settings.RETURN_PATH)
    return {parseaddr(each)[1].lower() for each in found if each}


def _fields(what: Classified, raw: bytes | None) -> dict[str, Any]:
    return {
        "kind": what.kind,
        "is_permanent": what.permanent,
        "sender": _sound(what.sender)[:254],
        "subject": one_line(_sound(what.subject), longest=300),
        "text": _sound(what.text)[:KEPT_TEXT],
        "raw": raw,
        "detail": one_line(_sound(what.detail), longest=1000),
        "return_date": what.return_date,
        "substitutes": [_sound(each) for each in what.substitutes][:10],
    }


def _sound(text: str) -> str:
    """A text that every database keeps."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _record(kept: InboundMessage, *, actor: str, now: datetime) -> None:
    stream = kept.affected_subscriber.stream if kept.affected_subscriber else "register"
    facts = {
        "kind": kept.kind,
        "sender": kept.sender,
        "sha256": kept.sha256,
        "notice": kept.notice_id,
        "contact": kept.contact_id,
        "return_date": kept.return_date,
        "detail": kept.detail[:500],
    }
    record("inboundmessage.received", stream=stream, about=kept, actor=actor, now=now, facts=facts)


def _follow(kept: InboundMessage, what: Classified, message: Notice | Letter | None, *, now: datetime) -> None:
    if what.kind == ANSWER:
        _confirm_receipt(kept, what, now=now)
        return
    if message is None:
        return
    kind = "autoresponded" if what.kind == AUTO_REPLY else "bounced" if what.is_failed else "deferred"
    record_delivery(
        Report(
            esp="mailbox",
            event_id=kept.sha256,
            kind=KINDS.get(what.report, kind),
            at=kept.received_at,
            notice=str(message.public_id),
            message_id=message.message_id,
            is_permanent=bool(what.permanent and what.is_about_address),
            detail=kept.detail,
        ),
        now=now,
    )


def _confirm_receipt(kept: InboundMessage, what: Classified, *, now: datetime) -> None:
    """Write that we have an answer: to the contact itself, once a day, never about a drill, in a halt, or to a list."""
    contact, affected = kept.contact, kept.affected_subscriber
    if not settings.ANSWER_RECEIVED or contact is None or affected is None:
        return
    if affected.campaign.is_drill or affected.campaign.halted_at:
        return
    is_its_own = bool(contact.email) and what.sender.lower() == contact.email.lower()
    if not is_its_own or what.is_from_list or what.sender.lower() in _own_addresses():
        return
    recent = Letter.objects.filter(contact=contact, kind=Letter.Kind.RECEIVED, written_at__gt=now - PAUSE)
    if not recent.exists():
        write_receipt(contact, affected, in_reply_to=what.own_id, now=now)
