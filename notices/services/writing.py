"""Writing notices: the plan of an affected subscriber becomes frozen words in the outbox."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.links import respond_url
from campaigns.models import AffectedSubscriber, Audience
from campaigns.services import mark_reached, mark_unreachable
from core import due
from notices import audience
from notices.models import Notice
from notices.rendering import Letter
from notices.services import situation
from notices.services.merging import Parcel, claim_siblings, parcels, without
from notices.services.planning import Draft, Plan, draft_for, plan
from notices.services.situation import Situation
from subscribers.models import Channel

log = logging.getLogger(__name__)
BATCH = 500
SHORT = (Channel.SMS, Channel.VOICE, Channel.CHAT)
"""Channels that carry the short words only."""


def write_notices(rows: Sequence[AffectedSubscriber], *, now: datetime) -> list[Notice]:
    """Write the steps that are due for each claimed affected subscriber, and set when the next one is.

    Others who are due and share an address with these are claimed too, so that each address gets one mail. Words are
    made outside the transaction. A row whose claim was lost meanwhile is left to its new owner; one whose words cannot
    be made is logged and comes back when its lease ends, and holds up nobody else.
    """
    rows = [*rows, *claim_siblings(rows, now=now)]
    plans = {each.affected.pk: found for each in situation.load(rows, now=now) if (found := _planned(each, now=now))}
    made, broken = parcels([draft for each in plans.values() for draft in each.drafts], now=now)
    with transaction.atomic():
        held = _held([each for key, each in plans.items() if key not in broken])
        settled = [plans[key] for key in held]
        written = _insert(without(made, plans.keys() - held.keys(), now=now), now=now)
        _record_skipped(settled, now=now)
        _mark(settled, now=now)
        _settle(settled, held, now=now)
    return written


def write_next(
    failed: Iterable[Notice], *, cause: str, now: datetime, because: str = "", same_contact: bool = True
) -> list[Notice]:
    """Write the step of notices that did not arrive, or that nobody reads, for who is to be tried next, due at once.

    With `same_contact` that is the contact's next channel of the step; the next contact in line follows where there is
    none, where the contact's mail bounces (R25), and without `same_contact`, when the contact is away: then only for
    subscribers who have not acknowledged. `cause` is for the journal, `because` the
    key of the reason that the words give. Notices that these carry have failed with them. Call it inside the
    transaction that records the failure. Where nobody is left the subscriber is unreachable. News is not told again by
    this: it has no step.
    """
    notices = _with_carried(each for each in failed if each.step_id is not None)
    rows = AffectedSubscriber.objects.filter(pk__in={each.affected_subscriber_id for each in notices})
    situations = {
        each.affected.pk: each for each in situation.load(list(rows.select_related("subscriber", "campaign")), now=now)
    }
    drafts = []
    for notice in notices:
        where = situations[notice.affected_subscriber_id]
        if where.is_to_be_told and (same_contact or not where.is_acknowledged):
            drafts += _followers(where, notice, cause=cause, because=because, same_contact=same_contact, now=now)
    return _insert(parcels(drafts, now=now)[0], now=now)


def _with_carried(notices: Iterable[Notice]) -> list[Notice]:
    known = {each.pk: each for each in notices}
    carried = Notice.objects.filter(carried_by__in=known).exclude(pk__in=known).order_by("pk")
    return [*known.values(), *carried.select_related("contact")]


def _followers(
    where: Situation, failed: Notice, *, cause: str, because: str, same_contact: bool, now: datetime
) -> list[Draft]:
    step = next(each for each in where.steps if each.pk == failed.step_id)
    contact = next((each for each in where.contacts if each.pk == failed.contact_id), failed.contact)
    channels = where.channels_of(step)
    found = list[Draft]()
    if same_contact and contact.left_at is None:
        used = where.used[step.pk, contact.pk]
        left = [channel for channel in channels if channel not in used]
        found += [Draft(where, step, contact, *way, cause=cause) for way in audience.ways(contact, left)]
        used.update(each.channel for each in found)
    if not found or contact.bounced_at:
        told = where.told[step.pk]
        if following := audience.next_in_line(where.contacts, step.audience, told=told, channels=channels):
            told.add(following.pk)
            more = draft_for(where, step, following, cause=cause, because=because)
            where.used[step.pk, following.pk].update(each.channel for each in more)
            found += more
    if not found and step.audience != Audience.ACCOUNT_MANAGER:
        _mark_if_lost(where, channels, now=now)
    return found


def _mark_if_lost(where: Situation, channels: tuple[str, ...], *, now: datetime) -> None:
    """Nobody can be told any more: that is for people to see at once."""
    if not audience.reachable(where.contacts, channels=channels) and where.affected.unreachable_since is None:
        mark_unreachable(where.affected, actor=SYSTEM, now=now)


def _planned(where: Situation, *, now: datetime) -> Plan | None:
    """A plan; None when none can be made."""
    try:
        return plan(where, now=now)
    except Exception:
        log.exception("What is due for %s cannot be planned.", where.affected.public_id)
        return None


def _notices(parcel: Parcel, *, now: datetime) -> list[Notice]:
    """The notices of a parcel, each with the words of all."""
    letter = parcel.letter.with_links([respond_url(each.situation.affected, each.contact) for each in parcel.drafts])
    return [_notice(each, letter, now=now) for each in parcel.drafts]


def _notice(draft: Draft, letter: Letter, *, now: datetime) -> Notice:
    public_id = uuid.uuid4()
    notice = Notice(
        public_id=public_id,
        affected_subscriber=draft.situation.affected,
        step=draft.step,
        contact=draft.contact,
        channel=draft.channel,
        address=draft.address,
        written_at=now,
        due_at=now,
        cause=draft.cause[:200],
        message_id=f"<{public_id}@{domain()}>",
    )
    return with_words(notice, letter)


def with_words(notice: Notice, letter: Letter) -> Notice:
    """The notice with these words, as its channel takes them."""
    notice.language, notice.template_version, notice.subject = letter.language, letter.template_version, letter.subject
    notice.body_text = letter.short if notice.channel in SHORT else letter.text
    notice.body_html = letter.html if notice.channel == Channel.MAIL else ""
    return notice


def domain() -> str:
    """The domain of our Message-IDs."""
    return parseaddr(settings.NOTICE_FROM)[1].rpartition("@")[2] or "localhost"


def _insert(made: Iterable[Parcel], *, now: datetime) -> list[Notice]:
    """Put notices into the outbox and record them; one that is there already is left as it is.

    Where that is the one that should carry others, the next one carries them: nobody is left without words.
    """
    waiting = [_notices(each, now=now) for each in made]
    written, carried = list[Notice](), list[Notice]()
    while waiting:
        left = list[list[Notice]]()
        there = put([group[0] for group in waiting])
        for first, *others in waiting:
            if first.public_id in there:
                written.append(first)
                carried += [_carried(each, first) for each in others]
            elif others:
                left.append(others)
        waiting = left
    there = put(carried)
    written += [each for each in carried if each.public_id in there]
    _record_written(written, now=now)
    return written


def put(drafts: list[Notice]) -> set[uuid.UUID]:
    """Insert rows; which of them are in, and have their key now."""
    Notice.objects.bulk_create(drafts, batch_size=BATCH, ignore_conflicts=True)
    keys = dict(Notice.objects.filter(public_id__in=[each.public_id for each in drafts]).values_list("public_id", "pk"))
    for draft in drafts:
        if draft.public_id in keys:
            draft.pk = keys[draft.public_id]
    return set(keys)


def _carried(notice: Notice, carrier: Notice) -> Notice:
    """A notice whose words another one carries: they are kept once, there, and only that one is ever due."""
    notice.carried_by, notice.due_at = carrier, None
    notice.body_text = notice.body_html = ""
    return notice


def _record_written(written: Iterable[Notice], *, now: datetime) -> None:
    streams: dict[str, list[Notice]] = defaultdict(list)
    for notice in written:
        streams[notice.stream].append(notice)
    for stream, notices in streams.items():
        record_each("notice.written", notices, stream=stream, actor=SYSTEM, now=now, facts=facts_of)


def facts_of(notice: Notice) -> dict[str, Any]:
    """What the journal keeps of a notice that was written: to whom, and the digest of its words."""
    carrier = notice.carrier
    words = "\0".join((carrier.subject, carrier.body_text, carrier.body_html)).encode()
    return {
        "step": notice.step.order if notice.step else None,
        "subscriber": notice.affected_subscriber.subscriber_id,
        "contact": notice.contact_id,
        "channel": notice.channel,
        "address": notice.shown_address,
        "words_sha256": sha256(words).hexdigest(),
        **({"carried_by": carrier.pk} if notice.carried_by else {}),
        **({"cause": notice.cause} if notice.cause else {}),
    }


def _record_skipped(plans: list[Plan], *, now: datetime) -> None:
    groups: dict[tuple[str, int, str], list[AffectedSubscriber]] = defaultdict(list)
    for each in plans:
        for step, reason in each.skipped:
            groups[each.situation.affected.stream, step.order, reason].append(each.situation.affected)
    for (stream, order, reason), rows in groups.items():
        record_each(
            "affectedsubscriber.step_skipped",
            rows,
            stream=stream,
            actor=SYSTEM,
            now=now,
            facts={"step": order, "reason": reason},
        )


def _mark(plans: list[Plan], *, now: datetime) -> None:
    for each in plans:
        affected = each.situation.affected
        if each.reaches:
            if affected.unreachable_since is not None:
                mark_reached(affected, actor=SYSTEM, now=now)
        elif each.is_unreachable and affected.unreachable_since is None:
            mark_unreachable(affected, actor=SYSTEM, now=now)


def _held(plans: list[Plan]) -> dict[int, datetime | None]:
    """The rows whose claim is still ours, locked, with the moment at which they are due now."""
    tokens = {each.situation.affected.pk: each.situation.affected.attempts for each in plans}
    rows = AffectedSubscriber._base_manager.filter(pk__in=tokens).select_for_update()
    return {pk: at for pk, attempts, at in rows.values_list("pk", "attempts", "due_at") if attempts == tokens[pk]}


def _settle(plans: list[Plan], held: dict[int, datetime | None], *, now: datetime) -> None:
    """Set when to look again. A moment that somebody else has asked for since the claim is kept."""
    ours = now + due.lease()
    groups: dict[tuple[datetime | None, int], list[AffectedSubscriber]] = defaultdict(list)
    for each in plans:
        affected = each.situation.affected
        asked = held[affected.pk]
        groups[each.due_at if asked == ours else asked, each.next_step].append(affected)
    for (at, next_step), rows in groups.items():
        due.settle(rows, due_at=at, next_step=next_step)
