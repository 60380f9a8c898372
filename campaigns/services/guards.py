"""What several verbs check, and what follows from all of them."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Exclusion
from core.errors import Refused

BATCH = 1000


def hold(campaign: Campaign) -> None:
    """Lock a campaign's row until the transaction ends, and bring the object up to date with it."""
    campaign.refresh_from_db(from_queryset=Campaign.objects.select_for_update())


def require_running(campaign: Campaign, what: str) -> None:
    """Raise `Refused` unless the campaign has been launched and has not ended; a halt changes nothing here."""
    if campaign.state == Campaign.State.RUNNING:
        return
    if campaign.ended_at:
        raise Refused(f"The campaign ended on {campaign.ended_at:%Y-%m-%d %H:%M} UTC: {what} is no longer possible.")
    raise Refused(f"The campaign has not been launched: {what} is not yet possible.")


def require_text(text: str, what: str, *, longest: int = 500) -> str:
    """The text without blanks around it. Raises `Refused` if there is none, or more than fits."""
    found = text.strip()
    if not found:
        raise Refused(f"Please give {what}.")
    if len(found) > longest:
        raise Refused(f"{what.capitalize()} is {len(found):,} characters long; {longest:,} fit.")
    return found


def own_certificates(affected_subscriber: AffectedSubscriber, keys: Collection[int]) -> list[AffectedCertificate]:
    """The subscriber's affected certificates with these keys, locked until the transaction ends.

    Raises `Refused` for none, and for one of another subscriber.
    """
    wanted = set(keys)
    if not wanted:
        raise Refused(gettext("Please choose at least one certificate."))
    found: list[AffectedCertificate] = []
    for some in batches(wanted):
        rows = affected_subscriber.certificates.filter(pk__in=some).select_for_update(of=("self",)).order_by("pk")
        found += rows.select_related("certificate").defer("certificate__der")
    if len(found) != len(wanted):
        raise Refused(gettext("One of these certificates is not in your list."))
    for row in found:
        row.campaign = affected_subscriber.campaign
    return found


def stop_answered(affected_subscribers: Collection[int], *, now: datetime) -> int:
    """Let no further notice be written to those who have nothing left to do; how many they were.

    Where an exclusion ends by itself they are looked at again at that moment. Called in the transaction of what may
    have been the last answer. Revocation is not touched.
    """
    own = Exclusion.objects.standing(now).filter(affected_certificate__affected_subscriber=OuterRef("pk"))
    ending = own.filter(until__isnull=False, affected_certificate__published_at=None)
    again_at = Subquery(ending.order_by("until").values("until")[:1])
    stopped = 0
    for some in batches(affected_subscribers):
        waiting = AffectedSubscriber.objects.filter(pk__in=some, due_at__isnull=False)
        busy = AffectedSubscriber.objects.outstanding(now).filter(pk__in=some)
        stopped += waiting.exclude(pk__in=busy).update(due_at=again_at)
    return stopped


def batches(keys: Iterable[int]) -> Iterable[list[int]]:
    """Keys in order, a thousand at a time, so that no statement grows with its work."""
    ordered = sorted(set(keys))
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))
