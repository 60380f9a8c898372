"""A subscriber answers in Chromium: on a phone, without JavaScript, in light and in dark."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import AffectedSubscriber
from campaigns.services import request_revocation
from tests import pki
from tests.campaigns import visitors
from tests.campaigns.visitors import link, new_leaf, states
from tests.conftest import FrozenClock

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 900}


def _picture(page: Page, name: str) -> None:
    """Keep a picture for people to look at, if the environment names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def _fits(page: Page) -> bool:
    return bool(page.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth"))


@pytest.fixture
def subscriber(live_server: LiveServer, frozen_clock: FrozenClock) -> AffectedSubscriber:
    """A subscriber with some certificates, one of them with a very long name, 31 hours before the deadline."""
    owner = visitors.subscriber()
    for number in range(5):
        visitors.registered(visitors.leaf(f"www{number}.s1.example", f"{number}.s1.example"), owner)
    long_name = f"{'a-very-long-label-of-a-host' * 2}.{'of-a-department' * 3}.s1.example"
    visitors.registered(visitors.leaf(long_name, subject=pki.name("long")), owner)
    made = visitors.launch([owner], explanation_url="https://ca.example/incidents/2024-03").affected_subscribers.get()
    frozen_clock.move(timedelta(days=5) - timedelta(hours=31))
    return made


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A phone without JavaScript."""
    with browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=live_server.url) as context:  # type: ignore[arg-type]
        yield context.new_page()


def test_a_subscriber_acknowledges_and_confirms_on_a_phone_without_javascript(
    phone: Page, subscriber: AffectedSubscriber
) -> None:
    phone.goto(link(subscriber))
    expect(phone.get_by_role("heading", level=1)).to_have_text(
        "6 certificates of Example Bank S1 will be revoked in 31 hours"
    )
    phone.get_by_role("button", name="We have read this").click()
    expect(phone.get_by_role("status")).to_contain_text("Thank you")
    phone.get_by_label("www0.s1.example").check()
    phone.get_by_label("www2.s1.example").check()
    phone.get_by_role("button", name="The ticked ones are replaced").click()
    expect(phone.get_by_role("status")).to_contain_text("2 certificates are noted as replaced")
    subscriber.refresh_from_db()
    assert subscriber.acknowledged_at is not None
    assert states(subscriber) == ["confirmed", "outstanding", "confirmed", "outstanding", "outstanding", "outstanding"]


def test_a_subscriber_asks_for_revocation_without_javascript(phone: Page, subscriber: AffectedSubscriber) -> None:
    phone.goto(link(subscriber))
    phone.get_by_label("www1.s1.example").check()
    phone.get_by_role("button", name="Revoke the ticked ones early").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Revoke 1 certificate early")
    phone.get_by_label("At this time").check()
    phone.get_by_label("Date and time").fill("2024-03-24T02:00")
    phone.get_by_role("button", name="Ask for the revocation of 1 certificate").click()
    expect(phone.get_by_role("status")).to_contain_text("Sunday 24 March 2024, 02:00 (Asia/Shanghai)")
    asked = subscriber.certificates.exclude(revocation_requested_at=None)
    assert [row.certificate.names[0] for row in asked] == ["www1.s1.example"]


def test_a_subscriber_uploads_a_certificate_without_javascript(
    phone: Page, subscriber: AffectedSubscriber, tmp_path: Path
) -> None:
    file = tmp_path / "new.pem"
    file.write_bytes(pki.pem(new_leaf("www3.s1.example", "3.s1.example")))
    phone.goto(link(subscriber))
    phone.get_by_label("Files").set_input_files(file)
    phone.get_by_role("button", name="Send the new certificates").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("1 certificate is now replaced")
    assert states(subscriber)[3] == "replaced"


def test_every_page_fits_a_width_of_320_pixels(
    browser: Browser, live_server: LiveServer, subscriber: AffectedSubscriber
) -> None:
    asked_for = subscriber.campaign.deadline - timedelta(hours=2)
    request_revocation(
        subscriber,
        certificates=visitors.keys(subscriber)[:1],
        at=asked_for,
        reason="unspecified",
        actor="contact:1",
        now=asked_for - timedelta(hours=9),
    )
    with browser.new_context(viewport=PHONE, base_url=live_server.url) as context:  # type: ignore[arg-type]
        page = context.new_page()
        for act in ("", "contact/", "replace/"):
            page.goto(link(subscriber, act))
            assert _fits(page), act
        page.goto(link(subscriber))
        for summary in page.locator("summary").all():
            summary.click()
        assert _fits(page)
        page.get_by_role("button", name="Revoke all 6").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Revoke 6 certificates early")
        assert _fits(page)
        page.goto("/respond/x/")
        assert _fits(page)


def test_nothing_is_asked_of_any_other_host_and_no_rule_of_the_page_is_broken(
    browser: Browser, live_server: LiveServer, subscriber: AffectedSubscriber
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    with browser.new_context(viewport=DESKTOP, base_url=live_server.url) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer', '')}"))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(link(subscriber))
        page.get_by_role("button", name="We have read this").click()
        expect(page.get_by_role("status")).to_contain_text("Thank you")
    token = link(subscriber).split("/")[2]
    assert any(".css" in each for each in asked)
    assert all(each.startswith((live_server.url, "data:")) for each in asked)
    assert not [each for each in asked if token in each.split(" ")[1]]
    assert complaints == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_state_of_each_certificate_is_a_word_and_readable(
    browser: Browser, live_server: LiveServer, subscriber: AffectedSubscriber, size: str, colours: str
) -> None:
    rows = list(subscriber.certificates.order_by("pk"))
    type(rows[0]).objects.filter(pk=rows[1].pk).update(published_at=subscriber.campaign.launched_at)
    type(rows[0]).objects.filter(pk=rows[2].pk).update(not_after=subscriber.campaign.launched_at)
    viewport = PHONE if size == "phone" else DESKTOP
    with browser.new_context(viewport=viewport, color_scheme=colours, base_url=live_server.url) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(link(subscriber))
        _picture(page, f"respond-{size}-{colours}")
        words = page.locator("td .state").all_inner_texts()
        assert words == ["outstanding", "revoked", "expired", "outstanding", "outstanding", "outstanding"]
        for selector in (".state", "p", "button", "a", "summary", "th", ".note"):
            assert min(page.locator(selector).evaluate_all(CONTRAST), default=21) >= 4.5, selector


CONTRAST = """elements => elements.map(element => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = rgb => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element, colour = [0, 0, 0, 0];
  while (behind && (colour.length > 3 && colour[3] === 0)) {
    colour = parse(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(colour)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
})"""
"""The contrast of each element's text against what is behind it (WCAG 2.2, 1.4.3)."""
