"""Approval: a second person approves exactly this scope, by its digest and by typing its count (R34)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.actors import staff
from audit.moves import move
from audit.services import actors_of
from campaigns.models import AffectedCertificate, Campaign
from campaigns.scope import Identity, digest
from campaigns.services.drafting import draft_digest
from campaigns.services.guards import hold
from core.errors import Refused
from subscribers.models import Issuer

STEP = 5000
AUTHORSHIP = ("campaign.drafted", "campaign.changed", "campaign.scope_imported", "campaign.scope_reduced")
"""What makes a person one of the authors of what is approved."""


def identities(campaign: Campaign) -> Iterator[Identity]:
    """The identities of a campaign's scope in the order of the digest, streamed."""
    rows = AffectedCertificate.objects.filter(campaign=campaign).order_by(
        "certificate__issuer__key_id", "certificate__serial_number"
    )
    return rows.values_list("certificate__issuer__key_id", "certificate__serial_number").iterator(STEP)


def scope_digest(campaign: Campaign) -> str:
    """The digest of a campaign's scope as it stands in the database now."""
    return digest(identities(campaign))


def issuers(campaign: Campaign) -> QuerySet[Issuer]:
    """The issuers of the certificates in a campaign's scope."""
    rows = AffectedCertificate.objects.filter(campaign=campaign, certificate__issuer=OuterRef("pk"))
    return Issuer.objects.filter(Exists(rows))


def approve_campaign(
    campaign: Campaign, *, digest: str, typed_count: int, seen: str | None = None, approver: User, now: datetime
) -> Campaign:
    """Approve the scope with this digest, and the draft with the words whose `draft_digest` is `seen`.

    Raises `Refused` for whoever has had a hand in the draft or its scope, for another digest than that of the rows in
    the database, for words that have changed since they were shown (None: they were read by the caller just now), for a
    wrong count, for an empty scope, and for an issuer that nothing can be asked to revoke.
    """
    with transaction.atomic():
        hold(campaign)
        _check_person(campaign, approver)
        if seen is not None and seen != draft_digest(campaign):
            raise Refused("The draft has changed since you looked at it. Please read it again before you approve.")
        _check_scope(campaign, digest, typed_count)
        check_issuers(issuers(campaign))
        move(
            [campaign],
            Campaign.State.APPROVED,
            actor=staff(approver.username),
            now=now,
            fields={"approved_by": approver, "approved_at": now, "approved_digest": digest},
            facts={
                "digest": digest,
                "count": typed_count,
                "scope_version": campaign.scope_version,
                "draft_digest": draft_digest(campaign),
                "rule": campaign.rule,
                "crl_reason": campaign.crl_reason,
                "clock_started_at": campaign.clock_started_at.isoformat(),
            },
        )
    return campaign


def _check_person(campaign: Campaign, approver: User) -> None:
    if campaign.drafted_by_id == approver.pk:
        raise Refused("The author of a campaign cannot approve it; a second person has to.")
    if staff(approver.username) in actors_of(campaign.stream, AUTHORSHIP):
        raise Refused("You have changed this draft or its scope yourself; a second person has to approve it.")
    if not approver.is_active:
        raise Refused("This account is not active.")


def _check_scope(campaign: Campaign, digest: str, typed_count: int) -> None:
    count = AffectedCertificate.objects.filter(campaign=campaign).count()
    if not count:
        raise Refused("The scope is empty: there is nothing to approve.")
    if typed_count != count:
        raise Refused(f"You typed {typed_count:,}, but the scope has {count:,} certificates.")
    found = scope_digest(campaign)
    if found != campaign.scope_digest:
        raise Refused("The scope in the database is not the one that was imported. Do not go on; find out why.")
    if digest != found:
        raise Refused("The scope has changed since you looked at it. Please look again and approve what is there now.")


def check_issuers(found: Iterable[Issuer]) -> None:
    """Raise `Refused` for an issuer that nothing can be asked to revoke."""
    for issuer in found:
        if not issuer.backend:
            raise Refused(f"How {issuer} is asked to revoke is not known: it has no backend.")
        if issuer.revocations_per_second <= 0:
            raise Refused(
                f"The rate of {issuer} is {issuer.revocations_per_second:g} a second; it must be more than 0."
            )
