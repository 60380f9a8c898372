"""The course of 2024 beside the course of the rehearsal, as a small drawing without JavaScript."""

from typing import Any

from django import template

from campaigns.models import Campaign
from rehearsal import history

register = template.Library()
WIDTH, HEIGHT, DAYS = 560.0, 150.0, 70.0


@register.inclusion_tag("rehearsal/_2024.html")
def incident_2024(campaign: Campaign) -> dict[str, Any]:
    """Remaining certificates by day: as reported in 2024, and in this campaign."""
    past = [(each.day, history.CERTIFICATES - each.settled) for each in history.MILESTONES]
    rows = campaign.snapshots.order_by("at").values_list("at", "scope", "remaining")
    began = campaign.clock_started_at
    here = [
        ((at - began).total_seconds() / 86_400, remaining / max(scope, 1)) for at, scope, remaining in _thinned(rows)
    ]
    return {
        "milestones": [(each, history.CERTIFICATES - each.settled) for each in history.MILESTONES],
        "then": _steps([(day, remaining / history.CERTIFICATES) for day, remaining in past]),
        "now": _steps(here),
        "deadline_x": _x(history.WINDOW.total_seconds() / 86_400),
        "width": WIDTH,
        "height": HEIGHT,
        "ticks": [(day, _x(day)) for day in range(0, 71, 10)],
        "baseline": HEIGHT,
    }


def _thinned(rows: Any) -> list[tuple[Any, int, int]]:
    """At most a few hundred points, and always the last."""
    found = list(rows)
    step = max(1, len(found) // 300)
    return found[::step] + (found[-1:] if found else [])


def _x(day: float) -> float:
    return round(WIDTH * min(day, DAYS) / DAYS, 1)


def _steps(points: list[tuple[float, float]]) -> str:
    """A stepped line through (day, share remaining), as SVG points."""
    line: list[tuple[float, float]] = []
    for day, share in points:
        y = round(HEIGHT * (1 - share), 1)
        if line:
            line.append((_x(day), line[-1][1]))
        line.append((_x(day), y))
    return " ".join(f"{x},{y}" for x, y in line)
