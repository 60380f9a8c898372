"""Queued notices whose words have to be made anew, because what they would say or carry has changed meanwhile."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db.models import F

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.links import respond_url
from campaigns.models import AffectedSubscriber
from notices.models import Notice, NoticeQuerySet
from notices.services import situation
from notices.services.merging import Parcel, parcels
from notices.services.planning import Draft
from notices.services.situation import Situation
from notices.services.writing import facts_of, with_words

WORDS = ("subject", "body_text", "body_html", "language", "template_version", "carried_by", "due_at", "written_at")


def release(carriers: Sequence[Notice], *, staying: Collection[int] = (), now: datetime) -> list[Notice]:
    """Let what these queued notices carry go out without them, in words of its own; the notices that do.

    For carriers that are about to be withdrawn although the subscribers they carry still have to be told. Those who
    need no telling any more stay behind, and so do the notices whose keys are in `staying`: they are withdrawn too.
    Call it inside the transaction that withdraws.
    """
    return _reword(_queued().filter(carried_by__in=carriers).exclude(pk__in=staying), now=now)


def write_anew(notices: Sequence[Notice], *, now: datetime) -> list[Notice]:
    """Put queued notices, with all that they carry or are carried with, into words as things stand now.

    Those of subscribers who have nothing outstanding are left out of the words and returned by nobody: the sender
    withdraws them. Call it inside a transaction.
    """
    carriers = {each.carried_by_id or each.pk for each in notices}
    rows = _queued()
    return _reword(rows.filter(pk__in=carriers) | rows.filter(carried_by__in=carriers), now=now)


def _queued() -> NoticeQuerySet:
    rows = Notice.objects.filter(state=Notice.State.QUEUED, kind=Notice.Kind.STEP)
    carriers_first = rows.order_by(F("carried_by").asc(nulls_first=True), "pk")
    related = carriers_first.select_related("step", "contact", "affected_subscriber__campaign")
    return related.select_for_update(of=("self",))


def _reword(rows: Iterable[Notice], *, now: datetime) -> list[Notice]:
    notices = {(each.affected_subscriber_id, each.step_id, each.contact_id, each.channel): each for each in rows}
    found = _situations({each.affected_subscriber_id for each in notices.values()}, now=now)
    drafts = [
        Draft(found[each.affected_subscriber_id], each.step, each.contact, each.channel, each.address)
        for each in notices.values()
        if each.step is not None and found[each.affected_subscriber_id].is_to_be_told
    ]
    changed = list[Notice]()
    for parcel in parcels(drafts, now=now)[0]:
        mine = [notices[_key(each)] for each in parcel.drafts]
        _rewrite(mine, parcel, now=now)
        changed += mine
    Notice.objects.bulk_update(changed, WORDS, batch_size=100)
    for campaign in {each.affected_subscriber.campaign for each in changed}:
        ours = [each for each in changed if each.affected_subscriber.campaign == campaign]
        record_each("notice.written_anew", ours, stream=campaign.stream, actor=SYSTEM, now=now, facts=facts_of)
    return changed


def _situations(keys: set[int], *, now: datetime) -> dict[int, Situation]:
    rows = AffectedSubscriber.objects.filter(pk__in=keys).select_related("subscriber", "campaign")
    return {each.affected.pk: each for each in situation.load(list(rows), now=now)}


def _key(draft: Draft) -> tuple[int, int, int, str]:
    return draft.situation.affected.pk, draft.step.pk, draft.contact.pk, draft.channel


def _rewrite(notices: Sequence[Notice], parcel: Parcel, *, now: datetime) -> None:
    first, *others = notices
    links = [respond_url(each.situation.affected, each.contact) for each in parcel.drafts]
    with_words(first, parcel.letter.with_links(links))
    first.carried_by, first.due_at, first.written_at = None, first.due_at or now, now
    for each in others:
        with_words(each, parcel.letter)
        each.carried_by, each.due_at, each.written_at = first, None, now
        each.body_text = each.body_html = ""
