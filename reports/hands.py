"""What the CA has been asked and has answered, and what comes next: steps of the ladder, planned revocations, ends."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db.models import Count, Min

from campaigns.models import AffectedSubscriber, Campaign, Exclusion
from campaigns.plan import step_times
from reports.parts import check_sum
from revocation.models import Gate, Revocation

WAVES = {1: "canary of 1", 2: "canary of 10", 3: "the rest"}


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing that will happen by itself."""

    at: datetime
    what: str
    count: int | None = None

    def as_json(self) -> dict[str, object]:
        """The same as a mapping."""
        return {"at": self.at.isoformat(), "what": self.what, "count": self.count}


def revocations_by_state(campaign: Campaign) -> dict[str, int]:
    """Revocations by state, every state named, and their `total`, which is their sum."""
    rows = Revocation.objects.filter(affected_certificate__campaign=campaign).order_by()
    counted = dict(rows.values_list("state").annotate(n=Count("pk")))
    found = {str(state): counted.get(state, 0) for state in Revocation.State.values}
    check_sum("Revocations", rows.count(), tuple(found.values()))
    return {**found, "total": sum(found.values())}


def waves(campaign: Campaign) -> list[dict[str, object]]:
    """For each issuer how far the canaries have come: the open wave, and what became of those let through."""
    rows = (
        Revocation.objects.filter(affected_certificate__campaign=campaign, wave__isnull=False)
        .order_by("issuer", "wave")
        .values_list("issuer", "wave", "state")
        .annotate(n=Count("pk"))
    )
    counted: dict[int, list[dict[str, object]]] = {}
    for (issuer, wave), group in groupby(rows, key=lambda row: (row[0], row[1])):
        states = {state: n for _, _, state, n in group}
        counted.setdefault(issuer, []).append(
            {
                "wave": wave,
                "name": WAVES.get(wave, f"wave {wave}"),
                "released": sum(states.values()),
                "accepted": states.get(Revocation.State.ACCEPTED, 0),
                "published": states.get(Revocation.State.PUBLISHED, 0),
                "rejected": states.get(Revocation.State.REJECTED, 0),
            }
        )
    return [
        {
            "issuer": gate.issuer.name,
            "open_wave": gate.wave,
            "open_wave_name": WAVES.get(gate.wave, f"wave {gate.wave}"),
            "refusals_in_a_row": gate.refusals_in_a_row,
            "waves": counted.get(gate.issuer_id, []),
        }
        for gate in Gate.objects.filter(campaign=campaign).select_related("issuer").order_by("issuer__name")
    ]


def coming(campaign: Campaign, *, last_safe_start: datetime | None, now: datetime) -> list[Coming]:
    """What will happen by itself in a running campaign, in order of time."""
    if campaign.state != Campaign.State.RUNNING:
        return []
    found = [
        *_steps(campaign),
        *_planned(campaign),
        *_ends_of_exclusions(campaign, now),
        Coming(campaign.deadline, "deadline"),
        *_deadlines_of_additions(campaign),
    ]
    if last_safe_start:
        found.append(Coming(last_safe_start, "last safe start of revocation"))
    return sorted((each for each in found if each.at >= now), key=lambda each: each.at)


def _steps(campaign: Campaign) -> list[Coming]:
    steps = list(campaign.steps.order_by("order"))
    waiting = dict(
        AffectedSubscriber.objects.filter(campaign=campaign, due_at__isnull=False)
        .order_by()
        .values_list("next_step")
        .annotate(n=Count("pk"))
    )
    start = campaign.launched_at or campaign.clock_started_at
    times = step_times(steps, start=start, deadline=campaign.deadline)
    return [
        Coming(
            at,
            f"step {step.order + 1} of the ladder, to {step.get_audience_display()}",
            _from_here_on(waiting, step.order),
        )
        for step, at in zip(steps, times, strict=True)
    ]


def _from_here_on(waiting: dict[int, int], order: int) -> int:
    """How many subscribers would get this step if nobody answered before it."""
    return sum(count for step, count in waiting.items() if step <= order)


def _planned(campaign: Campaign) -> list[Coming]:
    rows = (
        Revocation.objects.filter(affected_certificate__campaign=campaign, state=Revocation.State.SCHEDULED)
        .order_by()
        .values_list("trigger")
        .annotate(first=Min("planned_at"), n=Count("pk"))
    )
    labels = dict(Revocation.Trigger.choices)
    return [Coming(first, f"revocations planned, trigger: {labels[trigger]}", n) for trigger, first, n in rows]


def _ends_of_exclusions(campaign: Campaign, now: datetime) -> list[Coming]:
    rows = (
        Exclusion.objects.standing(now)
        .filter(affected_certificate__campaign=campaign, until__isnull=False)
        .order_by()
        .values_list("until")
        .annotate(n=Count("pk"))
    )
    return [Coming(until, "end of exclusions", n) for until, n in rows]


def _deadlines_of_additions(campaign: Campaign) -> list[Coming]:
    """The clocks of what came into the scope after the launch run by themselves."""
    approved = campaign.additions.filter(approved_at__isnull=False).select_related("campaign")
    return [Coming(each.deadline, "deadline of an addition", each.count) for each in approved]
