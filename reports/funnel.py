"""How far the subscribers of a campaign have been brought, and what became of the notices."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from notices.models import Call, Notice
from reports.parts import check_sum, conditions

State = AffectedCertificate.State


@dataclass(frozen=True, slots=True)
class Funnel:
    """Affected subscribers: each number is a share of `total`, and none but the first contains the next by force."""

    total: int
    notified: int
    reached: int
    acknowledged: int
    replaced: int
    at_risk: int
    unreachable: int

    def as_json(self) -> dict[str, int]:
        """The same as a mapping."""
        return asdict(self)


def steps(now: datetime) -> dict[str, Q]:
    """What each number of the funnel means, as a condition on affected subscribers."""
    notices = Notice.objects.filter(affected_subscriber=OuterRef("pk"))
    spoken = Call.objects.filter(affected_subscriber=OuterRef("pk"), outcome__in=Call.TOLD)
    own = AffectedCertificate.objects.filter(affected_subscriber=OuterRef("pk"))
    meaning = conditions(now)
    unreplaced = own.exclude(state=State.REPLACED).exclude(meaning["expired"] | meaning["excluded"])
    acknowledged = Q(acknowledged_at__isnull=False)
    answered = acknowledged | Q(Exists(own.exclude(state=State.OUTSTANDING)))
    outstanding = Q(Exists(own.filter(meaning["outstanding"])))
    return {
        "total": Q(),
        "notified": Q(Exists(notices.filter(sent_at__isnull=False))),
        "reached": answered | Q(Exists(notices.filter(state=Notice.State.DELIVERED))) | Q(Exists(spoken)),
        "acknowledged": acknowledged,
        "replaced": Q(Exists(own)) & ~Q(Exists(unreplaced)),
        "at_risk": outstanding & (Q(acknowledged_at=None) | Q(unreachable_since__isnull=False)),
        "unreachable": Q(unreachable_since__isnull=False),
    }


def of_step(rows: QuerySet[AffectedSubscriber], step: str, now: datetime) -> QuerySet[AffectedSubscriber]:
    """The affected subscribers behind a number; raises `KeyError` for a step that there is none of."""
    return rows.filter(steps(now)[step])


def funnel(campaign: Campaign, now: datetime) -> Funnel:
    """The funnel of a campaign, by one query."""
    meaning = steps(now)
    rows = AffectedSubscriber.objects.filter(campaign=campaign)
    counts = rows.aggregate(**{f"n_{name}": Count("pk", filter=condition) for name, condition in meaning.items()})
    return Funnel(**{name: counts[f"n_{name}"] for name in meaning})


def notices_by_outcome(campaign: Campaign) -> dict[str, int]:
    """Notices by state, every state named, and their `total`, which is their sum."""
    rows = Notice.objects.in_campaign(campaign).order_by()
    counted = dict(rows.values_list("state").annotate(n=Count("pk")))
    found = {str(state): counted.get(state, 0) for state in Notice.State.values}
    check_sum("Notices", rows.count(), tuple(found.values()))
    return {**found, "total": sum(found.values())}


def notices_by_step(campaign: Campaign) -> list[dict[str, object]]:
    """What each escalation step has sent: its number, share of the window, audience, and notices by state."""
    counted: dict[int, dict[str, int]] = {}
    rows = Notice.objects.in_campaign(campaign).order_by().values_list("step__order", "state").annotate(n=Count("pk"))
    for order, state, n in rows:
        counted.setdefault(order, {})[state] = n
    return [
        {
            "number": step.order + 1,
            "share": step.share,
            "before_deadline_seconds": step.before_deadline and int(step.before_deadline.total_seconds()),
            "audience": step.get_audience_display(),
            **_all_states(counted.get(step.order, {})),
        }
        for step in campaign.steps.all()
    ]


def _all_states(counted: dict[str, int]) -> dict[str, int]:
    found = {str(state): counted.get(state, 0) for state in Notice.State.values}
    lost = found[Notice.State.BOUNCED] + found[Notice.State.REFUSED]
    return {**found, "lost": lost, "total": sum(found.values())}
