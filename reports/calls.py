"""The call list: whom to ring now, across all running campaigns, in the order in which it helps most."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

from audit.actors import staff
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.models.affected import AffectedSubscriberQuerySet
from core import clock
from notices import callhours
from notices.models import Call, CallTurn
from notices.phonebook import in_the_book
from reports.board import RiskCase, by_urgency, cases, stakes
from reports.list_views import frame, number, text
from subscribers.models import Subscriber, SubscriberClass

PAGE = 50
SILENT_FOR = 6
"""Whoever has said nothing for a sixth of the window is rung: 4 of 24 hours, 20 hours of five days (R25)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the call list."""

    case: RiskCase
    is_open: bool
    turn: CallTurn | None
    last: Call | None

    @property
    def affected(self) -> AffectedSubscriber:
        """Whom it is about."""
        return self.case.subscriber


@dataclass(frozen=True, slots=True)
class CallList:
    """One page of it."""

    entries: list[Entry]
    total: int
    page: int
    has_more: bool


def to_ring(now: datetime) -> AffectedSubscriberQuerySet:
    """Whom to ring if something is outstanding: the unreachable, those silent for long enough, those to ring again.

    The last call decides: until its next attempt a subscriber is left alone, and for good after a refusal.
    """
    acting = list(Campaign.objects.acting())
    silent_in = [each.pk for each in acting if _is_silence_long(each, now)]
    last = Call.objects.filter(affected_subscriber__campaign__in=acting).most_recent()
    again = last.filter(next_at__lte=now).values("affected_subscriber")
    rests = last.filter(Q(next_at__gt=now) | Q(next_at=None, outcome__in=Call.TOLD)).values("affected_subscriber")
    silent = Q(acknowledged_at=None, campaign__in=silent_in)
    return (
        AffectedSubscriber.objects.filter(campaign__in=acting)
        .filter(silent | Q(unreachable_since__isnull=False) | Q(pk__in=again))
        .exclude(pk__in=rests)
    )


def call_list(rows: AffectedSubscriberQuerySet, *, page: int, now: datetime) -> CallList:
    """A page of the list: who can be rung at this hour first, then by time left, reach, class and certificates.

    Everybody is rung once before anybody is rung a second time after a call in vain, while as much time is left.
    Those for whom there is no number to ring come last: they need a search, and a caller can ring others meanwhile.
    """
    zones = Subscriber.objects.order_by().values_list("time_zone", flat=True).distinct()
    awake = [name for name in zones if callhours.is_open(now, name)]
    is_time = Q(affected_subscriber__subscriber__time_zone__in=awake)
    is_urgent = Q(first_deadline__lte=now + callhours.LAST_HOURS)
    is_asleep = Case(When(is_time | is_urgent, then=Value(0)), default=Value(1), output_field=IntegerField())
    has_number = Q(affected_subscriber__subscriber__in=in_the_book().values("subscriber"))
    is_lost = Case(When(has_number, then=Value(0)), default=Value(1), output_field=IntegerField())
    in_vain = Call.objects.exclude(outcome__in=Call.TOLD).values("affected_subscriber")
    is_rung = Case(When(affected_subscriber__in=in_vain, then=Value(1)), default=Value(0), output_field=IntegerField())
    ordered = stakes(rows, now).annotate(is_lost=is_lost, is_asleep=is_asleep, is_rung=is_rung)
    time_left, reach, *rest = by_urgency()
    ordered = ordered.order_by("is_lost", "is_asleep", time_left, reach, "is_rung", *rest)
    start = page * PAGE
    found = cases(ordered[start : start + PAGE + 1], now=now)
    return CallList(_entries(found[:PAGE], now), rows.outstanding(now).count(), page, len(found) > PAGE)


def calls_page(request: HttpRequest) -> HttpResponseBase:
    """The call list of all running campaigns, or of one class of subscribers."""
    subscriber_class, now = text(request, "class"), clock.now()
    rows = to_ring(now)
    if subscriber_class in SubscriberClass.values:
        rows = rows.filter(subscriber__subscriber_class=subscriber_class)
    context = {
        **frame(request, "Call list", None),
        "list": call_list(rows, page=number(request, "page"), now=now),
        "me": staff(request.user.get_username()),
        "may_ring": request.user.has_perm("campaigns.call_subscriber"),
        "halted": Campaign.objects.running().exclude(halted_at=None),
        "coming": _coming(now),
        "subscriber_class": subscriber_class,
        "classes": SubscriberClass.choices,
        "now": now,
    }
    return TemplateResponse(request, "reports/calls.html", context)


def _is_silence_long(campaign: Campaign, now: datetime) -> bool:
    return campaign.launched_at is not None and now >= _rung_from(campaign, campaign.launched_at)


def _rung_from(campaign: Campaign, launched_at: datetime) -> datetime:
    return launched_at + max(campaign.deadline - launched_at, timedelta(0)) / SILENT_FOR


def _coming(now: datetime) -> list[tuple[Campaign, datetime]]:
    """From when on those who stay silent are rung, of campaigns in which it is too early."""
    rows = [(each, _rung_from(each, each.launched_at)) for each in Campaign.objects.acting() if each.launched_at]
    return [(campaign, moment) for campaign, moment in rows if moment > now]


def _entries(found: list[RiskCase], now: datetime) -> list[Entry]:
    keys = [case.subscriber.pk for case in found]
    turns = CallTurn.objects.filter(subscriber__in=[case.subscriber.subscriber_id for case in found], until__gt=now)
    taken: dict[int, CallTurn] = {turn.subscriber_id: turn for turn in turns}
    last: dict[Any, Call] = {
        call.affected_subscriber_id: call
        for call in Call.objects.filter(affected_subscriber__in=keys).order_by("pk").select_related("contact")
    }
    return [
        Entry(
            case=case,
            is_open=callhours.is_open(now, case.zone),
            turn=taken.get(case.subscriber.subscriber_id),
            last=last.get(case.subscriber.pk),
        )
        for case in found
    ]
