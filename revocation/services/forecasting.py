"""What will happen if nothing changes, and what is wrong already: for the console and the watcher outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import TruncHour

from campaigns.models import AffectedCertificate, Campaign
from core import due
from revocation import waves
from revocation.models import Gate, Revocation, StatusCheck
from revocation.services import leads
from subscribers.models import Issuer

State = Revocation.State
STUCK_INTERVALS = 2
"""A canary that is not on a CRL after so many intervals needs a person."""


@dataclass(frozen=True)
class Portion:
    """The remaining certificates of an issuer whose deadlines lie in the same hour, with all whose deadline is earlier.

    `published_at` is when the last one would be seen on a CRL if everything went as planned. Deadlines that come from a
    subscriber's own request are kept apart: they are not led up to, since the request itself is the moment to begin.
    """

    publish_by: datetime
    count: int
    is_requested: bool
    published_at: datetime
    last_safe_start: datetime

    @property
    def is_late(self) -> bool:
        """Whether the deadline would be missed."""
        return self.published_at > self.publish_by


@dataclass(frozen=True)
class Forecast:
    """How the revocations of one issuer in a campaign stand, and when they will be through.

    `published_at` is when the last one would be seen on a CRL if forced revocation began as planned, or now where that
    has passed. `last_safe_start` and `publish_by`, the first deadline, are None when nothing is left; `late` is the
    first portion that would miss its deadline. Rates are per second of the clock.
    """

    issuer: Issuer
    wave: int
    scheduled: int
    accepted: int
    published: int
    rejected: int
    per_second: float
    lead: timedelta
    starts_at: datetime | None
    published_at: datetime | None
    last_safe_start: datetime | None
    publish_by: datetime | None
    late: Portion | None

    @property
    def backlog(self) -> int:
        """How many are not yet published."""
        return self.scheduled + self.accepted + self.rejected

    @property
    def is_late(self) -> bool:
        """Whether some of them would be published after their deadline."""
        return self.late is not None


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong with the revocations of a campaign, in words for a person; `since` if it is known.

    `kind`: late, unavailable, stuck, rejected, crl, halted.
    """

    kind: str
    campaign: Campaign
    text: str
    issuer: Issuer | None = None
    since: datetime | None = None


def forecast(campaign: Campaign, *, now: datetime) -> list[Forecast]:
    """The forecast of each issuer of a campaign that has been launched."""
    backlogs = leads.backlogs()
    gates = Gate.objects.filter(campaign=campaign).select_related("campaign", "issuer").order_by("issuer__name")
    return [_forecast(gate, backlogs.get(gate.issuer_id, 0), now) for gate in gates]


def _forecast(gate: Gate, backlog: int, now: datetime) -> Forecast:
    found = Revocation.objects.behind(gate).aggregate(
        **{state.value: Count("pk", filter=Q(state=state)) for state in State if state != State.CANCELLED},
        starts_at=Min("planned_at", filter=Q(state=State.SCHEDULED, wave=None)),
    )
    portions = list(_portions(gate, max(backlog - found["scheduled"], 0), now))
    return Forecast(
        issuer=gate.issuer,
        wave=gate.wave,
        scheduled=found["scheduled"],
        accepted=found["accepted"],
        published=found["published"],
        rejected=found["rejected"],
        per_second=gate.issuer.revocations_per_second,
        lead=leads.lead_of(gate, backlog=backlog, wave=gate.wave),
        starts_at=found["starts_at"],
        published_at=max((each.published_at for each in portions), default=None),
        last_safe_start=leads.first(each.last_safe_start for each in portions if not each.is_requested),
        publish_by=leads.first(each.publish_by for each in portions),
        late=next((each for each in portions if each.is_late), None),
    )


def _portions(gate: Gate, others: int, now: datetime) -> Iterator[Portion]:
    """The remaining certificates behind a gate by the hour of their deadline, the first deadline first.

    `others` are those of other campaigns for which the same CA has to be asked.
    """
    left = AffectedCertificate.objects.remaining(now).filter(
        campaign=gate.campaign_id, certificate__issuer=gate.issuer_id, publish_by__isnull=False
    )
    margin, backlog = leads.margin(gate.campaign, gate.issuer), others
    for group in (
        left.values(hour=TruncHour("publish_by"), is_requested=Q(revocation_requested_at__isnull=False))
        .annotate(first=Min("publish_by"), count=Count("pk"), begins=Max("revocation__planned_at"))
        .order_by("first")
    ):
        backlog += group["count"]
        lead = leads.lead_of(gate, backlog=backlog, wave=gate.wave)
        yield Portion(
            publish_by=group["first"],
            count=group["count"],
            is_requested=group["is_requested"],
            published_at=max(group["begins"] or now, now) + lead - margin,
            last_safe_start=group["first"] - lead,
        )


def last_safe_start(campaign: Campaign, *, now: datetime) -> datetime | None:
    """The last moment at which forced revocation can begin and be published in time; None if nothing is left.

    Before the launch it is reckoned from the scope and the campaign's deadline.
    """
    if campaign.launched_at:
        return leads.first(each.last_safe_start for each in forecast(campaign, now=now))
    rows = AffectedCertificate.objects.remaining(now).filter(campaign=campaign).order_by()
    counts = dict(rows.values_list("certificate__issuer").annotate(count=Count("pk")))
    return leads.first(
        campaign.deadline - leads.lead(campaign, issuer, backlog=counts[issuer.pk])
        for issuer in Issuer.objects.filter(pk__in=list(counts))
    )


def alarms(*, now: datetime) -> list[Alarm]:
    """Everything that is wrong with the revocations of running campaigns, the gravest kind first for each campaign."""
    found: list[Alarm] = []
    for campaign in Campaign.objects.running().order_by("pk"):
        forecasts = forecast(campaign, now=now)
        gates = {gate.issuer_id: gate for gate in Gate.objects.filter(campaign=campaign)}
        found += _halted(campaign, forecasts, now)
        for each in forecasts:
            gate = gates[each.issuer.pk]
            found += [*_late(campaign, each, now), *_away(campaign, each, gate), *_stuck(campaign, each, gate, now)]
            found += [*_rejected(campaign, each), *_unproven(campaign, each, now)]
    return found


def _halted(campaign: Campaign, forecasts: list[Forecast], now: datetime) -> Iterator[Alarm]:
    last = leads.first(each.last_safe_start for each in forecasts)
    if campaign.halted_at and last and last < now:
        text = f"Halted, and the last safe moment to begin was {last:%Y-%m-%d %H:%M} UTC: {campaign.halt_reason}"
        yield Alarm("halted", campaign, text, since=campaign.halted_at)


def _late(campaign: Campaign, each: Forecast, now: datetime) -> Iterator[Alarm]:
    if not each.publish_by:
        return
    if each.publish_by < now:
        text = f"{each.backlog:,} of {each.issuer} are past their deadline and not published."
        yield Alarm("late", campaign, text, each.issuer, since=each.publish_by)
    elif each.late:
        text = (
            f"{each.late.count:,} of {each.issuer} would be published by {each.late.published_at:%Y-%m-%d %H:%M} UTC, "
            f"after their deadline {each.late.publish_by:%Y-%m-%d %H:%M} UTC."
        )
        yield Alarm("late", campaign, text, each.issuer)


def _away(campaign: Campaign, each: Forecast, gate: Gate) -> Iterator[Alarm]:
    if gate.unavailable_since:
        text = f"{each.issuer} has not answered since {gate.unavailable_since:%Y-%m-%d %H:%M} UTC; it is asked again."
        yield Alarm("unavailable", campaign, text, each.issuer, since=gate.unavailable_since)


def _stuck(campaign: Campaign, each: Forecast, gate: Gate, now: datetime) -> Iterator[Alarm]:
    if gate.wave not in waves.CANARIES:
        return
    patience = max(each.issuer.crl_interval * STUCK_INTERVALS, due.lease())
    waiting = Revocation.objects.behind(gate).filter(
        wave=gate.wave, state=State.ACCEPTED, accepted_at__lt=now - patience
    )
    since = waiting.aggregate(at=Min("accepted_at"))["at"]
    if since:
        text = f"The canaries of {each.issuer} were accepted at {since:%Y-%m-%d %H:%M} UTC and are on no CRL yet."
        yield Alarm("stuck", campaign, text, each.issuer, since=since)


def _rejected(campaign: Campaign, each: Forecast) -> Iterator[Alarm]:
    if each.rejected:
        yield Alarm("rejected", campaign, f"{each.rejected:,} of {each.issuer} were rejected.", each.issuer)


def _unproven(campaign: Campaign, each: Forecast, now: datetime) -> Iterator[Alarm]:
    """CRLs on which accepted revocations should be, and whose last look proved nothing."""
    if not each.accepted:
        return
    recent = StatusCheck.objects.filter(campaign=campaign, issuer=each.issuer, method=StatusCheck.Method.CRL)
    for url in (
        recent.filter(is_valid=False, at__gt=now - STUCK_INTERVALS * max(each.issuer.crl_interval, due.lease()))
        .order_by("url")
        .values_list("url", flat=True)
        .distinct()
    ):
        last = recent.filter(url=url).latest()
        if not last.is_valid:
            yield Alarm("crl", campaign, f"{url} proves nothing: {last.problem}", each.issuer, since=last.at)
