"""The acts on a campaign: who may do them, when they are offered, which service does them."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from audit.actors import staff
from campaigns.admin.briefing import briefing
from campaigns.admin.forms import ApprovalForm, DraftForm, GroundForm, LadderForm, ReasonForm
from campaigns.admin.ladder import campaign_ladder
from campaigns.models import Campaign
from campaigns.rules import CURRENT, rule_pack, window_in_words
from campaigns.services import (
    approve_campaign,
    cancel_campaign,
    change_draft,
    draft_campaign,
    halt_campaign,
    launch_campaign,
    request_cancel,
    resume_campaign,
)
from core.acts import Act
from core.crl_reason import CRLReason
from core.figures import number, utc

DRAFTING = ("campaigns.draft_campaign",)
State = Campaign.State


def _rules(subject: Campaign | None, now: datetime) -> dict[str, Any]:
    """What follows from each item, for the form to show beside the choice."""
    return {
        "rules": [
            {
                "item": rule.item,
                "text": rule.text,
                "window": window_in_words(rule.window),
                "should": window_in_words(rule.should_within) if rule.should_within else "",
                "seconds": int(rule.window.total_seconds()),
                "reason": CRLReason(rule.crl_reason).label,
            }
            for rule in rule_pack(CURRENT).rules.values()
        ]
    }


def _briefed(campaign: Campaign, now: datetime) -> dict[str, Any]:
    return {"briefing": briefing(campaign, now=now)}


def _draft(subject: None, data: dict[str, Any], user: User, now: datetime) -> str:
    campaign = draft_campaign(author=user, now=now, **data)
    return f"Drafted: {campaign}. Now import its scope."


def _change(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    change_draft(campaign, actor=staff(user.username), now=now, **data)
    return "Changed. An approval that was given before is void."


def _take_policy(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    change_draft(campaign, actor=staff(user.username), now=now, policy=data["policy"])
    return f"The ladder is now that of {campaign.policy}. An approval that was given before is void."


def _with_ladder(campaign: Campaign, now: datetime) -> dict[str, Any]:
    return {"ladder": campaign_ladder(campaign, now=now)}


def _approve(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    said = {name: data[name] for name in ("digest", "typed_count", "seen")}
    approve_campaign(campaign, approver=user, now=now, **said)
    return f"Approved: {number(campaign.scope_count)} certificates, digest {campaign.approved_digest[:12]}…"


def _launch(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    launch_campaign(campaign, actor=staff(user.username), now=now)
    return f"Launched. Everything has to be published as revoked by {utc(campaign.deadline)}."


def _halt(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    halt_campaign(campaign, reason=data["reason"], actor=staff(user.username), now=now)
    return "Halted: no notice and no revocation goes out. The clock runs on."


def _resume(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    resume_campaign(campaign, reason=data["reason"], actor=staff(user.username), now=now)
    return "Resumed. What fell due meanwhile goes out now."


def _ask_to_cancel(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    request_cancel(campaign, ground=data["ground"], by=user, now=now)
    return "Asked. A second person has to agree before the campaign ends unfinished."


def _cancel(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    cancel_campaign(campaign, by=user, now=now)
    return "Cancelled. What was published stays revoked; nothing further goes out."


def _own_draft(campaign: Campaign, user: User) -> str:
    if campaign.drafted_by_id == user.pk:
        return "You drafted this campaign, so another person has to approve it. Nothing on this page acts for you."
    return "" if campaign.scope_count else "The scope is empty: there is nothing to approve yet."


def _own_request(campaign: Campaign, user: User) -> str:
    if campaign.cancel_requested_by_id == user.pk:
        return "You asked to leave this campaign unfinished, so another person has to agree."
    return ""


def _is_open(campaign: Campaign) -> bool:
    return campaign.state in (State.DRAFT, State.APPROVED)


DRAFT: Act[None] = Act(
    "draft",
    "Draft a campaign",
    "Save the draft",
    DRAFTING,
    _draft,
    DraftForm,
    _rules,
    template="console/draft.html",
    lead="The rule item decides how long there is and which reason stands on the CRL.",
)
CHANGE: Act[Campaign] = Act(
    "change",
    "Change the draft",
    "Save the changes",
    DRAFTING,
    _change,
    DraftForm,
    _rules,
    _is_open,
    template="console/draft.html",
    lead="A change makes an approval void that was given before.",
)
LADDER: Act[Campaign] = Act(
    "ladder",
    "Choose the ladder",
    "Take the policy’s present steps",
    DRAFTING,
    _take_policy,
    LadderForm,
    _with_ladder,
    _is_open,
    template="console/choose_ladder.html",
    lead="The steps are copied as they are now; no later edit of the policy changes them. "
    "An approval that was given before is void.",
)
APPROVE: Act[Campaign] = Act(
    "approve",
    "Approve this scope",
    "Approve these revocations",
    ("campaigns.approve_campaign",),
    _approve,
    ApprovalForm,
    _briefed,
    lambda campaign: campaign.state == State.DRAFT and campaign.scope_count > 0,
    _own_draft,
    template="console/approve.html",
    is_grave=True,
)
LAUNCH: Act[Campaign] = Act(
    "launch",
    "Launch",
    "Launch now",
    ("campaigns.launch_campaign",),
    _launch,
    explain=_briefed,
    is_offered=lambda campaign: campaign.state == State.APPROVED,
    template="console/launch.html",
    is_grave=True,
    lead="Deadlines are frozen and the first notices go out within a minute.",
)
HALT: Act[Campaign] = Act(
    "halt",
    "Halt",
    "Halt the campaign",
    ("campaigns.halt_campaign",),
    _halt,
    ReasonForm,
    is_offered=lambda campaign: campaign.state == State.RUNNING and campaign.halted_at is None,
    is_grave=True,
    lead="A halt is a brake against danger, such as a wrong scope. No notice and no revocation goes out "
    "while it lasts. The clock runs on, and the deadline stays where it is.",
)
RESUME: Act[Campaign] = Act(
    "resume",
    "Resume",
    "Resume the campaign",
    ("campaigns.halt_campaign",),
    _resume,
    ReasonForm,
    is_offered=lambda campaign: campaign.state == State.RUNNING and campaign.halted_at is not None,
    lead="Notices and revocations that fell due during the halt go out at once.",
)
ASK_TO_CANCEL: Act[Campaign] = Act(
    "ask-to-cancel",
    "Ask to leave it unfinished",
    "Ask a second person",
    ("campaigns.halt_campaign",),
    _ask_to_cancel,
    GroundForm,
    is_offered=lambda campaign: campaign.ended_at is None and campaign.cancel_requested_by_id is None,
    is_grave=True,
    lead="Leaving a running campaign unfinished leaves certificates unrevoked that the rules oblige to "
    "revoke. It takes two persons and a ground, and it is reported.",
)
CANCEL: Act[Campaign] = Act(
    "cancel",
    "Leave it unfinished",
    "Agree: end it unfinished",
    ("campaigns.approve_campaign",),
    _cancel,
    is_offered=lambda campaign: campaign.ended_at is None and campaign.cancel_requested_by_id is not None,
    objection=_own_request,
    is_grave=True,
    template="console/cancel.html",
    lead="This cannot be undone. What remains stays unrevoked.",
)
ACTS = (CHANGE, LADDER, APPROVE, LAUNCH, HALT, RESUME, ASK_TO_CANCEL, CANCEL)


def offered(campaign: Campaign, user: AbstractBaseUser | AnonymousUser) -> list[Act[Campaign]]:
    """The acts that the campaign's state allows and the person's roles too; the import of a scope is one more."""
    return [act for act in ACTS if act.is_offered(campaign) and act.is_permitted(user)]


def may_import(campaign: Campaign, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person may import a scope into this campaign now."""
    return _is_open(campaign) and DRAFT.is_permitted(user)
