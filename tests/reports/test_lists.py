"""The lists behind the numbers."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Campaign
from campaigns.services import confirm_replacement, mark_published, mark_unreachable
from notices.models import Notice
from notices.services import record_call, write_notices
from reports.lists import CERTIFICATE_PARTS, keyset
from revocation.services import schedule_revocations
from subscribers.models import SubscriberClass
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(sign_in: SignIn, frozen_clock: FrozenClock) -> Client:
    """The console of an operator."""
    return sign_in("olga", role="operator")


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(b"".join(answer).decode().splitlines()))


def test_each_part_lists_exactly_its_certificates(olga: Client) -> None:
    campaign = make.running_campaign(make.certificates_of(5))
    rows = list(campaign.affected_certificates.order_by("pk"))
    mark_published(rows[:2], at=NOW, now=NOW)
    affected = rows[2].affected_subscriber
    confirm_replacement(affected, certificates=[rows[2].pk], actor="contact:1", now=NOW)
    numbers = olga.get(f"/campaigns/{campaign.public_id}/progress.json").json()["certificates"]
    for part in CERTIFICATE_PARTS:
        listed = rows_of(olga.get(f"/campaigns/{campaign.public_id}/certificates/?part={part}&format=csv"))
        assert len(listed) == numbers[part], part
        assert olga.get(f"/campaigns/{campaign.public_id}/certificates/?part={part}").status_code == 200


def test_each_step_lists_exactly_its_subscribers(olga: Client) -> None:
    campaign = make.running_campaign([make.certificate() for _ in range(3)])
    mark_unreachable(campaign.affected_subscribers.order_by("pk")[0], actor="system", now=NOW)
    numbers = olga.get(f"/campaigns/{campaign.public_id}/progress.json").json()["subscribers"]
    for part, count in numbers.items():
        listed = rows_of(olga.get(f"/campaigns/{campaign.public_id}/subscribers/?part={part}&format=csv"))
        assert len(listed) == count, part


def test_a_part_that_does_not_exist_is_answered_with_400(olga: Client) -> None:
    campaign = make.running_campaign()
    assert olga.get(f"/campaigns/{campaign.public_id}/certificates/?part=nonsense").status_code == 400
    assert olga.get(f"/campaigns/{campaign.public_id}/subscribers/?part=nonsense").status_code == 400


@pytest.mark.parametrize(
    "search", ["after=zzz", "after=-1", "after=99999999999999999999", "q=%00", "class=nonsense", "issuer=x"]
)
def test_odd_questions_get_an_empty_list_and_no_failure(search: str, olga: Client) -> None:
    campaign = make.running_campaign()
    assert olga.get(f"/campaigns/{campaign.public_id}/certificates/?{search}").status_code == 200
    assert olga.get(f"/campaigns/{campaign.public_id}/subscribers/?{search}").status_code == 200


def test_pages_follow_each_other_without_gap_or_overlap(olga: Client) -> None:
    campaign = make.running_campaign(make.certificates_of(7))
    seen: list[int] = []
    after = 0
    while True:
        page = keyset(campaign.affected_certificates.all(), after=after, size=3)
        seen += [row.pk for row in page.rows]
        if not page.after:
            break
        after = page.after
    assert seen == sorted(campaign.affected_certificates.values_list("pk", flat=True))


@pytest.mark.parametrize("how", ["serial", "colons", "fingerprint", "name", "subscriber"])
def test_a_certificate_is_found_by(how: str, olga: Client) -> None:
    wanted = make.certificate(make.subscriber("Example Bank"), names=["www.findme.example"])
    campaign = make.running_campaign([wanted, *make.certificates_of(3)])
    serial = wanted.serial_number
    padded = serial if len(serial) % 2 == 0 else f"0{serial}"
    text = {
        "serial": serial,
        "colons": ":".join(padded[i : i + 2] for i in range(0, len(padded), 2)).upper(),
        "fingerprint": wanted.fingerprint_sha256,
        "name": "FINDME",
        "subscriber": "example ba",
    }[how]
    url = f"/campaigns/{campaign.public_id}/certificates/"
    listed = rows_of(olga.get(url, {"part": "scope", "q": text, "format": "csv"}))
    assert [row["serial_number"] for row in listed] == [serial]


def test_no_cell_of_the_csv_can_be_mistaken_for_a_formula(olga: Client) -> None:
    campaign = make.running_campaign([make.certificate(make.subscriber('=cmd|"/c calc"!A1'))])
    row = rows_of(olga.get(f"/campaigns/{campaign.public_id}/certificates/?format=csv"))[0]
    assert row["subscriber"].startswith("'=")


def test_a_name_of_a_subscriber_is_never_markup(olga: Client) -> None:
    campaign = make.running_campaign([make.certificate(make.subscriber("<script>alert(1)</script>"))])
    affected = campaign.affected_subscribers.get()
    for path in ("", "certificates/", "subscribers/", "at-risk/", f"subscribers/{affected.public_id}/"):
        page = olga.get(f"/campaigns/{campaign.public_id}/{path}").content.decode()
        assert "<script>alert" not in page, path
        assert "&lt;script&gt;alert" in page, path


def test_the_board_puts_the_unreachable_and_the_graver_class_first(olga: Client) -> None:
    plain, bank, town, lost = (
        make.subscriber(name, subscriber_class=kind)
        for name, kind in (
            ("Plain", SubscriberClass.STANDARD),
            ("Bank", SubscriberClass.FINANCE),
            ("Town", SubscriberClass.GOVERNMENT),
            ("Lost", SubscriberClass.STANDARD),
        )
    )
    campaign = make.running_campaign([make.certificate(each) for each in (plain, bank, town, lost)])
    for contact in lost.contacts.all():
        contact.bounced_at = NOW
        contact.save()
    mark_unreachable(campaign.affected_subscribers.get(subscriber=lost), actor="system", now=NOW)
    cases = olga.get(f"/campaigns/{campaign.public_id}/progress.json").json()["at_risk"]
    assert [case["subscriber"] for case in cases] == ["Lost", "Town", "Bank", "Plain"]
    assert cases[0]["why"] == "every contact bounced: 2 addresses"
    assert cases[1]["why"] == "no notice has gone out yet"
    assert cases[1]["phone"] == town.contacts.order_by("rank")[0].phone
    page = olga.get("/at-risk/").content.decode()
    assert page.index("Lost") < page.index("Town") < page.index("Bank") < page.index("Plain")


def test_the_board_says_what_was_tried_and_rings_the_next_contact(olga: Client, frozen_clock: FrozenClock) -> None:
    affected, _ = make.affected()
    write_notices([affected], now=NOW)
    Notice.objects.update(state="sent", sent_at=NOW)
    first, second = affected.subscriber.contacts.order_by("rank")
    record_call(affected, contact=first, outcome="no_answer", actor="staff:carl", now=NOW)
    frozen_clock.move(timedelta(hours=26))
    case = olga.get(f"/campaigns/{affected.campaign.public_id}/progress.json").json()["at_risk"][0]
    assert case["tried"] == "mail ×1, call ×1: no answer"
    assert case["why"] == "no answer for 26 h"
    assert case["phone"] == second.phone


def test_a_subscribers_page_shows_everything_and_its_notices_as_sent(olga: Client) -> None:
    affected, rows = make.affected(2)
    write_notices([affected], now=NOW)
    schedule_revocations(now=NOW)
    notice = Notice.objects.get()
    page = olga.get(f"/campaigns/{affected.campaign.public_id}/subscribers/{affected.public_id}/").content.decode()
    for text in (notice.address, rows[0].certificate.serial_number, "Write down a call", "revoke early", "scheduled"):
        assert text in page
    shown = olga.get(f"/notices/notice/{notice.pk}/change/").content.decode()
    assert notice.message_id.strip("<>") in shown
    assert "WHAT TO DO" in shown.upper()


def test_a_notice_is_shown_without_the_link_that_answers_for_the_subscriber(olga: Client) -> None:
    affected, _ = make.affected()
    write_notices([affected], now=NOW)
    notice = Notice.objects.get()
    token = notice.body_text.partition("/respond/")[2].partition("/")[0]
    assert len(token) > 20
    for path in (f"/notices/notice/{notice.pk}/change/", f"/notices/notice/{notice.pk}/html/"):
        page = olga.get(path).content.decode()
        assert "(personal link)" in page
        assert token not in page
        assert affected.public_id.hex not in page


def test_a_notice_is_framed_without_rights(olga: Client) -> None:
    affected, _ = make.affected()
    write_notices([affected], now=NOW)
    answer = olga.get(f"/notices/notice/{Notice.objects.get().pk}/html/")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_subscriber_of_another_campaign_is_not_found(olga: Client) -> None:
    affected, _ = make.affected()
    other: Campaign = make.running_campaign()
    assert olga.get(f"/campaigns/{other.public_id}/subscribers/{affected.public_id}/").status_code == 404


def test_the_journal_is_paged_and_filtered_by_verb(olga: Client) -> None:
    campaign = make.running_campaign(make.certificates_of(60))
    mark_published(list(campaign.affected_certificates.all()), at=NOW, now=NOW)
    url = f"/campaigns/{campaign.public_id}/journal/"
    first = olga.get(url, {"verb": "affectedcertificate.published"}).content.decode()
    assert first.count('<td class="rowhead">affectedcertificate.published') == 50
    assert "older events" in first
    before = first.partition("?before=")[2].partition("&")[0]
    second = olga.get(url, {"verb": "affectedcertificate.published", "before": before}).content.decode()
    assert second.count('<td class="rowhead">affectedcertificate.published') == 10
    assert "campaign.drafted" in olga.get(url, {"verb": "campaign"}).content.decode()


def test_events_can_be_read_and_nothing_else(olga: Client, sign_in: SignIn) -> None:
    make.running_campaign()
    root = sign_in("root", superuser=True)
    assert "campaign.drafted" in root.get("/audit/event/").content.decode()
    for path in ("add/", "1/delete/"):
        assert root.post(f"/audit/event/{path}", {"post": "yes"}).status_code == 403
    before = root.get("/audit/event/1/change/").content.decode()
    assert root.post("/audit/event/1/change/", {"verb": "nothing.happened"}).status_code == 403
    assert "nothing.happened" not in before
    assert "nothing.happened" not in root.get("/audit/event/1/change/").content.decode()
