"""The pages of escalation policies, and the choice of one for a draft."""

from typing import Any

import pytest
from django.urls import reverse

from campaigns.models import EscalationPolicy
from campaigns.plan import default_ladder
from campaigns.services.policies import plans_of
from tests import make
from tests.asserts import events
from tests.conftest import FrozenClock, SignIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
ROW = {"value": "", "when": "after", "audience": "all", "channels": "mail", "template": "revocation", "lapses": ""}


def url(act: str, policy: EscalationPolicy | None = None) -> str:
    return reverse(f"admin:campaigns_escalationpolicy_{act}", args=[policy.pk] if policy else [])


def said(*rows: dict[str, Any], given: int = 0, **fields: Any) -> dict[str, Any]:
    """What a browser posts."""
    data = {
        "name": "Night",
        "window_hours": "24",
        "steps-TOTAL_FORMS": len(rows),
        "steps-INITIAL_FORMS": given,
        **fields,
    }
    for place, row in enumerate(rows):
        data |= {f"steps-{place}-{name}": value for name, value in (ROW | row).items()}
    return data


def test_a_policy_is_made_of_rows_in_any_order_and_empty_ones_are_left_out(sign_in: SignIn) -> None:
    rows = [{"value": "2", "when": "before", "channels": "sms, mail"}, {"value": "0", "audience": "primary"}, {}]
    answer = sign_in("olga", role="operator").post(url("new"), said(*rows, {"value": "25", "when": "share"}))
    policy = EscalationPolicy.objects.get(name="Night")
    assert answer["Location"] == url("change", policy)
    plans = plans_of(policy.steps.all())
    assert [each.audience for each in plans] == ["primary", "all", "all"]
    assert [each.share for each in plans] == [0, 0.25, None]
    assert plans[-1].channels == ("sms", "mail")
    assert events("policy.added", policy)[0].actor == "staff:olga"


def test_the_form_of_a_policy_saves_what_it_shows(sign_in: SignIn) -> None:
    client, policy = sign_in("olga", role="operator"), EscalationPolicy.objects.get(name="5 days")
    form = client.get(url("edit", policy)).context["form"]
    rows = [
        {name: row[name].value() or "" for name in ROW}
        | ({"on_every_channel": "on"} if row["on_every_channel"].value() else {})
        for row in form.steps.initial_forms
    ]
    data = said(*rows, given=len(rows), name="5 days", window_hours=form["window_hours"].value())
    assert client.post(url("edit", policy), data).status_code == 302
    policy.refresh_from_db()
    assert (policy.version, tuple(plans_of(policy.steps.all()))) == (2, default_ladder(policy.window))


def test_a_row_that_is_marked_is_removed(sign_in: SignIn) -> None:
    data = said({"value": "0"}, {"value": "1", "remove": "on"}, given=2)
    sign_in("olga", role="operator").post(url("new"), data)
    assert EscalationPolicy.objects.get(name="Night").steps.count() == 1


@pytest.mark.parametrize(
    ("rows", "fields", "why"),
    [
        ([], {}, "needs at least one step"),
        ([{"value": "0"}, {"value": "0"}], {}, "Is not later than the step before it"),
        ([{"value": "0"}, {"value": "24"}], {}, "it must be at 0 or later and before 1"),
        ([{"value": "-1"}], {}, "greater than or equal to 0"),
        ([{"value": "soon"}], {}, "Enter a number"),
        ([{"value": "0", "channels": "fax"}], {}, "There is no channel"),
        ([{"value": "0", "audience": "everybody"}], {}, "Select a valid choice"),
        ([{"value": "0", "audience": "account_manager"}], {}, "Has words for somebody else"),
        ([{"value": "0", "lapses": "1"}], {}, "it never lapses"),
        ([{"value": "0"}], {"window_hours": "0"}, "More than nothing"),
        ([{"value": "0"}], {"window_hours": "1e9"}, "at most 90 days"),
        ([{"value": "0"}], {"window_hours": "NaN"}, "Enter a number"),
        ([{"value": "0"}], {"name": ""}, "required"),
        ([{"value": "0"}], {"steps-TOTAL_FORMS": "x"}, "ManagementForm"),
        ([{"value": str(n)} for n in range(41)], {"window_hours": "48"}, "at most 40"),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_is_saved(
    rows: list[dict[str, Any]], fields: dict[str, Any], why: str, sign_in: SignIn
) -> None:
    answer = sign_in("olga", role="operator").post(url("new"), said(*rows, **fields))
    assert answer.status_code == 400
    assert why in answer.content.decode()
    assert EscalationPolicy.objects.count() == 2


def test_a_name_that_is_taken_is_refused_with_everything_kept(sign_in: SignIn) -> None:
    answer = sign_in("olga", role="operator").post(url("new"), said({"value": "0"}, {"value": "7"}, name="5 days"))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "already" in page
    assert 'value="7"' in page


def test_a_policys_page_shows_its_ladder_with_local_times(sign_in: SignIn) -> None:
    make.subscriber(time_zone="Asia/Shanghai")
    policy = EscalationPolicy.objects.get(name="24 hours")
    page = sign_in("rita", role="auditor").get(url("change", policy)).content.decode()
    assert "2024-03-19 10:30 UTC" in page
    assert "Asia/Shanghai" in page
    assert "Tue 19 Mar 18:30" in page
    assert "2 h before the deadline" in page
    assert url("edit", policy) not in page


def test_copying_choosing_and_retiring(sign_in: SignIn) -> None:
    client, policy = sign_in("olga", role="operator"), EscalationPolicy.objects.get(name="5 days")
    client.post(url("copy", policy), {"name": "Quiet"})
    copy = EscalationPolicy.objects.get(name="Quiet")
    assert client.post(url("retire", policy)).status_code == 409
    client.post(url("default", copy))
    client.post(url("retire", policy))
    assert list(EscalationPolicy.objects.order_by("name").values_list("name", "is_default", "is_retired")) == [
        ("24 hours", True, False),
        ("5 days", False, True),
        ("Quiet", True, False),
    ]
    client.post(url("bring-back", policy))
    assert not EscalationPolicy.objects.get(name="5 days").is_retired


@pytest.mark.parametrize("pk", ["0", "x", "99999999999999999999"])
def test_a_policy_that_is_not_there_is_not_found(pk: str, sign_in: SignIn) -> None:
    assert sign_in("olga", role="operator").get(f"/campaigns/escalationpolicy/{pk}/change/").status_code == 404


def test_a_draft_chooses_a_policy_and_takes_its_present_steps_later(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    client, campaign = sign_in("olga", role="operator"), make.campaign()
    client.post(url("new"), said({"value": "0"}, window_hours="120"))
    night = EscalationPolicy.objects.get(name="Night")
    act = reverse("admin:campaigns_campaign_ladder", args=[campaign.pk])
    assert client.post(act, {"policy": night.pk}).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.policy, campaign.steps.count()) == ("Night, version 1", 1)
    assert client.post(act, {"policy": "0"}).status_code == 400
