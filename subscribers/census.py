"""Whether subscribers could be told if it happened now: what counts as a sound contact, and how subscribers fall to it.

The four groups are a partition: every subscriber is in one, so their numbers add up. So are the four risk classes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, IntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from subscribers.models import Certificate, Commitment, Contact, Subscriber

ENOUGH = 2
"""So many sound contacts: one may be on holiday."""
GROUPS = {
    "ready": "two or more verified contacts",
    "stale": "two or more contacts, fewer than two of them verified lately",
    "single": "only one contact that can be reached",
    "unreachable": "nobody who can be reached",
}
RISKS = {
    "24h": "can replace within 24 hours",
    "5d": "can replace within 5 days",
    "lapsed": "commitment has lapsed",
    "none": "never committed",
}
DAY = timedelta(hours=24)


def oldest_proof(now: datetime) -> datetime:
    """A contact that was verified before this is no longer known to be right."""
    return now - timedelta(days=settings.CONTACT_VERIFIED_DAYS)


def is_sound(now: datetime) -> Q:
    """Among reachable contacts, those whose mail does not bounce and who were verified lately."""
    return Q(bounced_at=None, verified_at__gte=oldest_proof(now))


def group_of(reachable: int, sound: int) -> str:
    """The group of a subscriber with so many reachable contacts, of which so many are sound."""
    if sound >= ENOUGH:
        return "ready"
    return "stale" if reachable >= ENOUGH else "single" if reachable else "unreachable"


def risk_of(best: timedelta | None, *, has_any: bool) -> str:
    """The risk class of a subscriber by the shortest window of its valid commitments, and whether it ever gave one."""
    if best is None:
        return "lapsed" if has_any else "none"
    return "24h" if best <= DAY else "5d"


def valid_certificates(now: datetime) -> QuerySet[Certificate]:
    """Certificates that are neither expired nor revoked."""
    return Certificate.objects.filter(not_after__gte=now, revoked_at=None)


def counted(rows: QuerySet[Subscriber], *, now: datetime) -> QuerySet[Subscriber]:
    """Subscribers with the numbers of their `reachable` and `sound` contacts."""
    return rows.annotate(
        reachable=_number(Contact.objects.reachable()),
        sound=_number(Contact.objects.reachable().filter(is_sound(now))),
    )


def described(rows: QuerySet[Subscriber], *, now: datetime) -> QuerySet[Subscriber]:
    """Subscribers with those numbers, their `best_window`, and whether there is any `has_commitment`."""
    given = Commitment.objects.filter(subscriber=OuterRef("pk"))
    best = given.filter(valid_until__gt=now).order_by("window").values("window")[:1]
    return counted(rows, now=now).annotate(best_window=Subquery(best), has_commitment=Exists(given))


def of_group(rows: QuerySet[Subscriber], group: str, *, now: datetime) -> QuerySet[Subscriber]:
    """The subscribers of a group. Raises `KeyError` for a group that there is none of."""
    return counted(rows, now=now).filter(
        {
            "ready": Q(sound__gte=ENOUGH),
            "stale": Q(reachable__gte=ENOUGH, sound__lt=ENOUGH),
            "single": Q(reachable=1),
            "unreachable": Q(reachable=0),
        }[group]
    )


def risk_conditions(now: datetime, *, subscriber: str = "pk") -> dict[str, Q]:
    """What each risk class means, as a condition on rows whose column `subscriber` is the key of one."""
    given = Commitment.objects.filter(subscriber=OuterRef(subscriber))
    valid = given.filter(valid_until__gt=now)
    fast = valid.filter(window__lte=DAY)
    return {
        "24h": Q(Exists(fast)),
        "5d": Q(Exists(valid)) & ~Q(Exists(fast)),
        "lapsed": Q(Exists(given)) & ~Q(Exists(valid)),
        "none": ~Q(Exists(given)),
    }


def of_risk(rows: QuerySet[Subscriber], risk: str, *, now: datetime) -> QuerySet[Subscriber]:
    """The subscribers of a risk class. Raises `KeyError` for one that there is none of."""
    return rows.filter(risk_conditions(now)[risk])


def with_certificates(rows: QuerySet[Subscriber], *, now: datetime) -> QuerySet[Subscriber]:
    """The subscribers that hold valid certificates: the others have nothing that could be revoked."""
    return rows.filter(Exists(valid_certificates(now).filter(subscriber=OuterRef("pk"))))


def reachable_and_sound(now: datetime) -> dict[int, tuple[int, int]]:
    """How many reachable and how many sound contacts each subscriber has; whoever has none is not in it."""
    rows = Contact.objects.reachable().order_by().values_list("subscriber")
    found = rows.annotate(reachable=Count("pk"), sound=Count("pk", filter=is_sound(now)))
    return {key: (reachable, sound) for key, reachable, sound in found.iterator(10_000)}


def risks(now: datetime, *, subscribers: Sequence[int] | None = None) -> dict[int, str]:
    """The risk class of each subscriber that ever gave a commitment, or of some subscribers."""
    rows = Commitment.objects.order_by().values_list("subscriber")
    if subscribers is not None:
        rows = rows.filter(subscriber__in=subscribers)
    best = rows.annotate(best=Min("window", filter=Q(valid_until__gt=now)))
    return {key: risk_of(window, has_any=True) for key, window in best.iterator(10_000)}


def _number(contacts: QuerySet[Contact]) -> Coalesce:
    own = contacts.filter(subscriber=OuterRef("pk")).order_by().values("subscriber").annotate(found=Count("pk"))
    return Coalesce(Subquery(own.values("found"), output_field=IntegerField()), 0)
