"""Writing notices: the plan of an affected subscriber becomes frozen words in the outbox."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.actors import SYSTEM
from audit.services import record_each
from campaigns.links import respond_url
from campaigns.models import AffectedSubscriber, Audience, EscalationStep
from campaigns.plan import step_times
from campaigns.services import mark_reached, mark_unreachable
from core import due
from notices import audience
from notices.ladder import rungs
from notices.models import Notice
from notices.rendering import Letter
from notices.services import situation
from notices.services.situation import Situation
from subscribers.models import Contact

log = logging.getLogger(__name__)
BATCH = 500


@dataclass(slots=True)
class Plan:
    """What becomes of one claimed affected subscriber: what is written now, what is passed over, when to look again."""

    situation: Situation
    next_step: int
    due_at: datetime | None = None
    step: EscalationStep | None = None
    contacts: list[Contact] = field(default_factory=list)
    skipped: list[tuple[EscalationStep, str]] = field(default_factory=list)
    is_unreachable: bool = False
    letters: dict[int, Letter] = field(default_factory=dict)
    """The words for each contact, by its key."""
    cause: str = ""


def write_notices(rows: Sequence[AffectedSubscriber], *, now: datetime) -> list[Notice]:
    """Write the step that is due for each claimed affected subscriber, and set when the next one is.

    Words are made outside the transaction. A row whose claim was lost meanwhile is left to its new owner; one whose
    words cannot be made is logged and comes back when its lease ends, and holds up nobody else.
    """
    plans = [plan for each in situation.load(rows, now=now) if (plan := _worded(each, now=now))]
    with transaction.atomic():
        held = _held(plans)
        plans = [plan for plan in plans if plan.situation.affected.pk in held]
        written = _insert([notice for plan in plans for notice in _notices(plan, now=now)], now=now)
        _record_skipped(plans, now=now)
        _mark(plans, now=now)
        _settle(plans, held, now=now)
    return written


def write_next(failed: Iterable[Notice], *, cause: str, now: datetime) -> list[Notice]:
    """Write the step of notices that did not arrive for the next contacts in line, due at once.

    Call it inside the transaction that records the failure. Where nobody is left the subscriber is unreachable.
    """
    notices = list(failed)
    rows = AffectedSubscriber.objects.filter(pk__in={each.affected_subscriber_id for each in notices})
    situations = {
        each.affected.pk: each for each in situation.load(list(rows.select_related("subscriber", "campaign")), now=now)
    }
    drafts = []
    for notice in notices:
        where = situations[notice.affected_subscriber_id]
        if not where.is_to_be_told:
            continue
        step = next(each for each in where.steps if each.pk == notice.step_id)
        contact = audience.next_in_line(where.contacts, told=where.told[step.pk])
        if contact:
            where.told[step.pk].add(contact.pk)
            plan = Plan(where, 0, step=step, contacts=[contact], cause=cause)
            plan.letters = _letters(plan, step, now=now)
            drafts += _notices(plan, now=now)
        elif not audience.reachable(where.contacts) and where.affected.unreachable_since is None:
            mark_unreachable(where.affected, actor=SYSTEM, now=now)
    return _insert(drafts, now=now)


def _planned(where: Situation, *, now: datetime) -> Plan:
    affected = where.affected
    plan = Plan(where, affected.next_step)
    if not where.is_running or where.outstanding == 0:
        return plan
    if where.is_halted:
        plan.due_at = now
        return plan
    taken = sum(each.order < affected.next_step for each in where.steps)
    deadline = where.deadline or now
    times = step_times(where.steps, start=affected.campaign.launched_at or now, deadline=deadline)
    found = rungs(times, taken=taken, now=now, deadline=deadline)
    why = "The deadline had passed." if where.deadline is None else "Its time passed before it could be written."
    plan.skipped = [(where.steps[position], why) for position in found.missed]
    plan.due_at = None if found.following is None else times[found.following]
    if found.due is not None:
        plan.next_step = where.steps[found.due].order + 1
        _address(plan, where.steps[found.due])
    elif where.deadline is None:
        plan.next_step = where.steps[-1].order + 1
    elif taken:
        plan.step = where.steps[taken - 1]
    _add_latecomers(plan)
    return plan


def _address(plan: Plan, step: EscalationStep) -> None:
    where = plan.situation
    if step.audience == Audience.BACKUPS and where.affected.acknowledged_at is not None:
        plan.skipped.append((step, "The subscriber has acknowledged, so its backups are not called in."))
        return
    plan.step = step
    found = audience.addressed(where.contacts, step.audience)
    plan.contacts = [each for each in found if each.pk not in where.told[step.pk]]
    if not found:
        plan.is_unreachable = True
        plan.skipped.append((step, "No contact can be reached by mail."))


def _add_latecomers(plan: Plan) -> None:
    """Whoever was named after the launch, and has heard nothing yet, is told the present step whatever its audience."""
    where, step = plan.situation, plan.step
    launched_at = where.affected.campaign.launched_at
    if step is None or launched_at is None:
        return
    told: set[int] = set().union(*where.told.values(), (each.pk for each in plan.contacts))
    plan.contacts += [
        each
        for each in audience.reachable(where.contacts)
        if each.added_at and each.added_at > launched_at and each.pk not in told
    ]


def _worded(where: Situation, *, now: datetime) -> Plan | None:
    """A plan with its words, if it needs some; None when either cannot be made."""
    try:
        plan = _planned(where, now=now)
        if plan.step is not None and plan.contacts:
            plan.letters = _letters(plan, plan.step, now=now)
    except Exception:
        log.exception("The notice for %s cannot be written.", where.affected.public_id)
        return None
    return plan


def _letters(plan: Plan, step: EscalationStep, *, now: datetime) -> dict[int, Letter]:
    """The words for each contact, made once for all who share a language and a time zone."""
    made, found = dict[tuple[str, str], Letter](), dict[int, Letter]()
    for contact in plan.contacts:
        key = contact.language, contact.time_zone
        if key not in made:
            made[key] = plan.situation.letter(step, contact, now=now)
        found[contact.pk] = made[key]
    return found


def _notices(plan: Plan, *, now: datetime) -> list[Notice]:
    if plan.step is None:
        return []
    affected, drafts = plan.situation.affected, []
    for contact in plan.contacts:
        letter = plan.letters[contact.pk].with_links([respond_url(affected, contact)])
        public_id = uuid.uuid4()
        drafts.append(
            Notice(
                public_id=public_id,
                affected_subscriber=affected,
                step=plan.step,
                contact=contact,
                address=contact.email,
                written_at=now,
                due_at=now,
                language=letter.language,
                cause=plan.cause,
                template_version=letter.template_version,
                subject=letter.subject,
                body_text=letter.text,
                body_html=letter.html,
                message_id=f"<{public_id}@{_domain()}>",
            )
        )
    return drafts


def _domain() -> str:
    return parseaddr(settings.NOTICE_FROM)[1].rpartition("@")[2] or "localhost"


def _insert(drafts: list[Notice], *, now: datetime) -> list[Notice]:
    """Put notices into the outbox and record them; one that is there already is left as it is."""
    Notice.objects.bulk_create(drafts, batch_size=BATCH, ignore_conflicts=True)
    keys = dict(Notice.objects.filter(public_id__in=[each.public_id for each in drafts]).values_list("public_id", "pk"))
    written: dict[str, list[Notice]] = defaultdict(list)
    for draft in drafts:
        if draft.public_id in keys:
            draft.pk = keys[draft.public_id]
            written[draft.stream].append(draft)
    for stream, notices in written.items():
        record_each("notice.written", notices, stream=stream, actor=SYSTEM, now=now, facts=_facts)
    return [notice for notices in written.values() for notice in notices]


def _facts(notice: Notice) -> dict[str, Any]:
    words = "\0".join((notice.subject, notice.body_text, notice.body_html)).encode()
    return {
        "step": notice.step.order if notice.step else None,
        "subscriber": notice.affected_subscriber.subscriber_id,
        "contact": notice.contact_id,
        "address": notice.address,
        "words_sha256": sha256(words).hexdigest(),
        **({"cause": notice.cause} if notice.cause else {}),
    }


def _record_skipped(plans: list[Plan], *, now: datetime) -> None:
    groups: dict[tuple[str, int, str], list[AffectedSubscriber]] = defaultdict(list)
    for plan in plans:
        for step, reason in plan.skipped:
            groups[plan.situation.affected.stream, step.order, reason].append(plan.situation.affected)
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
    for plan in plans:
        affected = plan.situation.affected
        if plan.is_unreachable and affected.unreachable_since is None:
            mark_unreachable(affected, actor=SYSTEM, now=now)
        elif plan.contacts and affected.unreachable_since is not None:
            mark_reached(affected, actor=SYSTEM, now=now)


def _held(plans: list[Plan]) -> dict[int, datetime | None]:
    """The rows whose claim is still ours, locked, with the moment at which they are due now."""
    tokens = {plan.situation.affected.pk: plan.situation.affected.attempts for plan in plans}
    rows = AffectedSubscriber._base_manager.filter(pk__in=tokens).select_for_update()
    return {pk: at for pk, attempts, at in rows.values_list("pk", "attempts", "due_at") if attempts == tokens[pk]}


def _settle(plans: list[Plan], held: dict[int, datetime | None], *, now: datetime) -> None:
    """Set when to look again. A moment that somebody else has asked for since the claim is kept."""
    ours = now + due.lease()
    groups: dict[tuple[datetime | None, int], list[AffectedSubscriber]] = defaultdict(list)
    for plan in plans:
        affected = plan.situation.affected
        asked = held[affected.pk]
        groups[plan.due_at if asked == ours else asked, plan.next_step].append(affected)
    for (at, next_step), rows in groups.items():
        due.settle(rows, due_at=at, next_step=next_step)
