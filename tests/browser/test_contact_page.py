"""A contact verifies itself in Chromium, and an operator sees it in the census."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from notices import tasks
from notices.models import Letter
from subscribers.models import Contact
from subscribers.services import start_round
from tests import make
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 900}


def _picture(page: Page, name: str) -> None:
    """Keep a picture for people to look at, if the environment names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def _fits(page: Page) -> bool:
    return bool(page.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth"))


@contextmanager
def _signed_in(browser: Browser, live_server: LiveServer, sign_in: Callable[..., Client]) -> Iterator[Page]:
    """The console, as an operator sees it."""
    cookie = sign_in("olga", role="operator").cookies["sessionid"].value
    with browser.new_context(viewport=DESKTOP, base_url=live_server.url) as context:  # type: ignore[arg-type]
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        yield context.new_page()


@pytest.fixture
def link(live_server: LiveServer, frozen_clock: FrozenClock) -> str:
    """The address in the letter to a contact who is asked in a round."""
    bank = make.subscriber("Example Bank", contacts=1, subscriber_class="finance")
    make.certificate(bank, fields={"not_after": NOW + timedelta(days=90)})
    start_round("Verification 2024", whom="all", actor="staff:olga", now=NOW)
    tasks.write_letters()
    return next(line for line in Letter.objects.get().body_text.splitlines() if "/contact/" in line).partition(
        "/contact"
    )[2]


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A phone without JavaScript."""
    with browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=live_server.url) as context:  # type: ignore[arg-type]
        yield context.new_page()


def test_a_contact_verifies_itself_on_a_phone_without_javascript(phone: Page, link: str) -> None:
    phone.goto(f"/contact{link}")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Example Bank")
    _picture(phone, "contact-page-phone")
    assert _fits(phone)
    phone.get_by_role("button", name="I am still the right person").click()
    expect(phone.get_by_role("status")).to_contain_text("Thank you")
    contact = Contact.objects.get()
    assert contact.verified_at == NOW
    assert contact.checks.get().answer == "still"
    phone.get_by_role("link", name="Add a colleague").click()
    phone.get_by_label("Name").fill("Li Na")
    phone.get_by_label("E-mail address").fill("li.na@bank.example")
    phone.get_by_role("button", name="Add this colleague").click()
    expect(phone.get_by_role("status")).to_contain_text("li.na@bank.example will be told as well")
    phone.get_by_role("link", name="Give a commitment").click()
    phone.get_by_label("within 24 hours").check()
    phone.get_by_label("Your name and function").fill("Wang Wei, CISO")
    _picture(phone, "contact-promise-phone")
    phone.get_by_role("button", name="Give this commitment").click()
    expect(phone.locator("#promise")).to_contain_text("Within 24 hours, says Wang Wei, CISO")
    assert _fits(phone)
    _picture(phone, "contact-done-phone")
    phone.get_by_role("link", name="中文").click()
    expect(phone.locator("html")).to_have_attribute("lang", "zh-hans")
    assert _fits(phone)
    _picture(phone, "contact-done-phone-zh")


def test_whoever_has_left_names_a_successor_without_javascript(phone: Page, link: str) -> None:
    phone.goto(f"/contact{link}")
    phone.get_by_role("link", name="No, I am no longer the right person").click()
    assert _fits(phone)
    _picture(phone, "contact-left-phone")
    phone.get_by_label("E-mail address of the person who follows").fill("heir@bank.example")
    phone.get_by_role("button", name="I am no longer the right person").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert Contact.objects.own().get().email == "heir@bank.example"
    phone.goto(f"/contact{link}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("This link is no longer valid")


def test_an_operator_sees_the_census_change(
    browser: Browser, live_server: LiveServer, link: str, sign_in: Callable[..., Client]
) -> None:
    with _signed_in(browser, live_server, sign_in) as page:
        page.goto("/census/")
        expect(page.locator(".c-big").first).to_have_text("0.0 %")
        for place in range(2):
            make.contact(Contact.objects.all()[0].subscriber, rank=place + 1, verified_at=NOW)
        page.reload()
        expect(page.locator(".c-big").first).to_have_text("100.0 %")
        _picture(page, "census")
        page.get_by_role("link", name="1", exact=True).first.click()
        expect(page.locator("tbody")).to_contain_text("Example Bank")
        _picture(page, "census-list")
        page.get_by_role("link", name="Example Bank").click()
        expect(page.locator("body")).to_contain_text("never verified")
        _picture(page, "census-subscriber")
        page.get_by_role("link", name="Channels and language").first.click()
        expect(page.get_by_label("Takes sms")).to_be_visible()
        _picture(page, "census-contact")


def test_an_operator_looks_at_a_file_before_it_is_written(
    browser: Browser, live_server: LiveServer, frozen_clock: FrozenClock, sign_in: Callable[..., Client], tmp_path: Path
) -> None:
    make.subscriber("Example Bank", contacts=0, reference="B-1")
    file = tmp_path / "people.csv"
    file.write_text("subscriber,email,name,phone,sms\nB-1,li@bank.example,Li Na,+86 10 1234,yes\n")
    holders = tmp_path / "holders.csv"
    holders.write_text("reference,name,class\nB-1,Bank of Examples,finance\n")
    with _signed_in(browser, live_server, sign_in) as page:
        page.goto("/subscribers/subscriber/")
        page.get_by_role("link", name="Import", exact=True).click()
        page.get_by_label("Files").set_input_files([file, holders])
        page.get_by_role("button", name="Look at these files").click()
        expect(page.get_by_role("heading", name="What these files would do")).to_be_visible()
        expect(page.locator("table").last).to_contain_text("Bank of Examples")
        _picture(page, "import-preview")
        assert not Contact.objects.exists()
        page.get_by_role("button", name="Write these 2 changes").click()
        expect(page.locator("body")).to_contain_text("contacts: 1 new")
        _picture(page, "import-done")
    assert Contact.objects.get().takes_sms
