"""What the world can see: certificates that are published as revoked."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.models import AffectedCertificate, News
from campaigns.services.guards import BATCH, stop_answered
from campaigns.services.news import note_news
from core.crl_reason import CRLReason
from subscribers.models import Certificate
from subscribers.services import mark_revoked


def mark_published(rows: Sequence[AffectedCertificate], *, at: datetime, now: datetime) -> list[AffectedCertificate]:
    """Record that certificates were seen revoked on a verified CRL at a moment; the rows for which that is new.

    The moment is never overwritten. Whether it was after the deadline is decided here, once, and is never forgotten.
    Their subscribers hear of it when no more have followed for a while.
    """
    published: list[AffectedCertificate] = []
    for start in range(0, len(rows), BATCH):
        with transaction.atomic():
            published += _publish(rows[start : start + BATCH], at=at, now=now)
    return published


def _publish(rows: Sequence[AffectedCertificate], *, at: datetime, now: datetime) -> list[AffectedCertificate]:
    unseen = AffectedCertificate.objects.filter(pk__in=[row.pk for row in rows], published_at=None)
    ours = list(
        unseen.select_for_update(of=("self",)).select_related("campaign", "certificate").defer("certificate__der")
    )
    AffectedCertificate.objects.filter(pk__in=[row.pk for row in ours]).update(published_at=at, due_at=None)
    by_story: dict[tuple[str, bool], list[AffectedCertificate]] = defaultdict(list)
    by_reason: dict[str, list[Certificate]] = defaultdict(list)
    for row in ours:
        row.published_at, row.due_at = at, None
        by_story[row.stream, row.is_late].append(row)
        by_reason[_reason(row)].append(row.certificate)
    for (stream, is_late), some in by_story.items():
        facts = {"at": at.isoformat(), "late": is_late}
        record_each("affectedcertificate.published", some, stream=stream, actor=SYSTEM, now=now, facts=facts)
    for reason, certificates in by_reason.items():
        mark_revoked(certificates, revoked_at=at, reason=reason, actor=SYSTEM, now=now)
    owners = {row.affected_subscriber_id for row in ours}
    stop_answered(owners, now=now)
    note_news(owners, News.Kind.REVOKED, at=at, now=now)
    return ours


def _reason(row: AffectedCertificate) -> str:
    is_raised = row.requested_reason == CRLReason.KEY_COMPROMISE
    return row.requested_reason if is_raised else row.campaign.crl_reason
