"""The last look before an order leaves: nothing is revoked that is not in the approved scope, ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from campaigns.models import AffectedCertificate, Campaign, Replacement
from core import clock
from core.errors import Refused
from revocation.backends import backend_for
from revocation.backends.base import Backend
from revocation.models import Revocation
from subscribers.models import Issuer


class Forbidden(Refused):
    """Something is wrong with the whole campaign: it has to be halted before anything else leaves."""


@dataclass(frozen=True)
class Checked:
    """What may be ordered now, what may not be for the time being, and what must not be at all."""

    orderable: list[Revocation]
    put_back: list[Revocation]
    forbidden: list[Revocation]


def permitted_backend(campaign: Campaign, issuer: Issuer) -> Backend:
    """How to ask the issuer's CA. Raises `Forbidden` where a drill or a rehearsal's clock would meet a live CA."""
    if not campaign.approved_digest or campaign.approved_digest != campaign.scope_digest:
        raise Forbidden("The scope is not the one that was approved.")
    try:
        backend = backend_for(issuer.backend, issuer.backend_options)
    except Refused as refusal:
        raise Forbidden(f"{issuer} cannot be asked to revoke: {refusal}") from refusal
    if backend.capabilities.is_sandbox:
        return backend
    if campaign.is_drill:
        raise Forbidden(f"This is a drill, and {issuer} is no sandbox CA.")
    if clock.is_rehearsed():
        raise Forbidden(f"The clock is a rehearsal's, and {issuer} is no sandbox CA.")
    return backend


def check(rows: Sequence[Revocation], *, now: datetime) -> Checked:
    """Read the facts of some revocations afresh and sort them by what may be done.

    Excluded, expired and published ones are put back; one whose certificate is recorded as a replacement in a running
    campaign is forbidden (R19). The reason is brought up to date, since it may have been raised.
    """
    affected = AffectedCertificate.objects.remaining(now).filter(
        pk__in=[row.affected_certificate_id for row in rows], campaign__in=Campaign.objects.acting()
    )
    remaining = set(affected.values_list("pk", flat=True))
    scheduled = Revocation.objects.filter(pk__in=[row.pk for row in rows], state=Revocation.State.SCHEDULED)
    fresh = {
        key: reason
        for key, reason, owner in scheduled.values_list("pk", "crl_reason", "affected_certificate")
        if owner in remaining
    }
    replacing = _replacing(rows)
    checked = Checked([], [], [])
    for row in rows:
        if row.pk not in fresh:
            checked.put_back.append(row)
        elif row.affected_certificate.certificate_id in replacing:
            checked.forbidden.append(row)
        else:
            row.crl_reason = fresh[row.pk]
            checked.orderable.append(row)
    return checked


def _replacing(rows: Sequence[Revocation]) -> set[int]:
    """The certificates among these that replace others in a running campaign, by fingerprint or by row."""
    certificates = {row.affected_certificate.certificate_id: row.affected_certificate.certificate for row in rows}
    fingerprints = {each.fingerprint_sha256: key for key, each in certificates.items() if each.fingerprint_sha256}
    found = Replacement.objects.filter(
        Q(certificate__in=list(certificates)) | Q(fingerprint_sha256__in=list(fingerprints)),
        affected_subscriber__campaign__in=Campaign.objects.running(),
    ).values_list("certificate", "fingerprint_sha256")
    return {
        key
        for certificate, fingerprint in found
        for key in (certificate, fingerprints.get(fingerprint))
        if key in certificates
    }
