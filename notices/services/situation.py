"""What has to be known of a batch of affected subscribers before a notice can be written: a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Count, F, Min, Q, Window
from django.db.models.functions import RowNumber

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, EscalationStep
from campaigns.rules import rule_pack
from core.languages import nearest
from notices import rendering
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
    told: dict[int, set[int]]
    """Who has a notice of which step: step -> contacts."""
    outstanding: int = 0
    confirmed: int = 0
    deadline: datetime | None = None
    listed: list[rendering.Listed] = field(default_factory=list)

    @property
    def is_to_be_told(self) -> bool:
        """Whether anything is outstanding in a campaign that runs, and a deadline is ahead."""
        return self.is_running and self.outstanding > 0 and self.deadline is not None

    def letter(self, step: EscalationStep, contact: Contact, *, now: datetime) -> rendering.Letter:
        """The words of a step in the language of a contact, without anybody's link yet."""
        campaign, subscriber = self.affected.campaign, self.affected.subscriber
        pack = rule_pack(campaign.rule_pack)
        cause = rendering.Cause(
            is_drill=campaign.is_drill,
            pack=pack,
            rule=pack.rule(campaign.rule),
            explanation=campaign.explanation,
            explanation_url=campaign.explanation_url,
        )
        account = rendering.Account(
            subscriber=subscriber.name,
            reference=subscriber.reference,
            outstanding=self.outstanding,
            confirmed=self.confirmed,
            deadline=self.deadline or now,
            listed=self.listed,
        )
        facts = rendering.Facts(
            cause=cause,
            language=nearest(contact.language or subscriber.language),
            time_zone=contact.time_zone or subscriber.time_zone,
            deadline=self.deadline or now,
            now=now,
            reminder=sum(each.order < step.order for each in self.steps),
            accounts=(account,),
        )
        return rendering.render(step.template, facts)


def load(rows: Sequence[AffectedSubscriber], *, now: datetime) -> list[Situation]:
    """The situations of some affected subscribers, in their order, as the database has them now."""
    keys = [row.pk for row in rows]
    campaigns = {each.pk: each for each in Campaign.objects.filter(pk__in={row.campaign_id for row in rows})}
    steps = _grouped(EscalationStep.objects.filter(campaign__in=campaigns).order_by("order"), "campaign_id")
    contacts = _grouped(Contact.objects.filter(subscriber__in={row.subscriber_id for row in rows}), "subscriber_id")
    told = _told(keys)
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


def _told(keys: list[int]) -> dict[int, dict[int, set[int]]]:
    told: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    rows = Notice.objects.filter(affected_subscriber__in=keys).values_list("affected_subscriber", "step", "contact")
    for affected, step, contact in rows:
        told[affected][step].add(contact)
    return told


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
