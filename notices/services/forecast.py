"""When will everybody have heard for the first time? (R26)"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q

from campaigns.models import AffectedSubscriber, Audience, Campaign, EscalationStep
from core import clock
from notices import routes
from notices.models import Notice, NoticeQuerySet, Route
from subscribers.models import Channel, Contact

ASSUMED_PER_MINUTE = 300.0
"""What a way without a measurement is taken for: five messages a second, which a slow provider manages too."""
WRITTEN_PER_MINUTE = 15_000.0
"""Notices that one worker puts into words; measured 55,000 (docs/benchmarks.md), and less where it has neighbours."""
TICKS = timedelta(seconds=30)
"""One tick until the notices are written, one until they are sent."""
TICKS_PER_MINUTE = 4
TENTH = 10
SLOWEST = 0.0001


@dataclass(frozen=True, slots=True)
class FirstNotices:
    """When the last first notice is expected to go out, or went out: `finish` is None where there is nobody to tell."""

    waiting: int
    """First notices that have still to go out, written or not."""
    ahead: int
    """Notices that are due already and go before them."""
    per_minute: float
    """What the ways out manage together, below their ceilings; by the clock's minutes."""
    is_measured: bool
    started_at: datetime
    finish: datetime | None
    allowed: timedelta
    """A tenth of the window."""
    trouble: tuple[str, ...]
    """The ways that rest, and why."""

    @property
    def takes(self) -> timedelta | None:
        """From the launch to the last first notice."""
        return self.finish - self.started_at if self.finish else None

    @property
    def is_done(self) -> bool:
        """Whether everybody has been told."""
        return self.waiting == 0 and self.finish is not None

    @property
    def is_late(self) -> bool:
        """Whether it takes more than a tenth of the window."""
        return self.takes is not None and self.takes > self.allowed


def forecast(campaign: Campaign, *, now: datetime) -> FirstNotices:
    """The forecast of a campaign as if it were launched now, or of one that runs as it stands."""
    first = campaign.steps.order_by("order").first()
    unwritten = _unwritten(campaign, first)
    queued = _queued(campaign, first)
    latest = queued.filter(~Q(last_error="")).aggregate(at=Max("due_at"))["at"]
    waiting = unwritten + queued.count()
    ahead = _ahead(campaign, first, now=now) if waiting else 0
    per_minute, is_measured, trouble = _rate(campaign, now=now)
    finish = _last_sent(campaign, first)
    if waiting:
        minutes = unwritten / WRITTEN_PER_MINUTE * max(clock.speed(), 1.0) + (waiting + ahead) / per_minute
        finish = max(now + clock.stretched(TICKS) + timedelta(minutes=minutes), latest or now)
    return FirstNotices(
        waiting=waiting,
        ahead=ahead,
        per_minute=per_minute,
        is_measured=is_measured,
        started_at=campaign.launched_at or now,
        finish=finish,
        allowed=(campaign.deadline - campaign.clock_started_at) / TENTH,
        trouble=trouble,
    )


def _unwritten(campaign: Campaign, first: EscalationStep | None) -> int:
    """How many first notices have still to be written: one for each subscriber, or for each contact of it."""
    if campaign.ended_at or first is None:
        return 0
    rows = AffectedSubscriber.objects.filter(campaign=campaign)
    if campaign.launched_at:
        rows = rows.filter(next_step__lte=first.order, due_at__isnull=False)
    contacts = Contact.objects.reachable()
    if first.audience == Audience.ALL:
        found = contacts.filter(subscriber__in=rows.values("subscriber")).aggregate(n=Count("pk"))
        return int(found["n"])
    return rows.filter(Exists(contacts.filter(subscriber=OuterRef("subscriber")))).count()


def _of_first_step(first: EscalationStep | None) -> Q:
    return Q(step=first, carried_by=None, channel=Channel.MAIL)


def _queued(campaign: Campaign, first: EscalationStep | None) -> NoticeQuerySet:
    rows = Notice.objects.in_campaign(campaign).filter(_of_first_step(first), state=Notice.State.QUEUED)
    return rows if first and not campaign.ended_at else rows.none()


def _ahead(campaign: Campaign, first: EscalationStep | None, *, now: datetime) -> int:
    rows = Notice.objects.sendable().filter(channel=Channel.MAIL, due_at__lte=now)
    return rows.exclude(affected_subscriber__campaign=campaign, step=first).count()


def _last_sent(campaign: Campaign, first: EscalationStep | None) -> datetime | None:
    rows = Notice.objects.in_campaign(campaign).filter(step=first, cause="") if first else Notice.objects.none()
    found: datetime | None = rows.aggregate(at=Max("sent_at"))["at"]
    return found


def _rate(campaign: Campaign, *, now: datetime) -> tuple[float, bool, tuple[str, ...]]:
    """Messages a minute by all ways that are up; the next one takes only what is above the ceiling of those before."""
    ways = routes.ways(Channel.MAIL, to_sink=campaign.is_drill)
    known = {row.name: row for row in Route.objects.filter(name__in=[way.name for way in ways])}
    resting = {name: row for name, row in known.items() if row.resting_until and row.resting_until > now}
    awake = [way for way in ways if way.name not in resting] or ways
    total, is_measured = 0.0, True
    for way in awake:
        measured = known[way.name].messages_per_minute if way.name in known else None
        is_measured = is_measured and measured is not None
        quick = (measured or ASSUMED_PER_MINUTE) / max(clock.speed(), 1.0)
        total += min(quick, way.per_minute) if way.per_minute else quick
        if not way.per_minute or quick <= way.per_minute:
            break
    if settings.NOTICES_PER_TICK:
        total = min(total, settings.NOTICES_PER_TICK * TICKS_PER_MINUTE / max(clock.speed(), 1.0))
    return max(total, SLOWEST), is_measured, tuple(f"{name}: {row.trouble}" for name, row in sorted(resting.items()))
