"""Proof of notice: everything that was said to one affected subscriber, and by it, as one document with a digest.

The document is a mapping that JSON can hold; the HTML file shows the same mapping. Respond-links are left out: whoever
holds one can answer for the subscriber.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from audit.models import Event, Seal
from audit.services import canonical
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.rules import rule_pack
from core.figures import iso
from notices.addresses import without_key, without_link
from notices.models import Call, DeliveryEvent, InboundMessage, Notice
from subscribers.models import Channel, Contact

FORMAT = "recall.proof-of-notice.1"
CERTIFICATE_VERBS = ("confirmed", "replaced", "revocation_requested", "published", "deadline_moved")
"""What the journal has of single certificates that tells of answers and of what followed."""
BATCH = 500


def proof(affected: AffectedSubscriber, *, by: str, now: datetime) -> dict[str, Any]:
    """The whole document; its last member is the digest of all the others."""
    notices = list(
        affected.notices.select_related("contact", "step", "carried_by").prefetch_related(
            "delivery_events", "carried_by__delivery_events"
        )
    )
    notices.sort(key=lambda notice: (notice.written_at, notice.pk))
    events = _events(affected, notices)
    document = {
        "format": FORMAT,
        "made_at": iso(now),
        "made_by": by,
        "campaign": _campaign(affected.campaign),
        "subscriber": {
            "id": str(affected.public_id),
            "reference": affected.subscriber.reference,
            "name": affected.subscriber.name,
            "class": affected.subscriber.subscriber_class,
            "language": affected.subscriber.language,
            "time_zone": affected.subscriber.time_zone,
        },
        "outcome": _outcome(affected, notices),
        "contacts": [_contact(each) for each in affected.subscriber.contacts.all()],
        "messages": [_message(each) for each in notices],
        "came_back": [_inbound(each) for each in _came_back(affected)],
        "page_views": [
            {"at": iso(each.at), "page": each.page, "contact": str(each.contact), "agent": each.agent}
            for each in affected.page_views.select_related("contact").order_by("at", "pk")
        ],
        "calls": [_call(each) for each in affected.calls.select_related("contact").order_by("pk")],
        "certificates": [_certificate(each) for each in _certificates(affected)],
        "events": [_event(each) for each in events],
        "seals": [_seal(each) for each in _seals(events)],
    }
    return {**document, "sha256": digest(document)}


def digest(document: dict[str, Any]) -> str:
    """SHA-256 of the document without its digest: JSON with sorted keys, no blanks, UTF-8."""
    rest = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(
        json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": str(campaign.public_id),
        "title": campaign.title,
        "kind": campaign.kind,
        "state": campaign.state,
        "rule_pack": campaign.rule_pack,
        "rule": campaign.rule,
        "rule_text": rule_pack(campaign.rule_pack).rule(campaign.rule).text,
        "explanation": campaign.explanation,
        "clock_started_at": iso(campaign.clock_started_at),
        "launched_at": iso(campaign.launched_at),
        "deadline": iso(campaign.deadline),
        "ended_at": iso(campaign.ended_at),
        "scope_digest": campaign.scope_digest,
    }


def _outcome(affected: AffectedSubscriber, notices: list[Notice]) -> dict[str, Any]:
    sent = [each.sent_at for each in notices if each.sent_at]
    delivered = [each for each in notices if each.state == Notice.State.DELIVERED]
    return {
        "messages": len(notices),
        "sent": len(sent),
        "delivered": len(delivered),
        "first_sent_at": iso(min(sent, default=None)),
        "last_sent_at": iso(max(sent, default=None)),
        "acknowledged_at": iso(affected.acknowledged_at),
        "acknowledged_by": str(affected.acknowledged_by or ""),
        "unreachable_since": iso(affected.unreachable_since),
    }


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "chat": without_key(Channel.CHAT, contact.chat_url),
        "webhook": without_key(Channel.WEBHOOK, contact.webhook_url),
        "role": contact.role,
        "rank": contact.rank,
        "source": contact.source,
        "verified_at": iso(contact.verified_at),
        "bounced_at": iso(contact.bounced_at),
        "bounce_note": contact.bounce_note,
        "left_at": iso(contact.left_at),
        "added_at": iso(contact.added_at),
    }


def _message(notice: Notice) -> dict[str, Any]:
    """A message as it went out; one that another carried went out with that one's words and had its fate."""
    lead = notice.carried_by or notice
    delivery = sorted(lead.delivery_events.all(), key=lambda each: (each.at, each.pk))
    return {
        "id": str(notice.public_id),
        "kind": notice.kind,
        "step": notice.step.order + 1 if notice.step else None,
        "cause": notice.cause,
        "channel": notice.channel,
        "contact": str(notice.contact),
        "address": notice.shown_address,
        "language": notice.language,
        "template_version": lead.template_version,
        "subject": lead.subject,
        "text": without_link(lead.body_text),
        "html": without_link(lead.body_html),
        "state": notice.state,
        "written_at": iso(notice.written_at),
        "sent_at": iso(notice.sent_at or lead.sent_at),
        "message_id": lead.message_id,
        "carried_by": str(lead.public_id) if lead is not notice else "",
        "route": lead.route,
        "provider_id": lead.provider_id,
        "last_error": lead.last_error,
        "delivery_events": [_delivery(each) for each in delivery],
    }


def _delivery(event: DeliveryEvent) -> dict[str, Any]:
    return {
        "at": iso(event.at),
        "kind": event.kind,
        "provider": event.esp,
        "provider_event_id": event.esp_event_id,
        "is_permanent": event.is_permanent,
        "detail": event.detail,
    }


def _came_back(affected: AffectedSubscriber) -> QuerySet[InboundMessage]:
    return affected.inbound.select_related("notice", "contact").defer("raw").order_by("received_at", "pk")


def _inbound(message: InboundMessage) -> dict[str, Any]:
    return {
        "kind": message.kind,
        "received_at": iso(message.received_at),
        "read_at": iso(message.read_at),
        "source": message.source,
        "sha256": message.sha256,
        "size": message.size,
        "sender": message.sender,
        "contact": str(message.contact or ""),
        "subject": message.subject,
        "text": message.shown_text,
        "detail": message.detail,
        "is_permanent": message.is_permanent,
        "return_date": message.return_date,
        "substitutes": message.substitutes,
        "answers": message.notice.message_id if message.notice else "",
        "dealt_with_at": iso(message.seen_at),
        "dealt_with_by": message.seen_by,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "at": iso(call.at),
        "called_by": call.called_by,
        "contact": str(call.contact or "somebody else"),
        "number": call.number,
        "outcome": call.outcome,
        "note": call.note,
        "promised_for": iso(call.promised_for),
        "next_at": iso(call.next_at),
    }


def _certificates(affected: AffectedSubscriber) -> Iterator[AffectedCertificate]:
    rows = affected.certificates.select_related("certificate__issuer").defer("certificate__der")
    return rows.order_by("pk").iterator(BATCH)


def _certificate(row: AffectedCertificate) -> dict[str, Any]:
    return {
        "issuer": row.certificate.issuer.name,
        "serial_number": row.certificate.serial_number,
        "names": row.certificate.names,
        "not_after": iso(row.not_after),
        "publish_by": iso(row.publish_by),
        "added_at": iso(row.added_at),
        "state": row.state,
        "confirmed_at": iso(row.confirmed_at),
        "confirmed_by": row.confirmed_by,
        "revocation_requested_at": iso(row.revocation_requested_at),
        "revocation_requested_for": iso(row.revocation_requested_for),
        "replaced_at": iso(row.replaced_at),
        "published_at": iso(row.published_at),
    }


def _events(affected: AffectedSubscriber, notices: list[Notice]) -> list[Event]:
    """What the journal has of this subscriber in this campaign, oldest first."""
    found = [
        *_about([affected]),
        *_about({each.carried_by or each for each in notices} | set(notices)),
        *_about(affected.calls.only("pk")),
        *_about(affected.inbound.only("pk")),
        *_about(affected.subscriber.contacts.only("pk")),
        *(
            event
            for event in _about(affected.certificates.only("pk"))
            if event.stream == affected.stream and event.verb.partition(".")[2] in CERTIFICATE_VERBS
        ),
    ]
    return sorted(found, key=lambda event: event.pk)


def _about(rows: Iterable[Model]) -> Iterator[Event]:
    kept = list(rows)
    for start in range(0, len(kept), BATCH):
        some = kept[start : start + BATCH]
        kind = some[0]._meta.model_name or ""
        yield from Event.objects.filter(object_type=kind, object_id__in=[str(row.pk) for row in some])


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": iso(event.at),
        "actor": event.actor,
        "verb": event.verb,
        "about": f"{event.object_type} {event.object_id}",
        "facts": event.facts,
        "sha256": hashlib.sha256(canonical(event)).hexdigest(),
    }


def _seals(events: list[Event]) -> list[Seal]:
    """The seals that cover these events; the latest events may have none yet."""
    if not events:
        return []
    wanted = iter([event.pk for event in events])
    rows = Seal.objects.filter(last_id__gte=events[0].pk, first_id__lte=events[-1].pk).order_by("first_id")
    found: list[Seal] = []
    key = next(wanted, None)
    for seal in rows.iterator(BATCH):
        is_needed = False
        while key is not None and key <= seal.last_id:
            is_needed = is_needed or key >= seal.first_id
            key = next(wanted, None)
        if is_needed:
            found.append(seal)
    return found


def _seal(seal: Seal) -> dict[str, Any]:
    return {
        "first_id": seal.first_id,
        "last_id": seal.last_id,
        "count": seal.count,
        "at": iso(seal.at),
        "previous_sha256": seal.previous_digest,
        "sha256": seal.digest,
    }
