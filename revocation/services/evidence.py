"""Keeping what was seen: the bytes that proved something, and the state that follows from them, in one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from audit.actors import SYSTEM
from audit.moves import move
from campaigns.services import mark_published
from revocation import crl
from revocation.models import Revocation, StatusCheck
from revocation.services.looking import CRLLook, OCSPLook
from subscribers.models import Certificate, Issuer
from subscribers.services import mark_revoked

Method = StatusCheck.Method


class Hit(NamedTuple):
    """A revocation and what a CRL says of it."""

    row: Revocation
    entry: crl.Entry


def publish(hits: Sequence[Hit], look: CRLLook, asked: Sequence[OCSPLook], issuer: Issuer, *, now: datetime) -> int:
    """Record that revocations are published, with the CRL and the OCSP answers that prove it; how many are.

    The moment is when we saw it. Rows that were lost to another worker are left to it. OCSP answers are kept also
    where they prove nothing, without their bytes.
    """
    entries = {hit.row.pk: hit.entry for hit in hits}
    fields = {"published_at": now, "due_at": None, "last_error": ""}
    with transaction.atomic():
        moved = move(
            [hit.row for hit in hits],
            Revocation.State.PUBLISHED,
            actor=SYSTEM,
            now=now,
            fields=fields,
            facts=lambda row: _facts(row, entries[row.pk], look),
            fenced=True,
        )
        _tell_register(moved, entries, now=now)
        mark_published([row.affected_certificate for row in moved], at=now, now=now)
        found = Counter(row.affected_certificate.campaign_id for row in moved)
        looked_for = (*(hit.row for hit in hits), *(each.row for each in asked))
        keep_crl(look, issuer, {key: found[key] for key in _campaigns(looked_for)})
        _keep_ocsp(asked, issuer, {row.pk for row in moved})
    return len(moved)


def _campaigns(rows: Iterable[Revocation]) -> set[int]:
    return {row.affected_certificate.campaign_id for row in rows}


def _facts(row: Revocation, entry: crl.Entry, look: CRLLook) -> dict[str, object]:
    return {
        "serial_number": str(row),
        "revoked_at": entry.revocation_date.isoformat(),
        "reason": entry.reason,
        "ordered": row.crl_reason,
        "url": look.url,
        "crl_number": str(look.found.number) if look.found else "",
        "crl_sha256": look.sha256,
    }


def _tell_register(rows: Sequence[Revocation], entries: Mapping[int, crl.Entry], *, now: datetime) -> None:
    """The register keeps the date and the reason that the CRL states, whatever we had ordered."""
    groups: dict[crl.Entry, list[Certificate]] = defaultdict(list)
    for row in rows:
        groups[entries[row.pk]].append(row.affected_certificate.certificate)
    for entry, certificates in groups.items():
        mark_revoked(certificates, revoked_at=entry.revocation_date, reason=entry.reason, actor=SYSTEM, now=now)


def keep_crl(look: CRLLook, issuer: Issuer, found: Mapping[int, int]) -> None:
    """Write down a look at a CRL, for each campaign with how many revocations it proved there.

    The bytes are kept where they prove something, once for each campaign.
    """
    for campaign, count in found.items():
        kept = StatusCheck.objects.filter(campaign=campaign, response_sha256=look.sha256, response__isnull=False)
        StatusCheck.objects.create(
            campaign_id=campaign,
            issuer=issuer,
            method=Method.CRL,
            url=look.url[:500],
            at=look.at,
            is_valid=look.found is not None,
            problem=look.problem,
            crl_number=str(look.found.number) if look.found else "",
            this_update=look.found.this_update if look.found else None,
            next_update=look.found.next_update if look.found else None,
            found=count,
            response_sha256=look.sha256,
            response=look.body if count and not kept.exists() else None,
        )


def _keep_ocsp(looks: Sequence[OCSPLook], issuer: Issuer, published: set[int]) -> None:
    StatusCheck.objects.bulk_create(
        (
            StatusCheck(
                campaign_id=look.row.affected_certificate.campaign_id,
                issuer=issuer,
                method=Method.OCSP,
                url=look.url[:500],
                at=look.at,
                is_valid=look.status is not None,
                problem=look.problem,
                this_update=look.status.this_update if look.status else None,
                next_update=look.status.next_update if look.status else None,
                found=int(look.row.pk in published),
                response_sha256=look.status.sha256 if look.status else "",
                response=look.body if look.row.pk in published else None,
            )
            for look in looks
        ),
        batch_size=500,
    )
