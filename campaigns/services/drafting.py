"""Drafting: the cause, the rule, the ladder. Window and reason follow from the rule item and are never chosen (R2)."""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, TypedDict, Unpack

from django.contrib.auth.models import User
from django.db import transaction

from audit.actors import staff
from audit.moves import move
from audit.services import record
from campaigns.models import AffectedCertificate, Campaign, EscalationPolicy, EscalationStep
from campaigns.plan import StepPlan, check_ladder, default_ladder
from campaigns.rules import CURRENT, rule_pack
from campaigns.services.guards import hold, require_text
from campaigns.services.policies import default_policy, plans_of, step_fields, steps_in_words
from core.errors import Refused


class Draft(TypedDict, total=False):
    """What a draft says; title, rule, explanation and clock_started_at are needed."""

    title: str
    rule: str
    kind: str
    explanation: str
    explanation_url: str
    clock_started_at: datetime
    fixed_at: datetime | None
    revokes_replaced_early: bool
    rule_pack: str
    steps: Sequence[StepPlan] | None
    policy: EscalationPolicy | None


NEEDED = ("title", "rule", "explanation", "clock_started_at")
VOID = {"approved_by": None, "approved_at": None, "approved_digest": ""}
"""The fields of an approval that no longer holds."""


def draft_campaign(*, author: User, now: datetime, **draft: Unpack[Draft]) -> Campaign:
    """A new campaign as a draft.

    Its ladder is `steps`, or else a copy of the policy's, or else of the default policy's for its window. Raises
    `Refused` for an unknown item, an empty text, a ladder without sense, or a clock that starts later.
    """
    if missing := [name for name in NEEDED if name not in draft]:
        raise Refused(f"A draft needs {', '.join(missing)}.")
    steps, policy = draft.pop("steps", None), draft.pop("policy", None)
    fields = {"rule_pack": CURRENT, **draft}
    campaign = Campaign(drafted_by=author, drafted_at=now)
    _write(campaign, fields, now=now)
    with transaction.atomic():
        campaign.save(force_insert=True)
        if steps is None:
            _take_policy(campaign, policy)
        else:
            _set_steps(campaign, steps)
        record(
            "campaign.drafted",
            stream=campaign.stream,
            about=campaign,
            actor=staff(author.username),
            now=now,
            facts=_facts(campaign) | {"rule_pack_sha256": rule_pack(campaign.rule_pack).text_sha256},
        )
    return campaign


def change_draft(campaign: Campaign, *, actor: str, now: datetime, **draft: Unpack[Draft]) -> Campaign:
    """Change what a draft says; an approval that was given is void.

    A ladder that came from a policy is taken anew where another policy is named, or where another rule item makes
    another window. Raises `Refused` once it has been launched, and for making a drill of a live campaign or a live one
    of a drill.
    """
    with transaction.atomic():
        hold(campaign)
        if draft.get("kind", campaign.kind) != campaign.kind:
            raise Refused(f"This campaign was drafted as {campaign.get_kind_display()} and stays that; draft another.")
        reopen(campaign, actor=actor, now=now, why="the draft was changed")
        clock, window = campaign.clock_started_at, campaign.window
        steps, policy = draft.pop("steps", None), draft.pop("policy", None)
        _write(campaign, dict(draft), now=now)
        campaign.save()
        if steps is not None:
            _set_steps(campaign, steps)
        elif policy is not None or (campaign.policy and campaign.window != window):
            _take_policy(campaign, policy)
        else:
            check_ladder(plans_of(campaign.steps.order_by("order")), window=campaign.window)
        if campaign.clock_started_at != clock:
            rows = AffectedCertificate.objects.filter(campaign=campaign, clock_started_at=clock)
            rows.update(clock_started_at=campaign.clock_started_at)
        record("campaign.changed", stream=campaign.stream, about=campaign, actor=actor, now=now, facts=_facts(campaign))
    return campaign


def reopen(campaign: Campaign, *, actor: str, now: datetime, why: str) -> None:
    """Make an approved campaign a draft again, because what was approved has changed. The caller holds its row."""
    if campaign.state == Campaign.State.APPROVED:
        move([campaign], Campaign.State.DRAFT, actor=actor, now=now, fields=dict(VOID), facts={"because": why})
    elif campaign.state != Campaign.State.DRAFT:
        raise Refused(
            f"This campaign is {campaign.state}; its scope and its rule are frozen. "
            "Further certificates are proposed as an addition, with a clock of their own and an approval of their own."
        )


def draft_digest(campaign: Campaign) -> str:
    """The SHA-256 of everything that a draft says beside its scope: who approves it, approves these words."""
    said = _facts(campaign) | {
        "explanation": campaign.explanation,
        "explanation_url": campaign.explanation_url,
        "revokes_replaced_early": campaign.revokes_replaced_early,
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _write(campaign: Campaign, fields: dict[str, Any], *, now: datetime) -> None:
    for name, value in fields.items():
        setattr(campaign, name, value)
    campaign.title = require_text(campaign.title, "a title", longest=200)
    campaign.explanation = require_text(campaign.explanation, "an explanation", longest=20_000)
    if campaign.kind not in Campaign.Kind.values:
        raise Refused(f"A campaign is live or a drill, not {campaign.kind!r}.")
    _check_moment(campaign.clock_started_at, "The clock", now=now)
    if campaign.fixed_at is not None:
        _check_moment(campaign.fixed_at, "The fault's end", now=now)
    rule = rule_pack(campaign.rule_pack).rule(campaign.rule)
    campaign.window, campaign.crl_reason = rule.window, rule.crl_reason


def _check_moment(moment: datetime, what: str, *, now: datetime) -> None:
    if moment.tzinfo is None:
        raise Refused(f"{what} needs a time zone.")
    if moment > now:
        raise Refused(f"{what} is at {moment:%Y-%m-%d %H:%M:%S %Z}, which is still to come.")


def _take_policy(campaign: Campaign, policy: EscalationPolicy | None) -> None:
    """Copy the present steps of a policy, of the default one for the window unless one is named."""
    chosen = policy or default_policy(campaign.window)
    if chosen is None:
        _set_steps(campaign, default_ladder(campaign.window))
    elif chosen.is_retired:
        raise Refused(f"The policy {chosen} is retired.")
    else:
        _set_steps(
            campaign, plans_of(chosen.steps.order_by("order")), origin=f"{chosen.name}, version {chosen.version}"
        )


def _set_steps(campaign: Campaign, steps: Sequence[StepPlan], *, origin: str = "") -> None:
    check_ladder(steps, window=campaign.window)
    campaign.steps.all().delete()
    EscalationStep.objects.bulk_create(
        EscalationStep(campaign=campaign, order=order, **step_fields(step)) for order, step in enumerate(steps)
    )
    campaign.policy = origin
    campaign.save(update_fields=["policy"])


def _facts(campaign: Campaign) -> dict[str, Any]:
    return {
        "title": campaign.title,
        "kind": campaign.kind,
        "rule_pack": campaign.rule_pack,
        "rule": campaign.rule,
        "window_seconds": int(campaign.window.total_seconds()),
        "crl_reason": campaign.crl_reason,
        "clock_started_at": campaign.clock_started_at.isoformat(),
        "fixed_at": campaign.fixed_at.isoformat() if campaign.fixed_at else None,
        "policy": campaign.policy,
        "steps": steps_in_words(plans_of(campaign.steps.order_by("order"))),
    }
