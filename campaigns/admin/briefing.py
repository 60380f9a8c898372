"""What a person needs to know before a campaign is approved or launched: rule, scope, people, ladder, timing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q

from campaigns.admin.ladder import Ladder, campaign_ladder
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.rules import Rule, rule_pack
from subscribers.census import RISKS, risk_conditions
from subscribers.models import Contact, Issuer, SubscriberClass

FIRST_SERIALS = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What one issuer's CA will be asked to do, and how long handing it over takes at the rate measured last."""

    issuer: Issuer
    count: int
    takes: timedelta


@dataclass(frozen=True, slots=True)
class Audience:
    """The affected subscribers, and how they can be reached."""

    total: int
    without_contact: int
    with_one_contact: int
    without_phone: int
    by_class: list[tuple[str, int]]
    by_risk: list[tuple[str, int]]
    """By what they have committed to in writing."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a launch at this moment, as other apps know it; `is_bad` calls for attention."""

    label: str
    value: str
    note: str
    is_bad: bool = False


MORE: list[Callable[[Campaign, datetime], list[Expectation]]] = []
"""Who else has something to say before the decision: the apps above fill it when they are ready."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything for the decision, on one page that could be printed and signed."""

    rule: Rule
    deadline: datetime
    ladder: Ladder
    loads: list[Load]
    audience: Audience
    serials: list[AffectedCertificate]
    expectations: list[Expectation]


def briefing(campaign: Campaign, *, now: datetime) -> Briefing:
    """The facts of a campaign as they would be if it were launched now."""
    return Briefing(
        rule=rule_pack(campaign.rule_pack).rule(campaign.rule),
        deadline=campaign.deadline,
        ladder=campaign_ladder(campaign, now=now),
        loads=loads(campaign, now=now),
        audience=audience(campaign, now=now),
        serials=list(
            AffectedCertificate.objects.filter(campaign=campaign)
            .select_related("certificate__issuer", "affected_subscriber__subscriber")
            .defer("certificate__der")
            .order_by("certificate__issuer__key_id", "certificate__serial_number")[:FIRST_SERIALS]
        ),
        expectations=[each for known in MORE for each in known(campaign, now)],
    )


def loads(campaign: Campaign, *, now: datetime) -> list[Load]:
    """The work for each issuer's CA, by the rate that was measured last."""
    rows = (
        AffectedCertificate.objects.remaining(now)
        .filter(campaign=campaign)
        .order_by()
        .values_list("certificate__issuer")
    )
    counted = dict(rows.annotate(n=Count("pk")))
    return [
        Load(
            issuer,
            counted[issuer.pk],
            timedelta(seconds=counted[issuer.pk] / max(issuer.revocations_per_second, 0.001)),
        )
        for issuer in Issuer.objects.filter(pk__in=list(counted))
    ]


def audience(campaign: Campaign, *, now: datetime) -> Audience:
    """Who is affected, and who will be hard to reach."""
    contacts = Contact.objects.own().filter(subscriber=OuterRef("subscriber"))
    reachable = Q(subscriber__contacts__bounced_at=None) & ~Q(subscriber__contacts__email="")
    reachable &= Q(subscriber__contacts__left_at=None)
    reachable &= ~Q(subscriber__contacts__role=Contact.Role.ACCOUNT_MANAGER)
    rows = AffectedSubscriber.objects.filter(campaign=campaign)
    each = rows.annotate(
        n=Count("subscriber__contacts", filter=reachable & Q(subscriber__contacts__isnull=False), distinct=True),
        has_phone=Exists(contacts.exclude(phone="")),
    )
    counted = each.aggregate(
        total=Count("pk"),
        none=Count("pk", filter=Q(n=0)),
        one=Count("pk", filter=Q(n=1)),
        silent=Count("pk", filter=Q(has_phone=False)),
    )
    risks = {key: rows.filter(each).count() for key, each in risk_conditions(now, subscriber="subscriber").items()}
    classes = dict(rows.order_by().values_list("subscriber__subscriber_class").annotate(n=Count("pk")))
    return Audience(
        total=counted["total"],
        without_contact=counted["none"],
        with_one_contact=counted["one"],
        without_phone=counted["silent"],
        by_class=[(str(label), classes[value]) for value, label in SubscriberClass.choices if value in classes],
        by_risk=[(label, risks[key]) for key, label in RISKS.items()],
    )
