"""The subscriber's page shows: what, why, until when, what to do; and it keeps to itself."""

import csv
import io
import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils.html import escape

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.services import (
    approve_exclusion,
    cancel_campaign,
    complete_campaign,
    mark_published,
    request_cancel,
    request_exclusion,
)
from campaigns.views import PAGE
from core.redaction import HideTokens
from tests.campaigns import visitors
from tests.campaigns.visitors import DEADLINE, link
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def _text(client: Client, path: str) -> str:
    """The words of a page, without its tags."""
    page = client.get(path)
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def _publish(of: AffectedSubscriber, *, at: object = None) -> None:
    rows = list(AffectedCertificate.objects.filter(affected_subscriber=of).select_related("campaign", "certificate"))
    mark_published(rows, at=at or NOW + HOUR, now=at or NOW + HOUR)  # type: ignore[arg-type]


def test_the_page_says_what_why_until_when_and_what_to_do(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(3)
    frozen_clock.move(timedelta(days=5) - timedelta(hours=31))
    text = _text(client, link(of))
    places = [
        text.index(words)
        for words in (
            "3 certificates of Example Bank S1 will be revoked in 31 hours",
            "They were issued with a fault of ours",
            "leave us 5 days and no exceptions",
            "Sunday 24 March 2024, 16:30 (Asia/Shanghai), 08:30 UTC",
            "What to do",
            "Get new certificates",
        )
    ]
    assert places == sorted(places)


def test_the_page_gives_the_rule_the_clause_and_a_way_to_check_it(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1, explanation_url="https://ca.example/incident")
    with override_settings(NOTICE_PHONE="+86 10 1234", AGREEMENT_CLAUSE="section 9 of your agreement"):
        text = _text(client, link(of))
    assert "item 12: The CA is made aware that the Certificate was not issued in accordance" in text
    assert "section 9 of your agreement" in text
    assert "Is this message genuine?" in text
    assert "+86 10 1234" in text
    assert "https://ca.example/incident" in text


def test_every_certificate_is_listed_with_names_serial_number_expiry_and_state(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(2)
    text = _text(client, link(of))
    for row in of.certificates.select_related("certificate"):
        assert row.certificate.serial_number in text
        assert f"{row.not_after:%Y-%m-%d}" in text
        assert all(name in text for name in row.certificate.names)
    assert "2 in all = 0 revoked 2 remaining 0 expired 0 excluded" in text
    assert text.count("outstanding") >= 2


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize(
    "act", ["", "acknowledge/", "confirm/", "request/", "replace/", "contact/", "list.csv", "deadline.ics"]
)
def test_looking_changes_nothing(client: Client, frozen_clock: FrozenClock, method: str, act: str) -> None:
    of = visitors.affected(2)
    before = visitors.everything()
    response = getattr(client, method)(link(of, act))
    assert response.status_code in {200, 302}
    getattr(response, "getvalue", bytes)()
    assert visitors.everything() == before


def test_other_methods_are_refused(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    assert client.put(link(of)).status_code == 405
    assert client.post(link(of)).status_code == 405
    assert client.delete(link(of, "confirm/")).status_code == 405


def _altered(path: str) -> list[str]:
    token = path.split("/")[2]
    body, signature = token.rsplit(".", 1)
    subscriber, contact, version = body.split(".")
    return [
        f"{body}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
        f"{subscriber}.{int(contact) + 1}.{version}.{signature}",
        f"{subscriber}.{contact}.{int(version) + 1}.{signature}",
        body, token[:20], "x", "吊销", "..", "%00",
    ]  # fmt: skip


def test_an_altered_link_leads_to_a_page_that_helps_and_tells_nothing(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(1)
    for token in _altered(link(of)):
        for act in ("", "confirm/", "list.csv"):
            response = client.get(f"/respond/{token}/{act}")
            assert response.status_code == 404, token
    response = client.get(f"/respond/{_altered(link(of))[0]}/")
    page = response.content.decode()
    assert "Copy the whole address" in page
    assert of.subscriber.name not in page
    assert of.campaign.title not in page


def test_an_altered_link_changes_nothing(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    before = visitors.everything()
    response = client.post(f"/respond/{_altered(link(of))[0]}/confirm/", {"which": "all"})
    assert response.status_code == 404
    assert visitors.everything() == before


def test_a_withdrawn_link_is_gone(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    path = link(of)
    AffectedSubscriber.objects.filter(pk=of.pk).update(link_version=2)
    response = client.get(path)
    assert response.status_code == 410
    assert "latest message" in response.content.decode()
    assert of.subscriber.name not in response.content.decode()
    of.refresh_from_db()
    assert client.get(link(of)).status_code == 200


def test_a_link_is_worth_nothing_before_the_launch(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    Campaign.objects.filter(pk=of.campaign_id).update(state=Campaign.State.APPROVED)
    assert client.get(link(of)).status_code == 404


def test_a_link_shows_its_own_campaign_only(client: Client, frozen_clock: FrozenClock) -> None:
    one, other = visitors.affected(1), visitors.affected(1, reference="S2")
    page = _text(client, link(one))
    assert "www0.s1.example" in page
    assert "www0.s2.example" not in page
    assert other.subscriber.name not in page


@pytest.mark.parametrize("act", ["", "contact/", "replace/", "list.csv", "deadline.ics"])
def test_pages_load_nothing_from_elsewhere_and_are_kept_nowhere(
    client: Client, frozen_clock: FrozenClock, act: str
) -> None:
    of = visitors.affected(1)
    response = client.get(link(of, act))
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in response.headers["Cache-Control"]
    assert "noindex" in response.headers["X-Robots-Tag"]


def test_a_bad_link_is_as_private_as_a_good_one(client: Client) -> None:
    response = client.get("/respond/x/")
    assert "no-store" in response.headers["Cache-Control"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_pages_need_no_script_and_no_inline_style(client: Client, frozen_clock: FrozenClock) -> None:
    page = client.get(link(visitors.affected(1))).content.decode()
    assert "<script" not in page
    assert "style=" not in page
    assert " onclick" not in page
    assert re.findall(r'(?:src|href)="https?:', page) == []


def test_what_the_ca_and_the_certificates_say_cannot_become_markup(client: Client, frozen_clock: FrozenClock) -> None:
    evil = "<script>alert(1)</script>"
    of = visitors.affected(1, explanation=evil)
    certificate = of.certificates.get().certificate
    certificate.names = [evil, evil]
    certificate.save()
    page = client.get(link(of), {"q": evil}).content.decode()
    assert evil not in page
    assert escape(evil) in page


def test_the_token_is_not_logged(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    token = link(of).split("/")[2]
    handler = next(
        each for each in logging.getLogger().handlers if any(isinstance(f, HideTokens) for f in each.filters)
    )
    told, stream = io.StringIO(), handler.setStream(io.StringIO())  # type: ignore[attr-defined]
    handler.setStream(told)  # type: ignore[attr-defined]
    try:
        client.get(f"/respond/{token}x/")
        logging.getLogger("django.server").info('"%s" %s', f"GET /respond/{token}/?after=3 HTTP/1.1", 200)
        logging.getLogger("elsewhere").error("http://ca.example/respond/%s/list.csv failed", token)
    finally:
        handler.setStream(stream)  # type: ignore[attr-defined]
    assert token not in told.getvalue()
    assert told.getvalue().count("/respond/.../") == 3
    assert "list.csv failed" in told.getvalue()


def test_a_drill_says_so(client: Client, frozen_clock: FrozenClock) -> None:
    with override_settings(DRILL_EMAIL_URL="smtp://127.0.0.1:1"):
        of = visitors.affected(1, kind=Campaign.Kind.DRILL)
    assert "EXERCISE" in _text(client, link(of))
    assert "EXERCISE" in _text(client, link(of, "contact/"))
    assert "EXERCISE" in client.get(link(of, "deadline.ics")).content.decode()


def test_a_live_campaign_is_no_exercise(client: Client, frozen_clock: FrozenClock) -> None:
    assert "EXERCISE" not in _text(client, link(visitors.affected(1)))


def test_an_unknown_time_zone_is_told_as_utc(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1, time_zone="Nowhere/Land")
    assert "Sunday 24 March 2024, 08:30 UTC" in _text(client, link(of))


def test_after_the_deadline_the_page_says_that_it_is_over(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    frozen_clock.now = DEADLINE + HOUR
    text = _text(client, link(of))
    assert "The deadline has passed" in text
    assert "being revoked" in text
    assert "60 minutes ago" in text
    assert "early…" not in text


def test_of_several_deadlines_the_first_is_told_and_the_list_gives_each(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(2)
    data = {"certificates": visitors.keys(of)[:1], "when": "at", "at": "2024-03-20T16:30"}
    client.post(link(of, "request/"), data)
    text = _text(client, link(of))
    assert "2 certificates of Example Bank S1 will be revoked, the first in 48 hours" in text
    assert "21 Mar 2024, 16:30" in text
    assert "24 Mar 2024, 16:30" in text


def test_a_deadline_that_has_passed_does_not_hide_the_next(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    data = {"certificates": visitors.keys(of)[:1], "when": "now"}
    client.post(link(of, "request/"), data)
    frozen_clock.move(timedelta(hours=25))
    text = _text(client, link(of))
    assert "Sunday 24 March 2024, 16:30" in text
    assert "1 certificate is past its deadline and is being revoked now" in text
    assert "The deadline has passed" not in text


def test_a_compromised_key_asks_for_new_keys(client: Client, frozen_clock: FrozenClock) -> None:
    assert "with new keys" in _text(client, link(visitors.affected(1, rule="3")))


def test_when_all_is_revoked_the_page_says_when_and_asks_for_nothing(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    _publish(of)
    text = _text(client, link(of))
    assert "Nothing is left to do" in text
    assert text.count("19 Mar 2024, 17:30") == 2
    assert "The ticked ones are replaced" not in text


def test_a_completed_campaign_says_what_became_of_each_certificate(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    _publish(of)
    complete_campaign(of.campaign, actor="system", now=NOW + HOUR)
    page = client.get(link(of))
    assert "This campaign is complete" in page.content.decode()
    assert page.content.decode().count("revoked</span>") == 2
    assert 'type="checkbox"' not in page.content.decode()


def test_a_cancelled_campaign_says_that_it_was_ended(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    olga, anton = User.objects.get(username="olga"), User.objects.get(username="anton")
    request_cancel(of.campaign, ground="The report was wrong.", by=olga, now=NOW)
    cancel_campaign(of.campaign, by=anton, now=NOW)
    assert "This campaign was ended" in _text(client, link(of))


def test_an_excluded_certificate_is_shown_as_such_and_cannot_be_ticked(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(2)
    row = of.certificates.order_by("pk").first()
    assert row is not None
    olga, anton = User.objects.get(username="olga"), User.objects.get(username="anton")
    exclusion = request_exclusion(
        row, ground="not_affected", until=None, justification="It is critical there.", by=olga, now=NOW
    )
    approve_exclusion(exclusion, by=anton, now=NOW)
    page = client.get(link(of)).content.decode()
    assert f'name="certificates" value="{row.pk}"' not in page
    assert page.count('name="certificates"') == 1
    assert "1 certificate of Example Bank S1 will be revoked" in page


def test_a_long_list_comes_in_pages_that_hold_each_certificate_once(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.many(2 * PAGE + 3)
    path, seen = link(of), []
    query = ""
    for _ in range(3):
        page = client.get(path + query).content.decode()
        seen += [int(key) for key in re.findall(r'name="certificates" value="(\d+)"', page)]
        more = re.search(r'href="[^"]*(\?after=\d+)[^"]*" rel="next"', page)
        query = more[1] if more else ""
    assert query == ""
    assert seen == visitors.keys(of)


def test_a_page_of_a_long_list_takes_few_queries(
    client: Client, frozen_clock: FrozenClock, django_assert_max_num_queries: object
) -> None:
    of = visitors.many(300)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(link(of))


def test_a_certificate_is_found_by_name_and_by_serial_number(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.many(50)
    for query, found in (("HOST17.big", 1), ("00:10:0A", 1), ("0x100a", 1), ("nothing", 0), (":", 0)):
        page = client.get(link(of), {"q": query}).content.decode()
        assert page.count('name="certificates"') == found, query


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=99999999999999999999999", "after=", "q=%00", "q=" + "a" * 5000]
)
def test_odd_queries_do_no_harm(client: Client, frozen_clock: FrozenClock, query: str) -> None:
    of = visitors.affected(1)
    assert client.get(f"{link(of)}?{query}").status_code == 200


def test_the_list_can_be_downloaded_whole(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.many(PAGE + 5)
    response = client.get(link(of, "list.csv"))
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert len(rows) == PAGE + 5
    assert rows[0]["names"] == "host0.big.example"
    assert rows[0]["deadline"] == "2024-03-24T08:30:00Z"
    assert response["Content-Type"] == "text/csv; charset=utf-8"


def test_the_calendar_file_has_the_deadline_and_not_the_link(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    response = client.get(link(of, "deadline.ics"))
    data = response.content.replace(b"\r\n ", b"")
    assert b"DTSTART:20240324T083000Z" in data
    assert b"SUMMARY:2 certificates of Example Bank S1 will be revoked" in data
    assert link(of).split("/")[2].encode() not in data
    assert response["Content-Type"].startswith("text/calendar")


def test_there_is_no_calendar_file_without_a_deadline(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    _publish(of)
    assert client.get(link(of, "deadline.ics")).status_code == 404
