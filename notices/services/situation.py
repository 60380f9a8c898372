"""What has to be known of a batch of affected subscribers before a notice can be written: a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Count, F, Min, Q, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, EscalationStep
from campaigns.moments import zone
from campaigns.rules import rule_pack
from core.languages import nearest
from notices import rendering
from notices.audience import ACCOUNT_MANAGER, PRIMARY
from notices.channels import available
from notices.models import Notice
from subscribers.models import Contact

Row = TypeVar("Row")
UNANSWERED = Q(state=AffectedCertificate.State.OUTSTANDING, revocation_requested_at=None)
"""Outstanding, and its subscriber has not asked for its revocation either: what notices are about."""


@dataclass(slots=True)
class Situation:
    """Where one affected subscriber stands at a moment; `deadline` is its earliest one that is still ahead."""

    affected: AffectedSubscriber
    is_running: bool
    is_halted: bool
    steps: list[EscalationStep]
    contacts: list[Contact]
    told: dict[int | None, set[int]]
    """Who has a notice of which step: step -> contacts; under None, who has had later news."""
    used: dict[tuple[int | None, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By which channels they were told: (step, contact) -> channels."""
    available: tuple[str, ...] = ("mail",)
    """The channels that are set up for this campaign's kind."""
    outstanding: int = 0
    confirmed: int = 0
    deadline: datetime | None = None
    listed: list[rendering.Listed] = field(default_factory=list)

    @property
    def is_to_be_told(self) -> bool:
        """Whether anything is outstanding in a campaign that runs, and a deadline is ahead."""
        return self.is_running and self.outstanding > 0 and self.deadline is not None

    @property
    def told_anything(self) -> set[int]:
        """The contacts who have been written to at all."""
        return set[int]().union(*self.told.values())

    def channels_of(self, step: EscalationStep) -> tuple[str, ...]:
        """The channels by which a step can go out."""
        return tuple(each for each in step.channels if each in self.available)

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has said that they have it in hand."""
        return self.affected.acknowledged_at is not None

    def letter(self, step: EscalationStep, contact: Contact, *, now: datetime) -> rendering.Letter:
        """The words of a step for one contact of this subscriber alone, without its link yet."""
        return letter([self], step, contact, now=now)

    def language_of(self, contact: Contact) -> str:
        """In which language a contact is written to."""
        return nearest(contact.language or self.affected.subscriber.language)

    def time_zone_of(self, contact: Contact) -> str:
        """Where a contact's local time is taken from."""
        return contact.time_zone or self.affected.subscriber.time_zone

    def account(self, step: EscalationStep, *, now: datetime) -> rendering.Account:
        """What is told of this subscriber: to an account manager also whom to ring."""
        affected, subscriber = self.affected, self.affected.subscriber
        is_for_manager = step.audience == ACCOUNT_MANAGER
        return rendering.Account(
            subscriber=subscriber.name,
            reference=subscriber.reference,
            outstanding=self.outstanding,
            confirmed=self.confirmed,
            deadline=self.deadline or now,
            listed=self.listed,
            people=tuple(self._people(now)) if is_for_manager else (),
            console_url=_page_of(affected) if is_for_manager else "",
        )

    def _people(self, now: datetime) -> Iterator[rendering.Person]:
        """Whom an account manager may ring, the primary first, and what time it is there."""
        for each in sorted(self.contacts, key=lambda each: (each.role != PRIMARY, each.rank, each.pk)):
            if each.left_at is None and each.role != ACCOUNT_MANAGER:
                there = now.astimezone(zone(self.time_zone_of(each)))
                note = each.bounce_note if each.bounced_at else ""
                yield rendering.Person(each.name or each.email, each.email, each.phone, f"{there:%H:%M}", note)


def letter(
    accounts: Sequence[Situation], step: EscalationStep, contact: Contact, *, because: str = "", now: datetime
) -> rendering.Letter:
    """The words of a step for the reader of one address, who looks after all of these subscribers.

    `contact` is the reader as the first of them knows it; links are put in afterwards, in the order of the accounts.
    """
    first = accounts[0]
    facts = rendering.Facts(
        cause=cause_of(first.affected.campaign),
        language=first.language_of(contact),
        time_zone=first.time_zone_of(contact),
        deadline=min(each.deadline or now for each in accounts),
        now=now,
        reminder=sum(each.order < step.order for each in first.steps if each.audience != ACCOUNT_MANAGER),
        accounts=tuple(each.account(step, now=now) for each in accounts),
        because=because,
    )
    return rendering.render(step.template, facts)


def _page_of(affected: AffectedSubscriber) -> str:
    path = reverse("reports:subscriber", args=[affected.campaign.public_id, affected.public_id])
    return f"{settings.SITE_URL}{path}"


def cause_of(campaign: Campaign) -> rendering.Cause:
    """What a campaign is about, as its messages say it."""
    pack = rule_pack(campaign.rule_pack)
    return rendering.Cause(
        is_drill=campaign.is_drill,
        pack=pack,
        rule=pack.rule(campaign.rule),
        explanation=campaign.explanation,
        explanation_url=campaign.explanation_url,
    )


def load(rows: Sequence[AffectedSubscriber], *, now: datetime) -> list[Situation]:
    """The situations of some affected subscribers, in their order, as the database has them now."""
    keys = [row.pk for row in rows]
    campaigns = {each.pk: each for each in Campaign.objects.filter(pk__in={row.campaign_id for row in rows})}
    steps = _grouped(EscalationStep.objects.filter(campaign__in=campaigns).order_by("order"), "campaign_id")
    contacts = _grouped(Contact.objects.filter(subscriber__in={row.subscriber_id for row in rows}), "subscriber_id")
    told, used = _told(keys)
    counted = sums(keys, now=now)
    listed = _listed(keys, now=now)
    found = []
    for row in rows:
        row.campaign = campaigns[row.campaign_id]
        found.append(
            Situation(
                affected=row,
                is_running=row.campaign.state == Campaign.State.RUNNING,
                is_halted=row.campaign.halted_at is not None,
                steps=steps[row.campaign_id],
                contacts=contacts[row.subscriber_id],
                told=told[row.pk],
                used=used[row.pk],
                available=available(is_drill=row.campaign.is_drill),
                listed=listed[row.pk],
                **counted.get(row.pk, {}),
            )
        )
    return found


def _grouped(rows: Iterable[Row], key: str) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups


Told = dict[int, dict[int | None, set[int]]]
Used = dict[int, dict[tuple[int | None, int], set[str]]]


def _told(keys: list[int]) -> tuple[Told, Used]:
    told: Told = defaultdict(lambda: defaultdict(set))
    used: Used = defaultdict(lambda: defaultdict(set))
    rows = Notice.objects.filter(affected_subscriber__in=keys)
    for affected, step, contact, channel in rows.values_list("affected_subscriber", "step", "contact", "channel"):
        told[affected][step].add(contact)
        used[affected][step, contact].add(channel)
    return told, used


def sums(keys: Iterable[int], *, now: datetime) -> dict[int, dict[str, Any]]:
    """What is unanswered and what is claimed, and the next deadline, for those who have anything left to be revoked."""
    rows = (
        AffectedCertificate.objects.remaining(now)
        .filter(affected_subscriber__in=keys)
        .values("affected_subscriber")
        .annotate(
            outstanding=Count("pk", filter=UNANSWERED),
            confirmed=Count("pk", filter=Q(state=AffectedCertificate.State.CONFIRMED)),
            deadline=Min("publish_by", filter=UNANSWERED & Q(publish_by__gt=now)),
        )
    )
    found: list[dict[str, Any]] = [dict(row) for row in rows]
    return {row.pop("affected_subscriber"): row for row in found}


def _listed(keys: list[int], *, now: datetime) -> dict[int, list[rendering.Listed]]:
    """The first outstanding certificates of each, those with the earliest deadline first: never all of them."""
    places = (
        AffectedCertificate.objects.remaining(now)
        .filter(UNANSWERED, affected_subscriber__in=keys)
        .annotate(place=Window(RowNumber(), partition_by=F("affected_subscriber"), order_by=[F("publish_by"), F("pk")]))
        .filter(place__lte=rendering.LISTED)
        .order_by("affected_subscriber", "place")
        .values_list(
            "affected_subscriber", "certificate__names", "certificate__serial_number", "not_after", "publish_by"
        )
    )
    listed: dict[int, list[rendering.Listed]] = defaultdict(list)
    for affected, *facts in places.iterator(2000):
        listed[affected].append(rendering.Listed(*facts))
    return listed
