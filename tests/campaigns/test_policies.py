"""The ladders that drafts begin with: shipped, edited, copied, retired; and what a campaign keeps of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import EscalationPolicy
from campaigns.plan import StepPlan, default_ladder
from campaigns.services import (
    bring_back_policy,
    change_draft,
    choose_default,
    copy_policy,
    draft_digest,
    launch_campaign,
    retire_policy,
    save_policy,
)
from campaigns.services.policies import plans_of, ship_policies
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWO = (StepPlan(0, "all"), StepPlan(None, "all", before_deadline=2 * HOUR, channels=("sms", "mail")))


def save(policy: EscalationPolicy | None = None, *, steps: Sequence[StepPlan] = TWO, **said: Any) -> EscalationPolicy:
    fields = {"name": "Short", "window": DAY, "actor": make.OPERATOR, "now": NOW, **said}
    return save_policy(policy, steps=steps, **fields)


def shipped(name: str) -> EscalationPolicy:
    return EscalationPolicy.objects.get(name=name)


@pytest.mark.parametrize(("name", "window"), [("24 hours", DAY), ("5 days", 5 * DAY)])
def test_two_policies_are_shipped_as_the_defaults_of_their_windows(name, window):
    policy = shipped(name)
    assert (policy.window, policy.is_default, policy.version) == (window, True, 1)
    assert tuple(plans_of(policy.steps.all())) == default_ladder(window)


def test_policies_are_shipped_only_where_there_are_none():
    EscalationPolicy.objects.filter(name="5 days").delete()
    ship_policies()
    assert [each.name for each in EscalationPolicy.objects.all()] == ["24 hours"]


def test_an_edit_makes_a_new_version_with_both_sides_in_the_journal():
    policy = save()
    changed = save(policy, steps=TWO[:1], name="Shorter")
    assert (changed.pk, changed.version, changed.steps.count()) == (policy.pk, 2, 1)
    assert_event("policy.added", policy, actor=make.OPERATOR, name="Short", window_seconds=86_400)
    [event] = events("policy.changed", policy)
    assert event.facts["before"]["name"] == "Short"
    assert event.facts["after"]["name"] == "Shorter"
    assert [len(event.facts[side]["steps"]) for side in ("before", "after")] == [2, 1]
    assert event.facts["before"]["steps"][1]["before_deadline"] == 7200
    assert "description" not in event.facts["after"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"steps": ()}, "at least one step"),
        ({"name": " "}, "a name"),
        ({"name": "5 days"}, "already"),
        ({"window": timedelta(0)}, "longer than nothing"),
        ({"window": 91 * DAY}, "at most 90 days"),
        ({"window": HOUR}, "Step 2 must be before the deadline"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_and_changes_nothing(said, why):
    policy = save(name="Kept")
    with pytest.raises(Refused, match=why):
        save(policy, **said)
    policy.refresh_from_db()
    assert (policy.name, policy.version, policy.steps.count()) == ("Kept", 1, 2)


def test_a_campaign_keeps_the_steps_it_was_drafted_with_when_the_policy_changes():
    campaign = make.campaign(policy=save())
    save(EscalationPolicy.objects.get(name="Short"), steps=TWO[:1])
    assert campaign.policy == "Short, version 1"
    assert tuple(plans_of(campaign.steps.all())) == TWO


def test_a_draft_takes_the_policys_present_steps_when_it_is_told_so_and_its_approval_is_void():
    policy = save()
    campaign = make.campaign(policy=policy, state="approved")
    seen = draft_digest(campaign)
    policy = save(policy, steps=TWO[:1])
    change_draft(campaign, policy=policy, actor=make.OPERATOR, now=NOW)
    assert (campaign.policy, campaign.steps.count(), campaign.state) == ("Short, version 2", 1, "draft")
    assert draft_digest(campaign) != seen


def test_another_window_brings_another_ladder_unless_the_steps_are_ones_own():
    campaign, own = make.campaign(), make.campaign(steps=TWO)
    for each in (campaign, own):
        change_draft(each, rule="3", actor=make.OPERATOR, now=NOW)
    assert campaign.policy == "24 hours, version 1"
    assert tuple(plans_of(own.steps.all())) == TWO


def test_steps_of_ones_own_have_to_fit_another_window_too():
    last = StepPlan(None, "all", before_deadline=2 * DAY)
    campaign = make.campaign(steps=[TWO[0], last])
    with pytest.raises(Refused, match="Step 2 must be before the deadline"):
        change_draft(campaign, rule="3", actor=make.OPERATOR, now=NOW)
    campaign.refresh_from_db()
    assert campaign.rule == "12"


def test_a_launched_campaign_takes_no_other_ladder():
    campaign = make.campaign(state="approved")
    launch_campaign(campaign, actor=make.OPERATOR, now=NOW)
    with pytest.raises(Refused, match="frozen"):
        change_draft(campaign, policy=shipped("24 hours"), actor=make.OPERATOR, now=NOW)
    assert campaign.steps.count() == 7


def test_drafts_begin_with_the_policy_that_was_chosen_for_their_window():
    choose_default(save(window=5 * DAY), actor=make.OPERATOR, now=NOW)
    assert make.campaign().policy == "Short, version 1"
    assert_event("policy.made_default", shipped("Short"), instead_of=["5 days"])
    assert not shipped("5 days").is_default


def test_without_a_default_for_the_window_the_ladder_that_is_shipped_is_used():
    EscalationPolicy.objects.filter(name="24 hours").update(is_default=False)
    campaign = make.campaign(rule="3")
    assert (campaign.policy, tuple(plans_of(campaign.steps.all()))) == ("", default_ladder(DAY))


def test_a_policy_that_does_not_fit_the_window_is_refused_with_the_step():
    with pytest.raises(Refused, match="Step 7 is not later"):
        make.campaign(rule="3", policy=shipped("5 days"))


def test_a_copy_has_the_same_steps_and_a_life_of_its_own():
    copy = copy_policy(shipped("5 days"), name="5 days, quiet", actor=make.OPERATOR, now=NOW)
    assert tuple(plans_of(copy.steps.all())) == default_ladder(5 * DAY)
    assert (copy.is_default, copy.version, copy.window) == (False, 1, 5 * DAY)
    with pytest.raises(Refused, match="already"):
        copy_policy(copy, name="5 days", actor=make.OPERATOR, now=NOW)


def test_a_retired_policy_is_for_no_draft_until_it_is_brought_back():
    policy = save()
    retire_policy(policy, actor=make.OPERATOR, now=NOW)
    retired = shipped("Short")
    with pytest.raises(Refused, match="retired"):
        make.campaign(policy=retired)
    with pytest.raises(Refused, match="retired"):
        choose_default(retired, actor=make.OPERATOR, now=NOW)
    bring_back_policy(retired, actor=make.OPERATOR, now=NOW)
    assert make.campaign(policy=shipped("Short")).policy == "Short, version 1"
    assert_event("policy.retired", policy)
    assert_event("policy.brought_back", policy)


def test_the_default_of_a_window_is_not_retired():
    with pytest.raises(Refused, match="another default"):
        retire_policy(shipped("5 days"), actor=make.OPERATOR, now=NOW)


def test_a_default_does_not_move_to_a_window_that_has_one():
    with pytest.raises(Refused, match="begin with 24 hours"):
        save(shipped("5 days"), name="5 days", window=DAY)
    assert shipped("5 days").window == 5 * DAY
