"""One mail for each address: what goes to the same address for the same step is put into words together.

Resellers and the CA's account managers look after many subscribers. A notice stays for each of them, as the proof that
it was told; the first one carries the words of all, the others are carried by it and share its fate.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from campaigns.models import AffectedSubscriber
from core import due
from notices.rendering import Letter
from notices.services import situation
from notices.services.planning import Draft
from subscribers.models import Channel, Contact

log = logging.getLogger(__name__)
MOST_ACCOUNTS = 50
"""Where an address looks after more subscribers it gets several mails: one of hundreds of pages is read by nobody."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages that go out as one, and their words: the first draft's notice carries the others."""

    drafts: tuple[Draft, ...]
    letter: Letter


def claim_siblings(rows: Sequence[AffectedSubscriber], *, now: datetime) -> list[AffectedSubscriber]:
    """Claim what is due in the same campaigns for others who share an address with any of these subscribers.

    Those that another worker holds are told by it, in a mail of their own.
    """
    subscribers = [row.subscriber_id for row in rows]
    addresses = Contact.objects.filter(subscriber__in=subscribers, left_at=None).exclude(email="").values("email")
    others = Contact.objects.filter(email__in=addresses, left_at=None).exclude(subscriber__in=subscribers)
    sharing = set(others.values_list("subscriber", flat=True)[: settings.BATCH])
    if not sharing:
        return []
    campaigns = {row.campaign_id for row in rows}
    waiting = AffectedSubscriber.objects.to_escalate().filter(campaign__in=campaigns, subscriber__in=sharing)
    return due.claim(waiting.exclude(pk__in=[row.pk for row in rows]), now=now, limit=settings.BATCH)


def parcels(drafts: Iterable[Draft], *, now: datetime) -> tuple[list[Parcel], set[int]]:
    """Drafts in words, and the affected subscribers whose words cannot be made: these are left out everywhere."""
    left, broken = list(drafts), set[int]()
    while True:
        made, failed = _worded(left, now=now)
        if not failed:
            return made, broken
        broken |= failed
        left = [each for each in left if each.situation.affected.pk not in broken]


def without(made: Iterable[Parcel], lost: Collection[int], *, now: datetime) -> list[Parcel]:
    """The parcels without some affected subscribers, put into words anew where one of those was among them."""
    kept, again = list[Parcel](), list[Draft]()
    for parcel in made:
        mine = [each for each in parcel.drafts if each.situation.affected.pk not in lost]
        if len(mine) == len(parcel.drafts):
            kept.append(parcel)
        else:
            again += mine
    return kept + (parcels(again, now=now)[0] if again else [])


def _worded(drafts: list[Draft], *, now: datetime) -> tuple[list[Parcel], set[int]]:
    made, failed = list[Parcel](), set[int]()
    letters: dict[object, Letter] = {}
    for group in _groups(drafts):
        try:
            made.append(Parcel(tuple(group), _letter(group, letters, now=now)))
        except Exception:
            log.exception("The notice for %s cannot be written.", _names(group))
            failed |= _culprits(group, now=now)
    return made, failed


def _groups(drafts: Iterable[Draft]) -> list[list[Draft]]:
    """Drafts that go out together: the same step, address, language and reason; only mail is put together."""
    groups: dict[object, list[Draft]] = defaultdict(list)
    for each in drafts:
        where = each.situation
        alone = 0 if each.channel == Channel.MAIL else where.affected.pk
        language = where.language_of(each.contact)
        groups[each.step.pk, each.channel, each.address, language, each.because, alone].append(each)
    return [
        group[start : start + MOST_ACCOUNTS]
        for group in groups.values()
        for start in range(0, len(group), MOST_ACCOUNTS)
    ]


def _letter(group: Sequence[Draft], letters: dict[object, Letter], *, now: datetime) -> Letter:
    """The words of a group, made once for all who are told of the same subscribers in the same language and zone."""
    first, accounts = group[0], [each.situation for each in group]
    place = first.situation.language_of(first.contact), first.situation.time_zone_of(first.contact)
    key = first.step.pk, first.because, place, tuple(each.affected.pk for each in accounts)
    if key not in letters:
        letters[key] = situation.letter(accounts, first.step, first.contact, because=first.because, now=now)
    return letters[key]


def _culprits(group: Sequence[Draft], *, now: datetime) -> set[int]:
    """Those of a group whose words cannot be made alone either; all of it where each one's can."""
    if len(group) == 1:
        return {group[0].situation.affected.pk}
    found = set[int]()
    for each in group:
        try:
            _letter([each], {}, now=now)
        except Exception:
            log.exception("The notice for %s cannot be written.", _names([each]))
            found.add(each.situation.affected.pk)
    return found or {each.situation.affected.pk for each in group}


def _names(group: Iterable[Draft]) -> str:
    return ", ".join(str(each.situation.affected.public_id) for each in group)
