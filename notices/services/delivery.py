"""What a provider reports of a notice, each report counted once, and what follows from it."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit.actors import provider
from audit.moves import move
from audit.services import record
from notices.models import DeliveryEvent, Notice
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
    """Write down a report and do what follows; None for a notice that is not ours and for a report seen before.

    A notice that did not arrive brings the next contact in at once, and so does an automatic reply unless the
    subscriber has acknowledged. Complaints, opened mails and withdrawn consent are written down and change nothing: a
    legal notice is not a newsletter.
    """
    notice = _find(report)
    if notice is None:
        log.info("%s reports %r of a message that is not ours: %r.", report.esp, report.kind, report.message_id[:255])
        return None
    with transaction.atomic():
        event, is_new = DeliveryEvent.objects.get_or_create(
            esp=report.esp,
            esp_event_id=report.event_id,
            defaults={
                "notice": notice,
                "kind": report.kind[:20],
                "at": report.at,
                "is_permanent": report.is_permanent,
                "detail": report.detail[:1000],
            },
        )
        if not is_new:
            return None
        _follow(notice, report, now=now)
    return event


def _find(report: Report) -> Notice | None:
    rows = Notice.objects.select_related("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact")
    try:
        found = rows.filter(public_id=UUID(report.notice)).first() if report.notice else None
    except ValueError:
        found = None
    if found is None and report.message_id:
        found = rows.filter(message_id=report.message_id).first() or rows.filter(provider_id=report.message_id).first()
    return found


def _follow(notice: Notice, report: Report, *, now: datetime) -> None:
    if report.kind == DELIVERED:
        _advance(notice, Notice.State.DELIVERED, report, now=now)
        return
    if report.kind in NOT_ARRIVED:
        is_new = _advance(notice, Notice.State.BOUNCED, report, now=now)
        if report.is_permanent:
            note = report.detail[:500] or report.kind
            mark_contact_bounced(notice.contact, note=note, actor=provider(report.esp), now=now)
        if is_new:
            write_next([notice], cause=f"The notice to {notice.address} did not arrive.", now=now)
        return
    facts = {"kind": report.kind, "detail": report.detail[:500]}
    actor = provider(report.esp)
    record("notice.reported", stream=notice.stream, about=notice, actor=actor, now=now, facts=facts)
    is_first = notice.delivery_events.filter(kind=report.kind).count() == 1
    if report.kind == AWAY and is_first and notice.affected_subscriber.acknowledged_at is None:
        write_next([notice], cause=f"{notice.address} answered automatically.", now=now)


def _advance(notice: Notice, to: str, report: Report, *, now: datetime) -> bool:
    """Move a notice to where the report says it is, if that is ahead of where it was; whether it was.

    The report may be faster than the worker that sent the notice: then the provider's word is what says that it went
    out, and the worker finds it done.
    """
    actor, facts = provider(report.esp), {"detail": report.detail[:500], "is_permanent": report.is_permanent}
    if notice.state == Notice.State.QUEUED:
        fields = {"sent_at": report.at, "due_at": None, "provider_id": notice.provider_id}
        if report.message_id != notice.message_id:
            fields["provider_id"] = report.message_id
        move([notice], Notice.State.SENT, actor=actor, now=now, fields=fields, facts={"told_by": report.esp})
    notice.refresh_from_db(fields=["state", "due_at"])
    return to in Notice.TRANSITIONS[notice.state] and bool(move([notice], to, actor=actor, now=now, facts=facts))
