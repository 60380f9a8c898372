"""The burn-down: remaining certificates over time, against the pace that the deadline demands, and the forecast."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncHour

from campaigns.models import Campaign, Snapshot
from campaigns.plan import pace
from revocation.models import Revocation

HOUR = timedelta(hours=1)
POINTS = 240
"""More points than this are thinned out: a chart is not wider."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns of equal length; `None` where a line has no value."""

    at: list[datetime]
    remaining: list[int | None]
    needed: list[float | None]
    forecast: list[float | None]

    def as_json(self) -> dict[str, list[float | int | None]]:
        """The columns for a chart, times in seconds since 1970."""
        return {
            "at": [moment.timestamp() for moment in self.at],
            "remaining": list(self.remaining),
            "needed": list(self.needed),
            "forecast": list(self.forecast),
        }

    @property
    def rows(self) -> list[tuple[datetime, int | None, float | None, float | None]]:
        """The same, row by row, for those who read a table."""
        return list(zip(self.at, self.remaining, self.needed, self.forecast, strict=True))


def chart(campaign: Campaign, *, remaining: int, scope: int, finish: datetime | None, now: datetime) -> Chart:
    """The burn-down of a campaign up to `now`, and what is expected after it."""
    start, end = campaign.launched_at or now, campaign.deadline
    past = thinned(
        list(Snapshot.objects.filter(campaign=campaign, at__lt=now).order_by("at").values_list("at", "remaining"))
    )
    seen: dict[datetime, int] = {**dict(past), now: remaining} if campaign.launched_at else {}
    if campaign.ended_at:
        seen = {at: count for at, count in seen.items() if at <= campaign.ended_at} | {campaign.ended_at: remaining}
    expected = _expected(campaign, remaining, finish, now) if finish and finish > now and remaining else {}
    moments = sorted({start, end, *seen, *expected})
    return Chart(
        at=moments,
        remaining=[seen.get(at) for at in moments],
        needed=[pace(scope, start=start, deadline=end, at=at) if start <= at <= end else None for at in moments],
        forecast=[expected.get(at) for at in moments],
    )


def _expected(campaign: Campaign, remaining: int, finish: datetime, now: datetime) -> dict[datetime, float]:
    """What will remain if nothing changes: the plan hour by hour, down to nothing at the expected finish."""
    rows = Revocation.objects.filter(
        affected_certificate__campaign=campaign, state=Revocation.State.SCHEDULED, planned_at__gt=now
    )
    hours = rows.order_by().annotate(hour=TruncHour("planned_at")).values_list("hour").annotate(n=Count("pk"))
    found: dict[datetime, float] = {now: remaining}
    level = remaining
    for hour, n in sorted(hours):
        if now < hour < finish:
            found[hour] = level
            level = max(level - n, 0)
            found[min(hour + HOUR, finish)] = level
    return {**found, finish: 0}


def thinned(points: list[tuple[datetime, int]], most: int = POINTS) -> list[tuple[datetime, int]]:
    """At most about `most` of the points, evenly chosen, the first and the last always among them."""
    every = -(-len(points) // most) or 1
    return points[:-1:every] + points[-1:]
