"""A policy is edited in a browser, and a draft takes it over."""

import re

import pytest
from playwright.sync_api import expect

from campaigns.models import EscalationPolicy
from tests import make
from tests.browser.conftest import SignedIn, picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_operator_edits_a_policy_and_a_draft_takes_it_over(signed_in: SignedIn) -> None:
    holders = [make.subscriber(time_zone=zone) for zone in ("Asia/Shanghai", "Asia/Shanghai", "Europe/Zurich")]
    campaign = make.campaign([make.certificate(each) for each in holders], rule="3")
    page = signed_in("olga", "operator", viewport={"width": 1440, "height": 1000})
    page.get_by_role("link", name="Escalation policies").click()
    picture(page, "policies")
    page.get_by_role("link", name="24 hours", exact=True).click()
    expect(page.get_by_text("Asia/Shanghai").first).to_be_visible()
    picture(page, "policy")

    page.get_by_role("link", name="Edit the policy").click()
    page.get_by_label("At, row 8").fill("4")
    page.get_by_label("Channels, in order, row 8").fill("mail, fax")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("There is no channel 'fax'")).to_be_visible()
    picture(page, "policy-wrong")
    page.get_by_label("Channels, in order, row 8").fill("mail, sms")
    page.get_by_label("At, row 8").fill("6")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Saved: 24 hours, version 2.")).to_be_visible()
    expect(page.get_by_text("6 h in, 25 % of the time")).to_be_visible()
    policy = EscalationPolicy.objects.get(name="24 hours")
    assert (policy.steps.count(), policy.steps.get(order=3).channels) == (8, ["mail", "sms"])

    page.goto(f"/campaigns/{campaign.public_id}/")
    expect(page.get_by_text("from the policy 24 hours, version 1")).to_be_visible()
    picture(page, "preparation-with-ladder")
    page.get_by_role("link", name="Choose the ladder").click()
    page.get_by_label("Escalation policy").select_option(label="24 hours")
    picture(page, "choose-ladder")
    page.get_by_role("button", name=re.compile("present steps")).click()
    expect(page.get_by_text("from the policy 24 hours, version 2")).to_be_visible()

    page.get_by_role("link", name="for one subscriber by name").click()
    page.get_by_label("Reference").fill(holders[0].reference)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("person", exact=False).first).to_be_visible()
    picture(page, "ladder-page")
