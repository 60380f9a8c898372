"""The mail sink, over real SMTP, and what it reports over HTTP."""

import email
import email.policy
import hashlib
import hmac
import json
import smtplib
import socket
import threading
import time
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from rehearsal import post
from rehearsal.mailbox import Mailboxes
from rehearsal.people import Person
from rehearsal.postmaster import ReturnMailbox
from tests.conftest import NOW

KEY = "a key of this test"


class Webhook(BaseHTTPRequestHandler):
    reports: ClassVar[list[dict]] = []

    def do_POST(self) -> None:
        self.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def webhook():
    Webhook.reports = []
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def sink(tmp_path: Path, webhook: str, monkeypatch):
    monkeypatch.setattr(post, "DELIVERY", post.DELIVERY * 0)
    monkeypatch.setattr(post, "BOUNCE", post.BOUNCE * 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fates = {"gone@a.example": "refused", "left@a.example": "bounces", "away@a.example": "away"}
    boxes = Mailboxes(tmp_path / "post.sqlite3")
    away = {"away@a.example": Person("S1", "on vacation", back_after_days=9, substitute="deputy@a.example")}
    mailman = post.Mailman(ReturnMailbox(tmp_path / "returned"), away)
    controller = post.serve(post.Sink(boxes, fates, post.Provider(webhook, KEY), mailman, tmp_path / "stopped"), port)
    yield boxes, port, tmp_path / "stopped"
    controller.stop()


def send(port: int, to: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ca@ca.example", to, f"For {to}"
    message["Message-ID"] = "<1@ca.example>"
    message.set_content("Read this: http://127.0.0.1:1/respond/token.1.1.x/\n")
    message.add_alternative("<p>Read this</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.send_message(message)


def wait_for_report() -> dict:
    end = time.monotonic() + 10
    while not Webhook.reports and time.monotonic() < end:
        time.sleep(0.02)
    return Webhook.reports[0]


def wait_for_return(folder: Path) -> EmailMessage:
    end = time.monotonic() + 10
    while not (found := sorted((folder / "returned" / "new").iterdir())) and time.monotonic() < end:
        time.sleep(0.02)
    return email.message_from_bytes(found[0].read_bytes(), policy=email.policy.default)


def test_a_notice_lies_in_its_readers_mailbox_with_its_link(sink):
    boxes, port, _ = sink
    send(port, "reader@a.example")

    [mail] = boxes.since(0)
    assert (mail.recipient, mail.fate, mail.message_id) == ("reader@a.example", "reads", "<1@ca.example>")
    assert mail.link == "http://127.0.0.1:1/respond/token.1.1.x/"
    assert "<p>Read this</p>" in mail.body("html")
    assert boxes.page(recipient="READER")[0].id == mail.id
    assert boxes.page(recipient="somebody else") == []


def test_a_mail_about_several_subscribers_has_a_link_for_each(tmp_path):
    first, second = (f"http://127.0.0.1:1/respond/token.{number}.1.x/" for number in (1, 2))
    message = EmailMessage()
    message.set_content(f"{first}\n{first}list.csv\n{second}\n")
    mail = Mailboxes(tmp_path / "mail").put(at=NOW, recipient="r@a.example", raw=message.as_bytes(), fate="reads")
    assert mail.links == [first, second]


def test_a_delivery_is_reported_with_a_signature_that_the_provider_would_give(sink):
    _, port, _ = sink
    send(port, "reader@a.example")

    told = wait_for_report()
    signed = told["signature"]
    wanted = hmac.new(KEY.encode(), (signed["timestamp"] + signed["token"]).encode(), hashlib.sha256).hexdigest()
    assert signed["signature"] == wanted
    assert told["event-data"]["event"] == "delivered"
    assert told["event-data"]["message"]["headers"]["message-id"] == "1@ca.example"


def test_a_mailbox_that_has_gone_bounces_later_by_a_report_to_the_envelope_sender(sink, tmp_path):
    _, port, _ = sink
    send(port, "left@a.example")

    report = wait_for_return(tmp_path)
    assert report.get_content_type() == "multipart/report"
    assert report["To"] == "ca@ca.example"
    [status] = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    facts = status.get_payload()[1]
    assert (facts["Action"], facts["Status"]) == ("failed", "5.1.1")
    assert facts["Final-Recipient"] == "rfc822; left@a.example"
    assert "<1@ca.example>" in report.as_string()
    assert Webhook.reports == []


def test_a_person_on_vacation_answers_each_sender_once(sink, tmp_path):
    boxes, port, _ = sink
    send(port, "away@a.example")
    send(port, "away@a.example")

    reply = wait_for_return(tmp_path)
    while len(Webhook.reports) < 2:
        time.sleep(0.02)
    assert len(list((tmp_path / "returned" / "new").iterdir())) == 1
    assert reply["Auto-Submitted"] == "auto-replied (vacation)"
    assert reply["In-Reply-To"] == "<1@ca.example>"
    assert "back on 28 March 2024" in reply.get_content()
    assert "deputy@a.example" in reply.get_content()
    assert boxes.count() == 2


def test_a_server_that_knows_nobody_of_that_name_refuses_at_once(sink):
    boxes, port, _ = sink
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(port, "gone@a.example")

    assert refused.value.recipients["gone@a.example"][0] == 550
    assert boxes.count() == 0


def test_stopped_mail_asks_to_try_later(sink):
    boxes, port, switch = sink
    switch.touch()
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(port, "reader@a.example")
    assert refused.value.recipients["reader@a.example"][0] == 451

    switch.unlink()
    send(port, "reader@a.example")
    assert boxes.count() == 1
