"""The burn-down: remaining certificates over time, against the pace that the deadline demands, and the forecast."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign, Snapshot
from campaigns.plan import pace

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
    expected: dict[datetime, float] = {now: remaining, finish: 0} if finish and finish > now and remaining else {}
    moments = sorted({start, end, *seen, *expected})
    return Chart(
        at=moments,
        remaining=[seen.get(at) for at in moments],
        needed=[pace(scope, start=start, deadline=end, at=at) if start <= at <= end else None for at in moments],
        forecast=[expected.get(at) for at in moments],
    )


def thinned(points: list[tuple[datetime, int]], most: int = POINTS) -> list[tuple[datetime, int]]:
    """At most about `most` of the points, evenly chosen, the first and the last always among them."""
    every = -(-len(points) // most) or 1
    return points[:-1:every] + points[-1:]
