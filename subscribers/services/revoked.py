"""The register learns that certificates are revoked."""

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction

from audit import services as audit
from core.crl_reason import CRLReason
from core.errors import Refused
from subscribers.models import Certificate
from subscribers.services.journal import STREAM


def mark_revoked(
    certificates: Iterable[Certificate], *, revoked_at: datetime, reason: str, actor: str, now: datetime
) -> int:
    """The register learns that certificates are revoked; how many it did not know of. The first date stands.

    Only a raise to keyCompromise changes the reason of one that is known to be revoked (BR 7.2.2).
    Raises `Refused` for a reason that a subscriber's certificate cannot have.
    """
    if reason not in CRLReason.values:
        raise Refused(f"{reason!r} is not a reason for which a certificate may be revoked (BR 7.2.2).")
    keys = [certificate.pk for certificate in certificates]
    with transaction.atomic():
        rows = Certificate.objects.filter(pk__in=keys)
        fresh = list(rows.filter(revoked_at=None).select_for_update().only("pk"))
        raised = _raisable(rows) if reason == CRLReason.KEY_COMPROMISE else []
        Certificate.objects.filter(pk__in=[row.pk for row in fresh]).update(
            revoked_at=revoked_at, revocation_reason=reason
        )
        facts = {"revoked_at": revoked_at.isoformat(), "reason": reason}
        audit.record_each("certificate.revoked", fresh, stream=STREAM, actor=actor, now=now, facts=facts)
        Certificate.objects.filter(pk__in=[row.pk for row in raised]).update(revocation_reason=reason)
        audit.record_each("certificate.reason_raised", raised, stream=STREAM, actor=actor, now=now, facts=facts)
    return len(fresh)


def _raisable(rows: models.QuerySet[Certificate]) -> list[Certificate]:
    return list(
        rows.exclude(revoked_at=None).exclude(revocation_reason=CRLReason.KEY_COMPROMISE).select_for_update().only("pk")
    )
