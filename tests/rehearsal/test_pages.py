"""The pages of a rehearsal."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from rehearsal import history, incident
from rehearsal.mailbox import Mailboxes
from revocation.sandbox import Profile, create, open_ca

pytestmark = pytest.mark.django_db
AT = datetime(2024, 3, 19, 11, tzinfo=UTC)
RAW = (
    b"From: ca@ca.example\r\nTo: <b>x</b>@a.example\r\nSubject: Two certificates <script>\r\nMessage-ID: <1@ca>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=X\r\n\r\n--X\r\n"
    b"Content-Type: text/plain\r\n\r\n"
    b"See http://127.0.0.1:8000/respond/t.1.1.s/ now\r\n--X\r\nContent-Type: text/html\r\n\r\n"
    b"<html><head></head><body><script>alert(1)</script><p>Hello</p></body></html>\r\n--X--\r\n"
)


@pytest.fixture
def boxes(settings, tmp_path: Path) -> Mailboxes:
    settings.REHEARSAL, settings.VAR = True, tmp_path
    settings.SANDBOX_ROOT = str(tmp_path / "ca")
    create(tmp_path / "ca", incident.SLUG, Profile("Sandbox", "http://127.0.0.1:1"), now=history.REPORT_READ_AT)
    return Mailboxes(tmp_path / "post.sqlite3")


def test_without_a_rehearsal_there_are_no_such_pages(settings, client: Client):
    settings.REHEARSAL = False
    for path in ("/rehearsal/", "/rehearsal/mail/1/", "/rehearsal/mail/1/as-seen/"):
        assert client.get(path).status_code == 404
    assert client.post("/rehearsal/switch/", {"what": "ca"}).status_code == 404


def test_the_mails_are_listed_newest_first_and_can_be_searched(boxes, client: Client):
    for number in range(60):
        boxes.put(at=AT, recipient=f"reader{number}@a.example", raw=RAW, fate="reads")

    page = client.get("/rehearsal/").content.decode()

    assert page.index("reader59@") < page.index("reader10@")
    assert "reader9@" not in page
    assert "Two certificates &lt;script&gt;" in page
    assert "Older mails" in page
    older = client.get("/rehearsal/", {"before": "11"}).content.decode()
    assert "reader9@" in older
    assert "reader3@" in client.get("/rehearsal/", {"q": "reader3@"}).content.decode()
    assert client.get("/rehearsal/", {"before": "x" * 40}).status_code == 200


def test_a_mail_is_shown_as_its_reader_sees_it_and_can_run_nothing(boxes, client: Client):
    mail = boxes.put(at=AT, recipient="reader@a.example", raw=RAW, fate="reads")

    page = client.get(f"/rehearsal/mail/{mail.id}/").content.decode()
    seen = client.get(f"/rehearsal/mail/{mail.id}/as-seen/")

    assert 'href="http://127.0.0.1:8000/respond/t.1.1.s/"' in page
    assert "<p>Hello</p>" in seen.content.decode()
    assert seen["Content-Security-Policy"].startswith("default-src 'none'")
    assert seen["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get("/rehearsal/mail/999/").status_code == 404


def test_the_plugs_are_pulled_by_post_and_by_nothing_else(boxes, settings, client: Client):
    assert client.get("/rehearsal/switch/", {"what": "ca", "on": "0"}).status_code == 405
    ca = open_ca(Path(settings.SANDBOX_ROOT), incident.SLUG)
    assert not ca.is_stopped()

    client.post("/rehearsal/switch/", {"what": "ca", "on": "0"})
    client.post("/rehearsal/switch/", {"what": "mail", "on": "0"})
    assert ca.is_stopped()
    assert (settings.VAR / "post.stopped").exists()
    assert "CA stopped" in client.get("/rehearsal/").content.decode()

    client.post("/rehearsal/switch/", {"what": "ca", "on": "1"})
    client.post("/rehearsal/switch/", {"what": "mail", "on": "1"})
    assert not ca.is_stopped()
    assert not (settings.VAR / "post.stopped").exists()


def test_the_plugs_want_the_form_of_the_page(boxes):
    assert Client(enforce_csrf_checks=True).post("/rehearsal/switch/", {"what": "ca", "on": "0"}).status_code == 403


def test_a_text_message_is_shown_with_its_number_and_without_an_empty_frame(boxes, client: Client):
    raw = b"Subject: sms: EXERCISE\r\nMessage-ID: <1@t>\r\n\r\n2 certificates will be revoked.\r\n"
    message = boxes.put(at=AT, recipient="+86 10 5555 0073", raw=raw, fate="silent")

    page = client.get(f"/rehearsal/mail/{message.id}/").content.decode()

    assert "<dt>To</dt><dd>+86 10 5555 0073</dd>" in page
    assert "<dt>From</dt>" not in page
    assert "<iframe" not in page
    assert "2 certificates will be revoked." in page
