"""What a provider or a mail server reports of a message, each report counted once, and what follows from it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit.actors import provider
from audit.moves import move
from audit.services import record
from notices.models import DeliveryEvent, Letter, Notice
from notices.services.news import pass_on
from notices.services.writing import write_next
from subscribers.services import mark_contact_bounced

log = logging.getLogger(__name__)
DELIVERED = "delivered"
NOT_ARRIVED = {"bounced", "rejected", "failed"}
AWAY = "autoresponded"


@dataclass(frozen=True, slots=True)
class Report:
    """One report in Anymail's vocabulary. `notice` is our own identifier if the provider hands it back, `message_id`
    the provider's or ours; `is_permanent` says that the address itself is no good."""

    esp: str
    event_id: str
    kind: str
    at: datetime
    notice: str = ""
    message_id: str = ""
    is_permanent: bool = False
    detail: str = ""


def record_delivery(report: Report, *, now: datetime) -> DeliveryEvent | None:
    """Write down a report and do what follows; None for a message that is not ours and for a report seen before.

    A notice that did not arrive brings the next contact in at once, and so does an automatic reply unless the
    subscriber has acknowledged. Complaints, opened mails and withdrawn consent are written down and change nothing: a
    legal notice is not a newsletter.
    """
    message = find_message(report.notice, (report.message_id,))
    if message is None:
        log.info("%s reports %r of a message that is not ours: %r.", report.esp, report.kind, report.message_id[:255])
        return None
    with transaction.atomic():
        event, is_new = DeliveryEvent.objects.get_or_create(
            esp=report.esp,
            esp_event_id=report.event_id,
            defaults={
                "notice": message if isinstance(message, Notice) else None,
                "letter": message if isinstance(message, Letter) else None,
                "kind": report.kind[:20],
                "at": report.at,
                "is_permanent": report.is_permanent,
                "detail": report.detail[:1000],
            },
        )
        if not is_new:
            return None
        _follow(message, report, now=now)
    return event


def find_message(public_id: str, identifiers: Iterable[str]) -> Notice | Letter | None:
    """The message that a report or a reply is about: by our identifier, else its Message-ID or the provider's."""
    wanted = [each for each in identifiers if each]
    try:
        key = UUID(public_id) if public_id else None
    except ValueError:
        key = None
    notices = Notice.objects.select_related(
        "affected_subscriber__campaign", "affected_subscriber__subscriber", "contact"
    )
    letters = Letter.objects.select_related("contact__subscriber")
    found: Notice | Letter | None = None
    if key:
        found = notices.filter(public_id=key).first() or letters.filter(public_id=key).first()
    if found is None and wanted:
        found = notices.filter(message_id__in=wanted).first() or letters.filter(message_id__in=wanted).first()
    if found is None and wanted:
        found = notices.filter(provider_id__in=wanted).first() or letters.filter(provider_id__in=wanted).first()
    return found


def _follow(message: Notice | Letter, report: Report, *, now: datetime) -> None:
    if report.kind == DELIVERED:
        _advance(message, Notice.State.DELIVERED, report, now=now)
        return
    if report.kind in NOT_ARRIVED:
        is_new = _advance(message, Notice.State.BOUNCED, report, now=now)
        if report.is_permanent:
            _mark_contacts(message, report, now=now)
        if is_new and isinstance(message, Notice):
            cause = f"The notice to {message.address} did not arrive."
            write_next([message], cause=cause, because="bounced", now=now)
            pass_on(message, now=now)
        return
    facts = {"kind": report.kind, "detail": report.detail[:500]}
    verb = f"{message._meta.model_name}.reported"
    record(verb, stream=message.stream, about=message, actor=provider(report.esp), now=now, facts=facts)
    if report.kind != AWAY or not isinstance(message, Notice):
        return
    if message.delivery_events.filter(kind=report.kind).count() == 1:
        cause = f"{message.address} answered automatically."
        write_next([message], cause=cause, because="away", same_contact=False, now=now)


def _mark_contacts(message: Notice | Letter, report: Report, *, now: datetime) -> None:
    """The address is no good: that holds for each subscriber to whose contact the message went there.

    A contact who has another address by now is left alone.
    """
    note, actor = report.detail[:500] or report.kind, provider(report.esp)
    for each in [message] if isinstance(message, Letter) else _with_carried(message):
        is_gone = each.state not in (Notice.State.REFUSED, Notice.State.WITHDRAWN)
        if each.contact and each.tells_of_contact and each.contact.email == each.address and is_gone:
            mark_contact_bounced(each.contact, note=note, actor=actor, now=now)


def _advance(message: Notice | Letter, to: str, report: Report, *, now: datetime) -> bool:
    """Move a message, and what it carries, to where the report says it is, if that is ahead of where it was; whether
    it was.

    The report may be faster than the worker that sent the message: then the provider's word is what says that it went
    out, and the worker finds it done.
    """
    rows: list[Notice] | list[Letter] = [message] if isinstance(message, Letter) else _with_carried(message)
    actor, facts = provider(report.esp), {"detail": report.detail[:500], "is_permanent": report.is_permanent}
    queued = [each for each in rows if each.state == Notice.State.QUEUED]
    if queued:
        fields = {"sent_at": report.at, "due_at": None, "provider_id": message.provider_id}
        if report.message_id != message.message_id:
            fields["provider_id"] = report.message_id
        move(queued, Notice.State.SENT, actor=actor, now=now, fields=fields, facts={"told_by": report.esp})
    message.refresh_from_db(fields=["state", "due_at"])
    ready = [each for each in rows if to in Notice.TRANSITIONS[each.state]]
    moved = move(ready, to, actor=actor, now=now, facts=facts)
    return any(each.pk == message.pk for each in moved)


def _with_carried(notice: Notice) -> list[Notice]:
    related = ("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact")
    carried = notice.carries.select_related(*related)
    return [notice, *carried]
