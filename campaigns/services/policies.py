"""Escalation policies: the ladders that drafts begin with. Every edit is a new version, and in the journal."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from audit.services import record
from campaigns.models import EscalationPolicy, EscalationStep, PolicyStep
from campaigns.plan import LADDER_24_HOURS, LADDER_DAYS, StepPlan, check_ladder
from campaigns.services.guards import require_text
from core.errors import Refused

STREAM = "policies"
LONGEST_WINDOW = timedelta(days=90)
SHIPPED = (
    (
        "24 hours",
        timedelta(hours=24),
        LADDER_24_HOURS,
        "For items of BR 4.9.1.1 with a window of 24 hours: backups after two hours, everybody after four.",
    ),
    (
        "5 days",
        timedelta(days=5),
        LADDER_DAYS,
        "For items of BR 4.9.1.1 with a window of five days: something every day, and six hours before the end.",
    ),
)


def ship_policies() -> None:
    """Make the two policies that come with the product, where there is a table for them and none in it yet."""
    if EscalationPolicy._meta.db_table not in connection.introspection.table_names():
        return
    if EscalationPolicy.objects.exists():
        return
    for name, window, steps, description in SHIPPED:
        made = EscalationPolicy.objects.create(name=name, window=window, description=description, is_default=True)
        _set_steps(made, steps)


def default_policy(window: timedelta) -> EscalationPolicy | None:
    """The policy that drafts with exactly this window begin with; none was checked for any other window."""
    return EscalationPolicy.objects.filter(window=window, is_default=True, is_retired=False).first()


def save_policy(
    policy: EscalationPolicy | None,
    *,
    name: str,
    window: timedelta,
    steps: Sequence[StepPlan],
    description: str = "",
    actor: str,
    now: datetime,
) -> EscalationPolicy:
    """A new policy, or the next version of one; campaigns that have copied it keep what they have.

    Raises `Refused` for a ladder without sense, a name that another policy has, and a window that no ladder fits.
    """
    name = require_text(name, "a name", longest=100)
    if not timedelta(0) < window <= LONGEST_WINDOW:
        raise Refused(f"The window must be longer than nothing and at most {LONGEST_WINDOW.days} days.")
    check_ladder(steps, window=window)
    with transaction.atomic():
        known = policy and _held(policy)
        before = facts_of(known) if known else None
        saved = known or EscalationPolicy(version=0)
        if EscalationPolicy.objects.filter(~Q(pk=saved.pk), name=name).exists():
            raise Refused(f"There is a policy named {name!r} already.")
        saved.name, saved.description, saved.version = name, description.strip()[:500], saved.version + 1
        if saved.is_default and saved.window != window:
            _check_free(window, saved)
        saved.window = window
        saved.save()
        _set_steps(saved, steps)
        after = facts_of(saved)
        if before is None:
            record("policy.added", stream=STREAM, about=saved, actor=actor, now=now, facts=after)
        else:
            record("policy.changed", stream=STREAM, about=saved, actor=actor, now=now, facts=_sides(before, after))
    return saved


def copy_policy(policy: EscalationPolicy, *, name: str, actor: str, now: datetime) -> EscalationPolicy:
    """A policy of the same steps under another name. Raises `Refused` for a name that is taken."""
    return save_policy(
        None,
        name=name,
        window=policy.window,
        steps=plans_of(policy.steps.order_by("order")),
        description=policy.description,
        actor=actor,
        now=now,
    )


def choose_default(policy: EscalationPolicy, *, actor: str, now: datetime) -> EscalationPolicy:
    """Let drafts with this policy's window begin with it, and with no other. Raises `Refused` for a retired one."""
    with transaction.atomic():
        known = _held(policy)
        if known.is_retired:
            raise Refused(f"The policy {known} is retired.")
        former = EscalationPolicy.objects.filter(window=known.window, is_default=True).exclude(pk=known.pk)
        facts = {"window_seconds": _seconds(known.window), "instead_of": [str(each) for each in former]}
        former.update(is_default=False)
        EscalationPolicy.objects.filter(pk=known.pk).update(is_default=True)
        record("policy.made_default", stream=STREAM, about=known, actor=actor, now=now, facts=facts)
    known.is_default = True
    return known


def retire_policy(policy: EscalationPolicy, *, actor: str, now: datetime) -> EscalationPolicy:
    """Offer a policy to no further draft. Raises `Refused` for the default of its window."""
    with transaction.atomic():
        known = _held(policy)
        if known.is_default:
            raise Refused(f"Drafts begin with the policy {known}. Choose another default for its window first.")
        _set_retired(known, True, "policy.retired", actor=actor, now=now)
    return known


def bring_back_policy(policy: EscalationPolicy, *, actor: str, now: datetime) -> EscalationPolicy:
    """Offer a retired policy again."""
    with transaction.atomic():
        known = _held(policy)
        _set_retired(known, False, "policy.brought_back", actor=actor, now=now)
    return known


def plans_of(steps: Iterable[PolicyStep | EscalationStep]) -> list[StepPlan]:
    """Steps of a policy or of a campaign as the rules take them."""
    return [
        StepPlan(
            share=each.share,
            audience=each.audience,
            template=each.template,
            before_deadline=each.before_deadline,
            channels=tuple(each.channels),
            on_every_channel=each.on_every_channel,
            lapses_after=each.lapses_after,
        )
        for each in steps
    ]


def step_fields(step: StepPlan) -> dict[str, Any]:
    """What a step's row holds."""
    return asdict(step) | {"channels": list(step.channels)}


def steps_in_words(steps: Iterable[StepPlan]) -> list[dict[str, Any]]:
    """Steps for the journal and for digests: durations in seconds."""
    return [
        {
            "order": order,
            **step_fields(step),
            "before_deadline": _seconds(step.before_deadline),
            "lapses_after": _seconds(step.lapses_after),
        }
        for order, step in enumerate(steps)
    ]


def facts_of(policy: EscalationPolicy) -> dict[str, Any]:
    """Everything that a policy says, as the journal keeps it."""
    return {
        "name": policy.name,
        "description": policy.description,
        "window_seconds": _seconds(policy.window),
        "version": policy.version,
        "steps": steps_in_words(plans_of(policy.steps.order_by("order"))),
    }


def _held(policy: EscalationPolicy) -> EscalationPolicy:
    return EscalationPolicy.objects.select_for_update().get(pk=policy.pk)


def _check_free(window: timedelta, policy: EscalationPolicy) -> None:
    taken = EscalationPolicy.objects.filter(Q(is_default=True), window=window).exclude(pk=policy.pk).first()
    if taken:
        raise Refused(f"Drafts with that window begin with {taken}: choose this policy as default only afterwards.")


def _set_steps(policy: EscalationPolicy, steps: Sequence[StepPlan]) -> None:
    policy.steps.all().delete()
    PolicyStep.objects.bulk_create(
        PolicyStep(policy=policy, order=order, **step_fields(step)) for order, step in enumerate(steps)
    )


def _set_retired(policy: EscalationPolicy, is_retired: bool, verb: str, *, actor: str, now: datetime) -> None:
    if policy.is_retired == is_retired:
        return
    policy.is_retired = is_retired
    policy.save(update_fields=["is_retired"])
    record(verb, stream=STREAM, about=policy, actor=actor, now=now, facts={"version": policy.version})


def _sides(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Both sides of what has changed."""
    changed = [name for name in after if before[name] != after[name]]
    return {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}}


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())
