"""The console in Chromium: one drafts and imports, another approves, launch, and the page keeps itself up to date."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Campaign
from campaigns.services import mark_published, take_snapshot
from tests import make
from tests.browser.conftest import SignedIn, picture
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_drafts_another_approves_launch_and_the_page_follows(
    signed_in: SignedIn, frozen_clock: FrozenClock, tmp_path: Path
) -> None:
    scope = tmp_path / "scope.txt"
    scope.write_text("\n".join([*(row.fingerprint_sha256 for row in make.certificates_of(4)), "0" * 64]))
    operator, approver = signed_in("olga", "operator"), signed_in("anna", "approver")

    operator.get_by_role("link", name="Draft a campaign").click()
    operator.get_by_label("Title").fill("basicConstraints not critical")
    operator.get_by_label("Rule item").select_option("12")
    operator.get_by_label("Clock start").fill("2024-03-19T08:30:00")
    operator.get_by_label("Explanation").fill("These certificates were issued with a fault of ours.")
    expect(operator.get_by_text("superseded (4)").first).to_be_visible()
    expect(operator.get_by_text("2024-03-24 08:30:00 UTC")).to_be_visible()
    picture(operator, "console-draft")
    operator.get_by_role("button", name="Save the draft").click()

    operator.get_by_role("link", name="Import the scope").click()
    operator.get_by_label("Files").set_input_files(scope)
    operator.get_by_role("button", name="Look at these files").click()
    expect(operator.get_by_text("nothing has been written")).to_be_visible()
    operator.get_by_role("button", name="Import 4 certificates").click()
    expect(operator.get_by_text("4 certificates, version 1")).to_be_visible()
    expect(operator.get_by_role("link", name="Approve this scope")).to_have_count(0)

    approver.goto(operator.url)
    approver.get_by_role("link", name="Approve this scope").click()
    approver.get_by_label("How many certificates").fill("5")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("You typed 5, but the scope has 4 certificates.")).to_be_visible()
    picture(approver, "console-approve")
    approver.get_by_label("How many certificates").fill("4")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("Approved: 4 certificates")).to_be_visible()

    operator.reload()
    operator.get_by_role("link", name="Launch").click()
    operator.get_by_role("button", name="Launch now").click()
    remaining = operator.locator('[data-number="certificates.remaining"]')
    expect(remaining).to_have_text("4")
    expect(operator.locator("[data-chart] canvas")).to_be_visible()

    campaign = Campaign.objects.get()
    rows = list(campaign.affected_certificates.order_by("pk"))
    frozen_clock.move(timedelta(hours=20))
    mark_published(rows[:3], at=frozen_clock.now, now=frozen_clock.now)
    take_snapshot(campaign, now=frozen_clock.now)
    expect(remaining).to_have_text("1", timeout=10_000)
    expect(operator.locator('[data-number="certificates.revoked"]')).to_have_text("3")
    expect(operator.get_by_text("affectedcertificate.published").first).to_be_visible(timeout=15_000)
    picture(operator, "console-progress")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1024)])
def test_the_progress_page_fits_in_light_and_dark(signed_in: SignedIn, scheme: str, width: int) -> None:
    campaign = make.running_campaign([*make.certificates_of(12), *make.certificates_of(3)])
    page = signed_in("olga", "operator", viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"/campaigns/{campaign.public_id}/")
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    assert page.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.locator("html").evaluate("e => e.classList.contains('dark')") is (scheme == "dark")
    picture(page, f"console-progress-{scheme}-{width}")


def test_without_javascript_the_numbers_and_a_table_stay(
    browser: Browser, live_server: LiveServer, signed_in: SignedIn
) -> None:
    campaign = make.running_campaign(make.certificates_of(3))
    page = signed_in("olga", "operator")
    state = page.context.storage_state()
    with browser.new_context(base_url=live_server.url, java_script_enabled=False, storage_state=state) as context:
        plain = context.new_page()
        plain.goto(f"/campaigns/{campaign.public_id}/")
        expect(plain.locator('[data-number="certificates.remaining"]')).to_be_visible()
        expect(plain.locator('[data-number="certificates.remaining"]')).to_have_text("3")
        expect(plain.get_by_role("columnheader", name="Needed pace")).to_be_visible()
        expect(plain.get_by_role("cell", name=f"{NOW:%Y-%m-%d %H:%M} UTC").first).to_be_visible()


def test_a_page_that_gets_no_answer_says_that_its_numbers_are_old(signed_in: SignedIn) -> None:
    campaign = make.running_campaign()
    page = signed_in("olga", "operator")
    page.goto(f"/campaigns/{campaign.public_id}/")
    expect(page.get_by_text("keeps itself up to date")).to_be_visible()
    page.route("**/progress.json", lambda route: route.abort())
    expect(page.get_by_text("these numbers are old")).to_be_visible(timeout=10_000)
    page.unroute("**/progress.json")
    expect(page.get_by_text("keeps itself up to date")).to_be_visible(timeout=10_000)
