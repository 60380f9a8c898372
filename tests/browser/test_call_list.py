"""Two callers in Chromium work through the call list: nobody is rung by both, and each outcome takes two clicks."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from campaigns.models import AffectedSubscriber
from campaigns.services import mark_unreachable
from notices.models import Call
from notices.services import write_notices
from subscribers.models import SubscriberClass
from tests import make
from tests.browser.conftest import SignedIn, picture
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=23)


def _scene() -> None:
    """Three subscribers who have said nothing: a bank in Shanghai whose mail bounces, a town, a shop."""
    kinds = (
        ("Bank of Example", SubscriberClass.FINANCE, "zh-CN", "Asia/Shanghai", 62),
        ("City of Example", SubscriberClass.GOVERNMENT, "en", "Europe/Zurich", 18),
        ("Example Shop", SubscriberClass.STANDARD, "en", "Europe/London", 2),
    )
    rows = []
    for name, kind, language, zone, count in kinds:
        holder = make.subscriber(name, subscriber_class=kind, language=language, time_zone=zone)
        rows += make.certificates(count, holder)
    made = make.running_campaign(rows)
    affected = list(made.affected_subscribers.select_related("campaign", "subscriber").order_by("pk"))
    write_notices(affected, now=NOW)
    bank = affected[0]
    bank.subscriber.contacts.update(bounced_at=NOW, bounce_note="550 5.1.1 no such address")
    mark_unreachable(bank, actor="system", now=NOW)
    make.answer(
        affected[1],
        kind="auto_reply",
        sender="clerk@city.example",
        return_date="2024-03-28",
        substitutes=["deputy@city.example"],
        text="I am out of the office until 28 March. In urgent cases write to deputy@city.example.",
    )


def test_two_callers_work_through_the_list(signed_in: SignedIn, frozen_clock: FrozenClock) -> None:
    _scene()
    frozen_clock.now = LATER
    cleo, otto = signed_in("cleo", "caller"), signed_in("otto", "caller")
    for page in (cleo, otto):
        page.get_by_role("link", name="Call list").first.click()
        expect(page.get_by_text("3 subscribers to ring")).to_be_visible()
    picture(cleo, "calls-list")

    cleo.get_by_role("button", name="Ring Bank of Example").click()
    expect(cleo.get_by_text("It is your turn until")).to_be_visible()
    expect(cleo.get_by_text("贵方有 62 张证书").first).to_be_visible()
    picture(cleo, "calls-ringing")
    otto.get_by_role("button", name="Ring Bank of Example").click()
    expect(otto.get_by_text("cleo has been ringing Bank of Example")).to_be_visible()
    picture(otto, "calls-refused")
    otto.get_by_role("link", name="Call list").first.click()
    expect(otto.get_by_text("cleo is ringing")).to_be_visible()
    picture(otto, "calls-taken")

    otto.get_by_role("button", name="Ring City of Example").click()
    otto.get_by_role("button", name="Voice mail").click()
    expect(otto.get_by_text("City of Example: voice mail. Next call: 2024-03-20 09:30 UTC.")).to_be_visible()
    cleo.get_by_role("button", name="Promised by").click()
    expect(cleo.get_by_text("Bank of Example: promised by a moment.")).to_be_visible()
    expect(cleo.get_by_text("1 subscriber to ring")).to_be_visible()

    cleo.get_by_role("button", name="Ring Example Shop").click()
    cleo.get_by_label("Note").fill("A private person, knows nothing of it")
    cleo.get_by_role("button", name="Wrong number").click()
    cleo.get_by_role("button", name="Ring Example Shop").click()
    expect(cleo.get_by_text("Found wrong, not offered again")).to_be_visible()
    picture(cleo, "calls-after-wrong-number")
    cleo.get_by_role("button", name="Reached").click()
    expect(cleo.get_by_text("Nobody is left to ring now")).to_be_visible()
    picture(cleo, "calls-nobody-left")

    assert sorted(Call.objects.values_list("called_by", "outcome")) == [
        ("staff:cleo", "promised"), ("staff:cleo", "reached"), ("staff:cleo", "wrong_number"),
        ("staff:otto", "message_left"),
    ]  # fmt: skip
    told = AffectedSubscriber.objects.filter(acknowledged_at=LATER, unreachable_since=None)
    assert sorted(told.values_list("subscriber__name", flat=True)) == ["Bank of Example", "Example Shop"]


def test_a_caller_adds_the_substitute_that_an_automatic_reply_names(
    signed_in: SignedIn, frozen_clock: FrozenClock, tmp_path: Path
) -> None:
    _scene()
    frozen_clock.now = LATER
    row = AffectedSubscriber.objects.select_related("campaign").get(subscriber__name="City of Example")
    make.answer(row, sender="mayor@city.example", text="Who are you? We will not replace anything.\nThe Mayor")
    page = signed_in("cleo", "caller")
    picture(page, "calls-dashboard")
    page.get_by_role("link", name="At risk").first.click()
    expect(page.get_by_text("an automatic reply from clerk@city.example (back 2024-03-28")).to_be_visible()
    picture(page, "calls-board")
    page.get_by_role("link", name="City of Example").first.click()
    picture(page, "calls-subscriber")
    page.get_by_role("link", name="add this address as a contact").click()
    page.get_by_role("button", name="Add this contact").click()
    expect(page.get_by_role("cell", name="deputy@city.example").first).to_be_visible()
    page.get_by_role("button", name="Dealt with").first.click()
    expect(page.get_by_text("dealt with by cleo")).to_be_visible()
    with page.expect_download() as found:
        page.get_by_text("Proof of notice ▾").click()
        page.get_by_role("link", name="One HTML file").click()
    assert re.fullmatch(r"proof-of-notice-S-\d{6}-[0-9a-f]{8}\.html", found.value.suggested_filename)
    found.value.save_as(tmp_path / "proof.html")
    sheet = page.context.new_page()
    sheet.goto((tmp_path / "proof.html").as_uri())
    expect(sheet.get_by_role("heading", name="Proof of notice")).to_be_visible()
    picture(sheet, "calls-proof")
