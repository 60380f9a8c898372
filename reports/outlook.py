"""Will we make it? The last safe start, and when the last certificate is expected to be published."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign
from core.figures import duration, iso
from revocation.services import Forecast, forecast

WORDS = {
    "done": "Nothing remains",
    "halted": "Halted: nothing goes out",
    "late": "The deadline will be missed",
    "overdue": "The deadline has passed",
    "tight": "The margin is being used up",
    "safe": "In time",
    "unknown": "Not planned yet",
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """The answer, as a word (`done safe tight late overdue halted unknown`) and as moments."""

    word: str
    last_safe_start: datetime | None
    finish: datetime | None
    deadline: datetime
    backlog: int
    forecasts: list[Forecast]

    @property
    def sentence(self) -> str:
        """The answer for a person."""
        if self.word in ("safe", "tight", "late") and self.finish:
            how = "early" if self.finish <= self.deadline else "late"
            return f"{WORDS[self.word]}: done {duration(self.deadline - self.finish)} {how}"
        return WORDS[self.word]

    @property
    def per_second(self) -> float:
        """Revocations a second that the CAs have taken, together."""
        return sum(each.per_second for each in self.forecasts)

    def as_json(self, now: datetime) -> dict[str, object]:
        """The same as a mapping."""
        start = self.last_safe_start
        return {
            "word": self.word,
            "sentence": self.sentence,
            "last_safe_start": iso(start) or None,
            "seconds_to_last_safe_start": int((start - now).total_seconds()) if start else None,
            "expected_finish": iso(self.finish) or None,
            "backlog": self.backlog,
            "per_second": round(self.per_second, 3),
        }


def outlook(campaign: Campaign, *, remaining: int, now: datetime) -> Outlook:
    """The outlook of a launched campaign."""
    forecasts = forecast(campaign, now=now) if campaign.state == Campaign.State.RUNNING else []
    return Outlook(
        word=_word(campaign, remaining, forecasts, now),
        last_safe_start=_last_safe_start(forecasts),
        finish=_finish(forecasts),
        deadline=campaign.deadline,
        backlog=sum(each.backlog for each in forecasts),
        forecasts=forecasts,
    )


def _word(campaign: Campaign, remaining: int, forecasts: list[Forecast], now: datetime) -> str:
    finish, start = _finish(forecasts), _last_safe_start(forecasts)
    if not remaining:
        return "done"
    if campaign.deadline < now:
        return "overdue"
    if campaign.halted_at:
        return "halted"
    if finish is None:
        return "unknown"
    if finish > campaign.deadline or any(each.is_late for each in forecasts):
        return "late"
    return "tight" if start and start < now and not _is_under_way(campaign) else "safe"


def _is_under_way(campaign: Campaign) -> bool:
    """Whether revocation has begun: after that, the last safe start is no longer a moment to wait for."""
    return bool(campaign.gates.filter(wave__gt=1).exists())


def _finish(forecasts: list[Forecast]) -> datetime | None:
    return max((each.published_at for each in forecasts if each.published_at), default=None)


def _last_safe_start(forecasts: list[Forecast]) -> datetime | None:
    return min((each.last_safe_start for each in forecasts if each.last_safe_start), default=None)
