"""Exclusions: two persons, a ground, one certificate at a time, and an end unless it was never affected (R41, R42)."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.actors import staff
from audit.services import record
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Exclusion, News
from campaigns.services.guards import require_running, require_text, stop_answered
from campaigns.services.news import note_news
from core.errors import Refused


def request_exclusion(
    affected_certificate: AffectedCertificate,
    *,
    ground: str,
    until: datetime | None,
    justification: str,
    by: User,
    now: datetime,
) -> Exclusion:
    """Ask to hold one certificate back; nothing is held back until a second person approves.

    Raises `Refused` without a justification, for an order of a court without an end or with one that has passed, for
    an end where the certificate was never affected, for one that is published, and while another exclusion stands.
    """
    justification = require_text(justification, "a justification", longest=20_000)
    _check_ground(ground, until, now=now)
    require_running(affected_certificate.campaign, "an exclusion")
    with transaction.atomic():
        row = AffectedCertificate.objects.select_for_update().get(pk=affected_certificate.pk)
        if row.published_at:
            raise Refused(f"{row} is published as revoked; that cannot be undone.")
        row.exclusions.filter(withdrawn_at=None, until__lte=now).update(withdrawn_at=now)
        exclusion = _create(
            row, ground=ground, until=until, justification=justification, requested_by=by, requested_at=now
        )
        _record(exclusion, "exclusion.requested", by=by, now=now, justification=justification)
    return exclusion


def approve_exclusion(exclusion: Exclusion, *, by: User, now: datetime) -> Exclusion:
    """Hold the certificate back from now on; that it was never affected its subscriber hears.

    Raises `Refused` for the person who asked, and when it is too late.
    """
    with transaction.atomic():
        exclusion.refresh_from_db(from_queryset=Exclusion.objects.select_for_update())
        if exclusion.approved_at and not exclusion.withdrawn_at:
            return exclusion
        _check_approval(exclusion, by, now=now)
        exclusion.approved_by, exclusion.approved_at = by, now
        exclusion.save(update_fields=["approved_by", "approved_at"])
        _record(exclusion, "exclusion.approved", by=by, now=now)
        owner = exclusion.affected_certificate.affected_subscriber_id
        stop_answered([owner], now=now)
        if exclusion.ground == Exclusion.Ground.NOT_AFFECTED:
            note_news([owner], News.Kind.CORRECTION, at=now, now=now)
    return exclusion


def withdraw_exclusion(exclusion: Exclusion, *, by: User, now: datetime) -> Exclusion:
    """Hold the certificate back no longer; its subscriber is told if something is outstanding. Quiet if repeated."""
    with transaction.atomic():
        exclusion.refresh_from_db(from_queryset=Exclusion.objects.select_for_update())
        if exclusion.withdrawn_at:
            return exclusion
        exclusion.withdrawn_at = now
        exclusion.save(update_fields=["withdrawn_at"])
        _record(exclusion, "exclusion.withdrawn", by=by, now=now)
        row = exclusion.affected_certificate
        later = Q(due_at=None) | Q(due_at__gt=now)
        waiting = AffectedSubscriber.objects.outstanding(now).filter(later, pk=row.affected_subscriber_id)
        if row.campaign.state == Campaign.State.RUNNING:
            waiting.update(due_at=now)
            if exclusion.approved_at:
                note_news([row.affected_subscriber_id], News.Kind.CORRECTION, at=now, now=now)
    return exclusion


def _check_ground(ground: str, until: datetime | None, *, now: datetime) -> None:
    if ground not in Exclusion.Ground.values:
        raise Refused(f"{ground or 'No ground'} is no ground for an exclusion; the grounds are {_grounds()}.")
    if ground == Exclusion.Ground.NOT_AFFECTED and until is not None:
        raise Refused("A certificate that was never affected is excluded for good; leave the end empty.")
    if ground != Exclusion.Ground.NOT_AFFECTED and until is None:
        raise Refused("Such an exclusion ends with the order; say when.")
    if until is not None and until <= now:
        raise Refused("The end of this exclusion has passed.")


def _grounds() -> str:
    return ", ".join(str(label) for label in Exclusion.Ground.labels)


def _create(row: AffectedCertificate, **fields: object) -> Exclusion:
    try:
        with transaction.atomic():
            return row.exclusions.create(**fields)
    except IntegrityError:
        raise Refused(f"There is an exclusion of {row} already; withdraw it first.") from None


def _check_approval(exclusion: Exclusion, by: User, *, now: datetime) -> None:
    row = exclusion.affected_certificate
    if exclusion.requested_by_id == by.pk:
        raise Refused("You asked for this exclusion yourself; a second person has to approve it.")
    if exclusion.withdrawn_at:
        raise Refused("This exclusion has been withdrawn.")
    if exclusion.until is not None and exclusion.until <= now:
        raise Refused("The end of this exclusion has passed.")
    if row.published_at:
        raise Refused(f"{row} is published as revoked; that cannot be undone.")
    require_running(row.campaign, "an exclusion")


def _record(exclusion: Exclusion, verb: str, *, by: User, now: datetime, **facts: object) -> None:
    row = exclusion.affected_certificate
    told = {
        "affected_certificate": row.pk,
        "serial_number": row.certificate.serial_number,
        "ground": exclusion.ground,
        "until": exclusion.until.isoformat() if exclusion.until else None,
        **facts,
    }
    record(verb, stream=row.stream, about=exclusion, actor=staff(by.username), now=now, facts=told)
