"""The console's list of what came back: read by every role, and never more than text."""

import pytest
from django.test import Client
from django.urls import reverse

from notices.models import InboundMessage
from notices.services import deal_with
from tests import make
from tests.conftest import NOW, SignIn

pytestmark = pytest.mark.django_db
LIST = "/notices/inboundmessage/"


@pytest.fixture
def olga(sign_in: SignIn) -> Client:
    return sign_in("olga", role="operator")


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def three() -> list[InboundMessage]:
    row, _ = make.affected()
    bounce = make.answer(row, kind="bounce", subject="Undelivered", sender="", is_permanent=True, detail="550 5.1.1")
    away = make.answer(row, kind="auto_reply", subject="Away", return_date="2024-03-28")
    return [bounce, away, make.answer(row, subject="We have a question")]


def test_messages_are_listed_filtered_and_found(olga: Client):
    [_, away, answer] = three()
    deal_with(away, actor="staff:cleo", now=NOW)
    listed = page(olga, LIST)
    assert all(each in listed for each in ("Undelivered", "Away", "We have a question", answer.sender, "by cleo"))
    assert "Undelivered" not in page(olga, f"{LIST}?kind__exact=answer")
    waits = page(olga, f"{LIST}?dealt=no")
    assert ("We have a question" in waits, "Undelivered" in waits, ">Away<" in waits) == (True, False, False)
    assert "Undelivered" not in page(olga, f"{LIST}?dealt=yes")
    found = page(olga, f"{LIST}?q=question")
    assert ("We have a question" in found, "Undelivered" in found) == (True, False)
    row = answer.affected_subscriber
    assert row is not None
    assert "Undelivered" in page(olga, f"{LIST}?q={row.subscriber.name.replace(' ', '+')}")


def test_a_message_is_shown_as_text_and_without_personal_links(olga: Client):
    row, _ = make.affected()
    text = "<script>alert(1)</script> <img src=//evil.example/x> https://ca.example/respond/SECRET-TOKEN/"
    subject = "<b>Re:</b> https://ca.example/respond/SECRET-TOKEN/"
    made = make.answer(row, text=text, subject=subject, raw=b"<script>alert(2)</script>", substitutes=["<i>@x.example"])
    shown = page(olga, f"{LIST}{made.pk}/change/")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert all(each not in shown for each in ("<script>alert", "<img src=//evil", "SECRET-TOKEN", "<i>@x", "<b>Re"))
    listed = page(olga, LIST)
    assert "<b>Re" not in listed
    assert "SECRET-TOKEN" not in listed
    assert reverse("reports:subscriber", args=[row.campaign.public_id, row.public_id]) in shown


def test_a_message_about_no_campaign_is_shown_with_its_contacts_subscriber(olga: Client):
    holder = make.subscriber("Harbour Bank")
    made = make.answer(None, contact=holder.contacts.first(), kind="bounce", is_permanent=None)  # type: ignore[arg-type]
    assert "Harbour Bank" in page(olga, LIST)
    assert "Harbour Bank" in page(olga, f"{LIST}{made.pk}/change/")


@pytest.mark.parametrize("role", ["operator", "approver", "caller", "auditor"])
def test_every_role_reads_and_nobody_changes(sign_in: SignIn, role: str):
    made = three()[2]
    client = sign_in("somebody", role=role)
    assert client.get(LIST).status_code == 200
    assert LIST in page(client, "/")
    url = f"{LIST}{made.pk}/change/"
    assert client.get(url).status_code == 200
    client.post(url, {"subject": "forged"})
    assert client.post(f"{LIST}{made.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    made.refresh_from_db()
    assert (made.subject, made.seen_at) == ("We have a question", None)


def test_whoever_has_no_role_sees_nothing(sign_in: SignIn):
    made = three()[0]
    client = sign_in("nobody")
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}{made.pk}/change/").status_code == 403
    assert Client().get(LIST).status_code == 302


def test_a_message_that_is_not_there_is_not_found(olga: Client):
    assert olga.get(f"{LIST}999999/change/").status_code in {302, 404}
    assert olga.get(f"{LIST}x/change/").status_code in {302, 404}


def test_the_list_asks_the_database_no_more_for_more_rows(olga: Client, django_assert_max_num_queries: object):
    row, _ = make.affected()
    for _ in range(40):
        make.answer(row)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        page(olga, LIST)
