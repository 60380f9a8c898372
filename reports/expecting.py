"""Whom a ladder will address: the same rules as for writing, applied to everybody as if nobody answered."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from campaigns.admin.ladder import Expected
from campaigns.models import Audience, Campaign, EscalationStep
from notices import audience
from notices.channels import available
from notices.services.situation import Situation
from subscribers.models import Channel, Contact

FIELDS = ("subscriber", "role", "email", "bounced_at", "phone", "takes_sms", "takes_voice", "chat_url", "webhook_url")
Kind = tuple[tuple[str, frozenset[str]], ...]
"""The contacts of a subscriber in line, each by its role and the channels it has: all that the rules look at."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """A contact of a kind of subscriber."""

    pk: int
    role: str
    channels: frozenset[str]
    left_at: datetime | None = None

    @property
    def rank(self) -> int:
        """Its place in line."""
        return self.pk

    def address_for(self, channel: str) -> str:
        """Some address, where it has that channel."""
        return channel if channel in self.channels else ""


def expected(campaign: Campaign) -> list[Expected]:
    """For each step whom it addresses if nobody answers before, by the register as it is."""
    steps = list(campaign.steps.order_by("order"))
    kinds = Counter(_kinds(campaign))
    kinds[()] += campaign.affected_subscribers.count() - kinds.total()
    there = available(is_drill=campaign.is_drill)
    counted = [Counter[str]() for _ in steps]
    for kind, number in kinds.items():
        for tally, people in zip(counted, _addressed(kind, steps, there), strict=True):
            tally["subscribers" if people else "nobody"] += number
            tally["contacts"] += number * len(people)
            for channel in (each for ways in people for each in ways):
                tally[channel] += number
    return [_told(each) for each in counted]


def for_one(where: Situation) -> list[list[tuple[Contact, list[tuple[str, str]]]]]:
    """For each step which contacts of one subscriber it addresses if nobody answers before, and by which ways."""
    told, found = set(where.told_anything), []
    for step in where.steps:
        channels = where.channels_of(step)
        people = audience.addressed(where.contacts, step.audience, channels=channels, told=told)
        told |= {each.pk for each in people}
        found.append([(each, audience.ways(each, channels, on_every_channel=step.on_every_channel)) for each in people])
    return found


def _addressed(kind: Kind, steps: Sequence[EscalationStep], there: Sequence[str]) -> Iterator[list[list[str]]]:
    """For each step, the channels of each contact that it addresses."""
    contacts = [_Stand(place, role, channels) for place, (role, channels) in enumerate(kind)]
    told = set[int]()
    for step in steps:
        channels = [each for each in step.channels if each in there]
        people = audience.addressed(contacts, step.audience, channels=channels, told=told)
        if step.audience != Audience.ACCOUNT_MANAGER:
            told |= {each.pk for each in people}
        ways = (audience.ways(each, channels, on_every_channel=step.on_every_channel) for each in people)
        yield [[channel for channel, _ in each] for each in ways]


def _kinds(campaign: Campaign) -> Iterator[Kind]:
    """What each affected subscriber with contacts looks like to the rules; streamed."""
    rows = (
        Contact.objects.filter(subscriber__in=campaign.affected_subscribers.values("subscriber"), left_at=None)
        .order_by("subscriber", "rank", "pk")
        .values(*FIELDS)
    )
    for _, some in groupby(rows.iterator(5000), key=itemgetter("subscriber")):
        yield tuple((str(row["role"]), channels_of(row)) for row in some)


def channels_of(row: Mapping[str, Any]) -> frozenset[str]:
    """The channels on which a contact has an address, as `Contact.address_for` has it, without making a row of it."""
    has = {
        Channel.MAIL: row["email"] and row["bounced_at"] is None,
        Channel.SMS: row["phone"] and row["takes_sms"],
        Channel.VOICE: row["phone"] and row["takes_voice"],
        Channel.CHAT: row["chat_url"],
        Channel.WEBHOOK: row["webhook_url"],
    }
    return frozenset(str(channel) for channel, is_there in has.items() if is_there)


def _told(tally: Counter[str]) -> Expected:
    labels = [(str(channel.label), tally[channel.value]) for channel in Channel]
    by_channel = tuple((label, n) for label, n in labels if n)
    return Expected(tally["subscribers"], tally["contacts"], by_channel, tally["nobody"])
