"""An addition in Chromium: one looks and proposes, another approves, and the page of the campaign tells of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import make
from tests.browser.conftest import SignedIn, picture
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_proposes_and_another_approves(signed_in: SignedIn, frozen_clock: FrozenClock, tmp_path: Path) -> None:
    campaign = make.running_campaign(make.certificates_of(6))
    found = tmp_path / "found-later.txt"
    found.write_text("\n".join([*(row.fingerprint_sha256 for row in make.certificates_of(3)), "0" * 64]))
    frozen_clock.now = NOW + timedelta(hours=30)
    operator, approver = signed_in("omar", "operator"), signed_in("anna", "approver")

    operator.get_by_role("link", name=campaign.title).first.click()
    operator.get_by_role("link", name="Propose an addition").click()
    operator.get_by_label("Files").set_input_files(found)
    operator.get_by_label("Clock start").fill("2024-03-20T12:00:00")
    operator.get_by_label("Why only now").fill("A second profile of the same issuer had the fault.")
    operator.get_by_role("button", name="Look at these files").click()
    expect(operator.get_by_text("2024-03-25 12:00:00 UTC")).to_be_visible()
    picture(operator, "console-addition-look")
    operator.get_by_role("button", name="Propose 3 certificates").click()
    expect(operator.get_by_text("waits for a second person")).to_be_visible()

    approver.reload()
    expect(approver.get_by_text("Additions that wait for a second person")).to_be_visible()
    picture(approver, "console-addition-dashboard")
    approver.get_by_role("link", name="look at it").click()
    approver.get_by_label("How many certificates").fill("3")
    picture(approver, "console-addition-approve")
    approver.get_by_role("button", name="Approve these revocations").click()
    expect(approver.get_by_text("Approved: 3 certificates are revoked by 2024-03-25 12:00 UTC")).to_be_visible()
    expect(approver.locator('[data-number="certificates.scope"]')).to_have_text("9")
    expect(approver.get_by_text("deadline of an addition")).to_be_visible()
    picture(approver, "console-addition-page")
