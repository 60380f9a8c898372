"""What came back and waits for a person: dealt with once, by whom and when."""

from datetime import datetime

from django.db import transaction

from audit.services import record
from notices.models import InboundMessage


def deal_with(message: InboundMessage, *, actor: str, now: datetime) -> bool:
    """Take a message off the lists of what a person has to read; whether it was on them. The first one counts."""
    stream = message.affected_subscriber.stream if message.affected_subscriber else "register"
    with transaction.atomic():
        fresh = InboundMessage.objects.filter(pk=message.pk, seen_at=None)
        is_new = bool(fresh.update(seen_at=now, seen_by=actor))
        if is_new:
            facts = {"kind": message.kind, "sender": message.sender}
            record("inboundmessage.dealt_with", stream=stream, about=message, actor=actor, now=now, facts=facts)
    message.refresh_from_db(fields=["seen_at", "seen_by"])
    return is_new
