"""Later news: whoever has been told, or has answered, hears what has changed since, and only that."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.links import respond_url
from campaigns.models import AffectedSubscriber, News
from notices import audience
from notices.channels import available
from notices.languages import language_of
from notices.models import Call, InboundMessage, Notice
from notices.rendering import Letter, NewsFacts, render_news
from notices.services import situation
from notices.services.changes import Change, changes
from notices.services.writing import domain, facts_of, put, with_words
from subscribers.models import Channel, Contact

log = logging.getLogger(__name__)
FIRST = (Channel.MAIL, Channel.WEBHOOK)
"""News goes by these, by both where a contact has both ..."""
ELSE = (Channel.SMS, Channel.CHAT)
"""... and by the first of these to a contact who has neither."""


@dataclass(slots=True)
class Story:
    """One piece of news with everything that its words need."""

    news: News
    change: Change
    readers: list[Contact]
    has_been_told: bool = False
    """Whether anybody has been told of the campaign, or has answered, whoever can be reached now."""
    outstanding: int = 0
    deadline: datetime | None = None
    letters: dict[tuple[str, str], Letter] = field(default_factory=dict)

    def letter_for(self, contact: Contact, *, now: datetime) -> Letter:
        """The words for one reader; made once for each language and time zone."""
        key = language_of(contact), contact.time_zone or contact.subscriber.time_zone
        if key not in self.letters:
            self.letters[key] = render_news(self._facts(*key, now=now))
        return self.letters[key]

    def _facts(self, language: str, time_zone: str, *, now: datetime) -> NewsFacts:
        affected = self.news.affected_subscriber
        return NewsFacts(
            cause=situation.cause_of(affected.campaign),
            language=language,
            time_zone=time_zone,
            now=now,
            kind=self.news.kind,
            subscriber=affected.subscriber.name,
            reference=affected.subscriber.reference,
            items=self.change.items,
            count=self.change.count,
            outstanding=self.outstanding,
            deadline=self.deadline,
        )


def tell_news(rows: Sequence[News], *, now: datetime) -> list[Notice]:
    """Write claimed news to everybody whom they concern; what nobody has to hear is found needless.

    Words are made outside the transaction. News to which something was added since they were claimed is left for the
    next time, and so is one whose words cannot be made.
    """
    found = {story.news.pk: _worded(story, now=now) for story in _stories(rows, now=now)}
    told = {key: notices for key, notices in found.items() if notices is not None}
    with transaction.atomic():
        held = _held([row for row in rows if row.pk in told])
        drafts = [notice for key in held for notice in told[key]]
        there = put(drafts)
        written = [notice for notice in drafts if notice.public_id in there]
        _record(written, now=now)
        News.objects.filter(pk__in=held).update(told_at=now, due_at=None)
    return written


def pass_on(failed: Notice, *, now: datetime) -> list[Notice]:
    """Tell further certificates to the next colleague when the news of them did not arrive; nobody is told twice.

    Other news can wait for whoever asks. Call it inside the transaction that records the failure.
    """
    if failed.kind != Notice.Kind.ADDITION or failed.news_id is None:
        return []
    related = ("affected_subscriber__campaign", "affected_subscriber__subscriber")
    news = News.objects.select_related(*related).get(pk=failed.news_id)
    arriving = (Notice.State.QUEUED, Notice.State.SENT, Notice.State.DELIVERED)
    if news.affected_subscriber.campaign.ended_at or news.notices.filter(state__in=arriving).exists():
        return []
    [story] = _stories([news], now=now)
    tried = set(news.notices.values_list("contact", flat=True))
    if not story.outstanding:
        return []
    drafts = list[Notice]()
    try:
        following = (_notices(story, each, now=now) for each in _colleagues(story) if each.pk not in tried)
        drafts = next((each for each in following if each), [])
    except Exception:
        log.exception("The news %s cannot be written.", news.pk)
    there = put(drafts)
    written = [notice for notice in drafts if notice.public_id in there]
    _record(written, now=now)
    return written


def _stories(rows: Sequence[News], *, now: datetime) -> list[Story]:
    keys = {row.affected_subscriber_id for row in rows}
    found, (readers, told), sums = changes(rows, now=now), _readers(keys), situation.sums(keys, now=now)
    stories = []
    for row in rows:
        standing = sums.get(row.affected_subscriber_id, {})
        stories.append(
            Story(
                row,
                found[row.pk],
                readers[row.affected_subscriber_id],
                row.affected_subscriber_id in told,
                standing.get("outstanding", 0),
                standing.get("deadline"),
            )
        )
    return stories


def _readers(keys: Iterable[int]) -> tuple[dict[int, list[Contact]], set[int]]:
    """Those of the subscribers' own people who have been told or have answered, and where anybody has.

    A notice that a sender has taken up may be on its way: its reader counts as told. One that waits for its first
    attempt is put into words anew before it goes.
    """
    on_its_way = Q(state=Notice.State.QUEUED, attempts__gt=0)
    gone = Notice.objects.filter(
        Q(state__in=[Notice.State.SENT, Notice.State.DELIVERED]) | on_its_way, affected_subscriber__in=keys
    )
    pairs = set(gone.values_list("affected_subscriber", "contact"))
    for rows in (
        Call.objects.filter(affected_subscriber__in=keys, outcome__in=Call.TOLD),
        InboundMessage.objects.filter(affected_subscriber__in=keys, kind=InboundMessage.Kind.ANSWER),
    ):
        pairs |= set(rows.values_list("affected_subscriber", "contact"))
    acknowledged = AffectedSubscriber.objects.filter(pk__in=keys)
    pairs |= set(acknowledged.exclude(acknowledged_by=None).values_list("pk", "acknowledged_by"))
    people = Contact.objects.own().select_related("subscriber").in_bulk({contact for _, contact in pairs if contact})
    readers: dict[int, list[Contact]] = defaultdict(list)
    for affected, contact in sorted(pairs, key=lambda pair: (pair[0], pair[1] or 0)):
        if contact in people:
            readers[affected].append(people[contact])
    return readers, {affected for affected, _ in pairs}


def _worded(story: Story, *, now: datetime) -> list[Notice] | None:
    """The notices of a story, none if it is needless; None when they cannot be made."""
    if not story.change.count:
        return []
    try:
        written = [notice for contact in story.readers for notice in _notices(story, contact, now=now)]
        if not written and story.has_been_told and story.news.kind == News.Kind.ADDITION:
            written = [notice for contact in _colleagues(story) for notice in _notices(story, contact, now=now)]
        return written
    except Exception:
        log.exception("The news %s cannot be written.", story.news.pk)
        return None


def _colleagues(story: Story) -> list[Contact]:
    """Who hears of further certificates where those who were told of the first ones cannot be reached any more."""
    own = Contact.objects.own().filter(subscriber=story.news.affected_subscriber.subscriber_id)
    return list(own.select_related("subscriber").order_by("rank", "pk"))


def _notices(story: Story, contact: Contact, *, now: datetime) -> list[Notice]:
    affected = story.news.affected_subscriber
    usable = available(is_drill=affected.campaign.is_drill)
    ways = audience.ways(contact, [each for each in FIRST if each in usable], on_every_channel=True)
    ways = ways or audience.ways(contact, [each for each in ELSE if each in usable])
    if not ways:
        return []
    letter = story.letter_for(contact, now=now).with_links([respond_url(affected, contact)])
    notices = []
    for channel, address in ways:
        public_id = uuid.uuid4()
        notice = Notice(
            public_id=public_id,
            affected_subscriber=affected,
            kind=story.news.kind,
            news=story.news,
            contact=contact,
            channel=channel,
            address=address,
            written_at=now,
            due_at=now,
            message_id=f"<{public_id}@{domain()}>",
        )
        notices.append(with_words(notice, letter))
    return notices


def _held(rows: Sequence[News]) -> list[int]:
    """The keys of the news that are still ours and open, locked."""
    tokens = {row.pk: row.attempts for row in rows}
    open_rows = News.objects.filter(pk__in=tokens, told_at=None).order_by("affected_subscriber").select_for_update()
    return [pk for pk, attempts in open_rows.values_list("pk", "attempts") if attempts == tokens[pk]]


def _record(written: Iterable[Notice], *, now: datetime) -> None:
    streams: dict[str, list[Notice]] = defaultdict(list)
    for notice in written:
        streams[notice.stream].append(notice)
    for stream, notices in streams.items():
        record_each("notice.written", notices, stream=stream, actor=SYSTEM, now=now, facts=_facts)


def _facts(notice: Notice) -> dict[str, Any]:
    return {**facts_of(notice), "kind": notice.kind, "news": notice.news_id}
