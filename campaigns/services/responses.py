"""What subscribers say. Links are clicked twice: each answer counts once, and a repeat is quiet.

Every answer is also an acknowledgement, because whoever answers has read. None of them postpones anything.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from audit.moves import move
from audit.services import record, record_each
from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.rules import rule_pack
from campaigns.services.guards import batches, own_certificates, require_running, stop_answered
from core.crl_reason import SUBSCRIBER_MAY_CHOOSE, CRLReason
from core.errors import Refused
from subscribers.models import Contact
from subscribers.services import add_contact

MOST_NAMED = 10
"""So many people may be named for one subscriber by its links; members of staff may name more."""
ITEM_REQUEST, ITEM_KEY_COMPROMISE = "1", "3"
"""The items of BR 4.9.1.1 that a subscriber's own request falls under."""


def acknowledge(
    affected_subscriber: AffectedSubscriber, *, contact: Contact | None, actor: str, now: datetime
) -> AffectedSubscriber:
    """Record that somebody has read this: a date, and no brake. A subscriber who answers has been reached."""
    with transaction.atomic():
        require_running(affected_subscriber.campaign, "an acknowledgement")
        note_answer(affected_subscriber, contact, actor=actor, now=now)
        stop_answered([affected_subscriber.pk], now=now)
    affected_subscriber.refresh_from_db()
    return affected_subscriber


def confirm_replacement(
    affected_subscriber: AffectedSubscriber,
    *,
    certificates: Collection[int],
    contact: Contact | None = None,
    actor: str,
    now: datetime,
) -> list[AffectedCertificate]:
    """Take the subscriber's word that some certificates are replaced; the rows for which it is new.

    A claim, not a fact: a replacement is then looked for. Raises `Refused` for a certificate of somebody else.
    """
    with transaction.atomic():
        require_running(affected_subscriber.campaign, "a confirmation")
        rows = own_certificates(affected_subscriber, certificates)
        open_rows = [row for row in rows if row.state == AffectedCertificate.State.OUTSTANDING and not row.published_at]
        moved = move(
            open_rows,
            AffectedCertificate.State.CONFIRMED,
            actor=actor,
            now=now,
            fields={"confirmed_at": now, "confirmed_by": actor, "due_at": now},
            facts=lambda row: {"serial_number": row.certificate.serial_number},
        )
        note_answer(affected_subscriber, contact, actor=actor, now=now)
        stop_answered([affected_subscriber.pk], now=now)
    affected_subscriber.refresh_from_db()
    return moved


def request_revocation(
    affected_subscriber: AffectedSubscriber,
    *,
    certificates: Collection[int],
    at: datetime | None,
    reason: str,
    contact: Contact | None = None,
    actor: str,
    now: datetime,
) -> list[AffectedCertificate]:
    """Take the subscriber's request to revoke some certificates, now or at a moment before the deadline; what changed.

    A request makes the revocation earlier, never later, and its reason only ever rises to keyCompromise (BR 7.2.2). It
    starts the 24 hours of BR 4.9.1.1 item 1, or item 3 for a compromised key, where those end before the deadline.
    Raises `Refused` for a moment in the past or not before the deadline, and for a reason that is not a subscriber's.
    """
    if reason not in SUBSCRIBER_MAY_CHOOSE:
        raise Refused(f"{reason or 'No reason'} cannot be asked for; choose one of {', '.join(SUBSCRIBER_MAY_CHOOSE)}.")
    if at is not None and reason == CRLReason.KEY_COMPROMISE:
        raise Refused("A certificate with a compromised key cannot wait; ask for its revocation now.")
    if at is not None and at <= now:
        raise Refused("This moment has passed. Choose a later one, or ask for the revocation now.")
    with transaction.atomic():
        require_running(affected_subscriber.campaign, "a request for revocation")
        rows = [row for row in own_certificates(affected_subscriber, certificates) if not row.published_at]
        _check_before_deadline(rows, at)
        changed = _write_request(affected_subscriber, rows, at or now, reason, now=now)
        facts = {"for": (at or now).isoformat(), "reason": reason}
        stream = affected_subscriber.stream
        record_each(
            "affectedcertificate.revocation_requested", changed, stream=stream, actor=actor, now=now, facts=facts
        )
        note_answer(affected_subscriber, contact, actor=actor, now=now)
        stop_answered([affected_subscriber.pk], now=now)
    affected_subscriber.refresh_from_db()
    return changed


def _check_before_deadline(rows: list[AffectedCertificate], at: datetime | None) -> None:
    for row in rows:
        if at is not None and row.publish_by is not None and at >= row.publish_by:
            raise Refused(
                f"{row} is revoked by {row.publish_by:%Y-%m-%d %H:%M:%S} UTC in any case; "
                "a revocation can only be asked for before that."
            )


def _write_request(
    affected_subscriber: AffectedSubscriber,
    rows: list[AffectedCertificate],
    wanted: datetime,
    reason: str,
    *,
    now: datetime,
) -> list[AffectedCertificate]:
    """Write what is earlier or graver than before, one statement for all rows that get the same values."""
    limit = wanted + _window(affected_subscriber, reason)
    groups: dict[tuple[datetime, str, datetime], list[AffectedCertificate]] = {}
    for row in rows:
        new = (
            min(row.revocation_requested_for or wanted, wanted),
            row.requested_reason if row.requested_reason and reason != CRLReason.KEY_COMPROMISE else reason,
            min(row.publish_by or limit, limit),
        )
        if new != (row.revocation_requested_for, row.requested_reason, row.publish_by):
            groups.setdefault(new, []).append(row)
    for (requested_for, requested_reason, publish_by), some in groups.items():
        for keys in batches(row.pk for row in some):
            AffectedCertificate.objects.filter(pk__in=keys).update(
                revocation_requested_at=now,
                revocation_requested_for=requested_for,
                requested_reason=requested_reason,
                publish_by=publish_by,
            )
    return [row for some in groups.values() for row in some]


def _window(affected_subscriber: AffectedSubscriber, reason: str) -> timedelta:
    item = ITEM_KEY_COMPROMISE if reason == CRLReason.KEY_COMPROMISE else ITEM_REQUEST
    return rule_pack(affected_subscriber.campaign.rule_pack).rule(item).window


def name_contact(
    affected_subscriber: AffectedSubscriber, *, name: str, email: str, phone: str, actor: str, now: datetime
) -> Contact:
    """Take in a further contact, who is told at the next tick; a backup, unless the subscriber has no contact at all.

    Raises `Malformed` for an address or a number that is none, and `Refused` when as many people have been named for
    this subscriber as a link may name: whoever holds a link must not make this house write to the world.
    """
    with transaction.atomic():
        require_running(affected_subscriber.campaign, "naming a contact")
        named = affected_subscriber.subscriber.contacts.filter(added_at__isnull=False).count()
        if named >= MOST_NAMED and not actor.startswith("staff:"):
            told = gettext("%(count)d people have been named here already. Please ring us to add another one.")
            raise Refused(told % {"count": named})
        contact = add_contact(affected_subscriber.subscriber, name=name, email=email, phone=phone, actor=actor, now=now)
        if contact.email and contact.bounced_at is None:
            _set_unreachable(affected_subscriber, None, verb="affectedsubscriber.reached", actor=actor, now=now)
        waiting = AffectedSubscriber.objects.outstanding(now).filter(pk=affected_subscriber.pk)
        waiting.update(due_at=now)
    affected_subscriber.refresh_from_db()
    return contact


def mark_unreachable(affected_subscriber: AffectedSubscriber, *, actor: str, now: datetime) -> AffectedSubscriber:
    """Record that no contact can be reached: a person has to ring. It stops nothing."""
    _set_unreachable(affected_subscriber, now, verb="affectedsubscriber.unreachable", actor=actor, now=now)
    return affected_subscriber


def mark_reached(affected_subscriber: AffectedSubscriber, *, actor: str, now: datetime) -> AffectedSubscriber:
    """Record that an unreachable subscriber can be reached again; quiet for one that always could."""
    _set_unreachable(affected_subscriber, None, verb="affectedsubscriber.reached", actor=actor, now=now)
    return affected_subscriber


def note_answer(affected_subscriber: AffectedSubscriber, contact: Contact | None, *, actor: str, now: datetime) -> None:
    rows = AffectedSubscriber.objects.filter(pk=affected_subscriber.pk, acknowledged_at=None)
    if rows.update(acknowledged_at=now, acknowledged_by=contact):
        record(
            "affectedsubscriber.acknowledged",
            stream=affected_subscriber.stream,
            about=affected_subscriber,
            actor=actor,
            now=now,
            facts={"contact": contact.pk if contact else None},
        )
    _set_unreachable(affected_subscriber, None, verb="affectedsubscriber.reached", actor=actor, now=now)


def _set_unreachable(
    affected_subscriber: AffectedSubscriber, since: datetime | None, *, verb: str, actor: str, now: datetime
) -> None:
    with transaction.atomic():
        rows = AffectedSubscriber.objects.filter(pk=affected_subscriber.pk, unreachable_since__isnull=since is not None)
        if rows.update(unreachable_since=since):
            affected_subscriber.unreachable_since = since
            record(verb, stream=affected_subscriber.stream, about=affected_subscriber, actor=actor, now=now)
