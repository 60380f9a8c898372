"""Whom to ring about an affected subscriber: its contacts with a number, in order."""

from collections import Counter
from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from notices.models import Call
from subscribers.models import Contact

MANAGER = Contact.Role.ACCOUNT_MANAGER
HIDDEN = "•"
DIGITS_KEPT = 4


def in_line(contacts: Iterable[Contact], calls: Iterable[Call], wrong: Collection[str]) -> list[Contact]:
    """The subscriber's own contacts with a number, the one that was rung least often first, then by rank.

    Numbers that were found wrong and contacts who have left are not offered.
    """
    rung = Counter(call.contact_id for call in calls)
    own = [each for each in contacts if each.phone and not each.left_at and each.role != MANAGER]
    right = [each for each in own if each.phone not in wrong]
    return sorted(right, key=lambda each: (rung[each.pk], each.role != Contact.Role.PRIMARY, each.rank, each.pk))


def in_the_book() -> QuerySet[Contact]:
    """The contacts whom `in_line` would offer, of all subscribers."""
    wrong = Call.objects.wrong()
    here = wrong.filter(affected_subscriber__subscriber=OuterRef("subscriber"), number=OuterRef("phone"))
    own = Contact.objects.filter(left_at=None).exclude(phone="").exclude(role=MANAGER)
    # Wrong numbers are few: whether one is wrong for this subscriber is looked up for those alone.
    return own.filter(~Q(phone__in=wrong.values("number")) | ~Exists(here))


def wrong_numbers(subscribers: Collection[int]) -> dict[int, set[str]]:
    """The numbers of these subscribers that turned out to be somebody else's, in any campaign."""
    found: dict[int, set[str]] = {key: set() for key in subscribers}
    rows = Call.objects.wrong().filter(affected_subscriber__subscriber__in=subscribers)
    for key, number in rows.values_list("affected_subscriber__subscriber", "number"):
        found[key].add(number)
    return found


def shown(number: str, *, is_drill: bool) -> str:
    """A number as callers see it. In a drill nobody is rung, so that its end is hidden."""
    if not is_drill:
        return number
    kept = 0
    hidden = []
    for each in number:
        kept += each.isdigit()
        hidden.append(each if kept <= DIGITS_KEPT or not each.isdigit() else HIDDEN)
    return "".join(hidden)
