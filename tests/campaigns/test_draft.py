"""Drafting a campaign: the item is picked, window and reason follow."""

from datetime import datetime, timedelta

import pytest

from campaigns.models import AffectedCertificate, Campaign
from campaigns.plan import StepPlan
from campaigns.rules import rule_pack
from campaigns.services import change_draft, draft_campaign
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def draft(**said):
    words = {"title": "A fault", "rule": "12", "explanation": "Ours.", "clock_started_at": NOW, **said}
    return draft_campaign(author=make.user("olga"), now=NOW, **words)


def test_window_and_reason_follow_from_the_item():
    campaign = draft(rule="3")
    assert campaign.window == DAY
    assert campaign.crl_reason == "keyCompromise"
    assert campaign.deadline == NOW + DAY
    assert campaign.state == Campaign.State.DRAFT
    assert campaign.kind == Campaign.Kind.LIVE


def test_the_deadline_is_exact_to_the_second():
    assert draft(rule="12", clock_started_at=NOW - SECOND).deadline == NOW - SECOND + timedelta(seconds=432_000)


def test_the_ladder_of_the_window_is_written_down():
    campaign = draft(rule="12")
    steps = list(campaign.steps.values_list("order", "share", "audience"))
    assert steps[0] == (0, 0, "primary")
    assert steps[1] == (1, 0.2, "backups")
    assert len(steps) == 7
    assert campaign.policy == "5 days, version 1"


def test_a_ladder_of_ones_own_is_taken():
    campaign = draft(steps=[StepPlan(0, "all"), StepPlan(0.5, "backups")])
    assert list(campaign.steps.values_list("share", "audience")) == [(0, "all"), (0.5, "backups")]
    assert campaign.policy == ""


def test_the_journal_has_who_what_and_the_text_of_the_rules():
    campaign = draft(fixed_at=NOW - DAY)
    assert_event(
        "campaign.drafted",
        campaign,
        actor="staff:olga",
        rule="12",
        window_seconds=432_000,
        crl_reason="superseded",
        clock_started_at=NOW.isoformat(),
        fixed_at=(NOW - DAY).isoformat(),
        rule_pack_sha256=rule_pack("br-2.2.6").text_sha256,
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"rule": "17"}, "no item 17"),
        ({"rule_pack": "br-0"}, "no rule pack"),
        ({"title": "  "}, "a title"),
        ({"title": "x" * 201}, "201 characters"),
        ({"explanation": "\n"}, "an explanation"),
        ({"kind": "rehearsal"}, "live or a drill"),
        ({"clock_started_at": NOW + SECOND}, "still to come"),
        ({"fixed_at": NOW + SECOND}, "still to come"),
        ({"clock_started_at": datetime(2024, 3, 19)}, "time zone"),  # noqa: DTZ001 - that is the point
        ({"steps": []}, "at least one"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_and_leaves_nothing(said, why):
    with pytest.raises(Refused, match=why):
        draft(**said)
    assert not Campaign.objects.exists()
    assert_no_event("campaign.drafted")


def test_a_draft_without_its_needed_words_says_which():
    with pytest.raises(Refused, match="title, clock_started_at"):
        draft_campaign(author=make.user("olga"), now=NOW, rule="12", explanation="Ours.")


def test_another_item_brings_its_window_and_reason_along():
    campaign = change_draft(draft(rule="12"), actor=make.OPERATOR, now=NOW, rule="3")
    campaign.refresh_from_db()
    assert (campaign.window, campaign.crl_reason) == (DAY, "keyCompromise")
    assert_event("campaign.changed", campaign, rule="3")


def test_another_clock_start_moves_the_clocks_of_the_scope():
    campaign = make.campaign()
    change_draft(campaign, actor=make.OPERATOR, now=NOW, clock_started_at=NOW - DAY)
    assert AffectedCertificate.objects.get().clock_started_at == NOW - DAY


def test_another_ladder_replaces_the_old_one():
    campaign = change_draft(draft(), actor=make.OPERATOR, now=NOW, steps=[StepPlan(0, "all")])
    assert campaign.steps.count() == 1


def test_a_change_voids_an_approval():
    campaign = make.campaign(state="approved")
    change_draft(campaign, actor=make.OPERATOR, now=NOW, title="Another title")
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    assert (campaign.approved_by, campaign.approved_at, campaign.approved_digest) == (None, None, "")
    assert_event("campaign.draft", campaign, actor=make.OPERATOR, because="the draft was changed")


def test_what_has_been_launched_is_not_changed():
    campaign = make.running_campaign()
    with pytest.raises(Refused, match="frozen"):
        change_draft(campaign, actor=make.OPERATOR, now=NOW, rule="3")
    campaign.refresh_from_db()
    assert campaign.rule == "12"


def test_a_change_that_is_refused_changes_nothing():
    campaign = make.campaign(state="approved")
    with pytest.raises(Refused, match="no item"):
        change_draft(campaign, actor=make.OPERATOR, now=NOW, rule="99")
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.APPROVED
    assert campaign.rule == "12"


@pytest.mark.parametrize(("was", "wanted"), [("drill", "live"), ("live", "drill")])
def test_a_drill_stays_a_drill_and_a_live_campaign_live(was, wanted):
    campaign = make.campaign(kind=was)
    with pytest.raises(Refused, match="stays that"):
        change_draft(campaign, kind=wanted, title="another", actor=make.OPERATOR, now=NOW)
    campaign.refresh_from_db()
    assert (campaign.kind, campaign.title) == (was, "basicConstraints not critical")
    change_draft(campaign, kind=was, title="another", actor=make.OPERATOR, now=NOW)
    assert campaign.title == "another"
