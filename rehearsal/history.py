"""What happened in 2024, as the CA reported it in public (Mozilla bug 1888882): facts, for comparison."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CERTIFICATES = 2098
REPORT_READ_AT = datetime(2024, 3, 19, 8, 30, tzinfo=UTC)
FIXED_AT = datetime(2024, 3, 19, 10, 35, tzinfo=UTC)
WINDOW = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Milestone:
    """How many certificates had been revoked, or had expired, by a moment."""

    at: datetime
    settled: int
    words: str

    @property
    def day(self) -> float:
        """Days since the CA read the report."""
        return (self.at - REPORT_READ_AT) / timedelta(days=1)


MILESTONES = (
    Milestone(REPORT_READ_AT, 0, "The second report is read; the fault is confirmed within the hour."),
    Milestone(datetime(2024, 3, 24, 8, 30, tzinfo=UTC), 0, "Five days are over. Nothing has been revoked."),
    Milestone(datetime(2024, 3, 29, 10, 0, tzinfo=UTC), 16, "16 revoked, after ten days."),
    Milestone(datetime(2024, 4, 1, 10, 0, tzinfo=UTC), 849, "849 revoked, after thirteen days."),
    Milestone(datetime(2024, 4, 9, 10, 0, tzinfo=UTC), 1409, "1,409 revoked, after three weeks; 689 wait for consent."),
    Milestone(datetime(2024, 5, 25, 10, 0, tzinfo=UTC), 2098, "The last one, on day 67: 2,070 revoked, 28 expired."),
)
