"""What came back: real messages of many mail servers, and mail that no program should send."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from notices.replies import classify

CORPUS = Path(__file__).parent / "corpora" / "flufl.bounce"
DSN = b"""Return-Path: <>
From: MAILER-DAEMON@mx.ca.example (Mail Delivery System)
To: bounces@ca.example
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system at host mx.ca.example.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.ca.example

Final-Recipient: rfc822; gone@subscriber.example
Original-Recipient: rfc822;anna@subscriber.example
Action: ACTION
Status: STATUS
Diagnostic-Code: smtp; DIAGNOSTIC

--b
Content-Type: message/rfc822

From: Example CA <revocation@ca.example>
To: anna@subscriber.example
Message-ID: <1@ca.example>
Subject: [Action by Sun 24 Mar 2024 08:30 UTC]

words
--b--
"""


def dsn(action: str = "failed", status: str = "5.1.1", diagnostic: str = "550 5.1.1 User unknown") -> bytes:
    filled = DSN.replace(b"ACTION", action.encode()).replace(b"STATUS", status.encode())
    return filled.replace(b"DIAGNOSTIC", diagnostic.encode())


def mail(text: str = "Hello", **header: str) -> bytes:
    message = EmailMessage()
    fields = {"From": "Anna <anna@subscriber.example>", "To": "ca@ca.example", "Subject": "Re: certificates", **header}
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return bytes(message)


def test_the_samples_of_flufl_bounce_are_told_apart():
    found = {path.name: classify(path.read_bytes()).kind for path in CORPUS.glob("*.txt")}
    assert len(found) == 117
    others = {name: kind for name, kind in found.items() if kind != "bounce"}
    assert others == {"groupwise_03.txt": "answer", "qmail_08.txt": "auto_reply"}, "these two are no bounces"


def test_a_delivery_status_says_which_address_failed_and_which_message_it_was():
    found = classify(dsn())
    assert (found.kind, found.addresses, found.permanent) == ("bounce", ("anna@subscriber.example",), True)
    assert found.is_failed
    assert found.is_about_address
    assert "<1@ca.example>" in found.message_ids
    assert found.detail == "failed 5.1.1 smtp; 550 5.1.1 User unknown"


@pytest.mark.parametrize(
    ("status", "diagnostic", "permanent", "about_address"),
    [
        ("5.1.1", "550 5.1.1 User unknown", True, True),
        ("5.0.0", "550 User unknown", True, True),
        ("5.7.1", "550 5.7.1 Blocked by policy", True, False),
        ("5.2.2", "552 5.2.2 Mailbox full", True, False),
        ("4.2.2", "452 4.2.2 Mailbox full", False, False),
        ("4.4.7", "message expired", False, False),
    ],
)
def test_what_is_permanent_and_what_is_about_the_address(
    status: str, diagnostic: str, permanent: bool, about_address: bool
):
    found = classify(dsn(status=status, diagnostic=diagnostic))
    assert (found.permanent, found.is_about_address, found.is_failed) == (permanent, about_address, True)


def test_a_delay_is_no_failure_and_a_receipt_no_bounce():
    delay = classify(dsn("delayed", "4.4.1", "451 try later"))
    assert (delay.kind, delay.permanent, delay.is_failed) == ("bounce", False, False)
    receipt = classify(dsn("delivered", "2.1.5", "250 ok"))
    assert (receipt.kind, receipt.report, receipt.permanent) == ("auto_reply", "delivered", None)


@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied (vacation)"},
        {"Auto_Submitted": "auto-generated"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "away"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"Subject": "Automatic reply: certificates"},
        {"Subject": "Abwesenheitsnotiz: Zertifikate"},
        {"Subject": "Automatische Antwort: Zertifikate"},
        {"Subject": "Réponse automatique : certificats"},
        {"Subject": "Respuesta automática: certificados"},
        {"Subject": "自动回复: 证书"},
        {"Subject": "自動応答: 証明書"},
        {"Subject": "Out of Office: certificates"},
    ],
)
def test_an_automatic_reply_is_told_by_its_header(header: dict[str, str]):
    found = classify(mail("I am away until 28 March 2024. Write to ben@subscriber.example.", **header))
    assert (found.kind, found.permanent) == ("auto_reply", None)
    assert found.addresses == ("anna@subscriber.example",)
    assert (found.return_date, found.substitutes) == ("2024-03-28", ("ben@subscriber.example",))


@pytest.mark.parametrize(
    "raw",
    [
        mail("We replace them tonight."),
        mail("We are on it.", Auto_Submitted="no"),
        mail("Thanks for telling us.", Subject="Re: Automatic reply: certificates"),
        mail("I forward what I got.", Subject="Fwd: Undeliverable: certificates"),
        mail("I am on holiday until 28 March, but we replace them anyway."),
        b"hello",
        b"",
    ],
)
def test_what_a_person_writes_is_an_answer(raw: bytes):
    found = classify(raw)
    assert (found.kind, found.permanent, found.return_date) == ("answer", None, "")


def test_a_forwarded_bounce_is_an_answer_and_a_bounce_of_a_bounce_a_bounce():
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "anna@subscriber.example", "What is this?"
    outer.set_content("I got this.")
    outer.add_attachment(dsn(), maintype="application", subtype="octet-stream", filename="bounce.eml")
    assert classify(bytes(outer)).kind == "answer"
    inner = dsn().replace(b"anna@subscriber.example\nMessage", b"bounces@ca.example\nMessage")
    twice = dsn().partition(b"From: Example CA")[0] + inner + b"\n--b--\n"
    assert classify(twice).addresses == ("anna@subscriber.example",)


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 1000,
        b"\xff\xfe" * 5000,
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 300,
        b"Content-Type: message/rfc822\n\n" * 2000,
        b"From: mailer-daemon@x\nSubject: Undeliverable\n\n" + b"-" * 100_000,
        b"Content-Type: text/html\n\n" + b"<p><!--" * 20_000,
        b'Content-Type: text/plain; charset="=?"\nAuto-Submitted: x\n\n\xe9 until 99/99/9999',
        b"From: =?utf-8?b?!!?=\nDate: Fri, 99 Foo 9999\nAuto-Submitted: auto-replied\n\nback on 3 March",
        dsn().replace(b"From: MAILER-DAEMON@mx.ca.example (Mail Delivery System)\n", b""),
        dsn()[:600],
        dsn().replace(b"\n", b"\r"),
    ],
)
def test_no_mail_raises_an_exception(raw: bytes, caplog: pytest.LogCaptureFixture):
    assert classify(raw).kind in {"bounce", "auto_reply", "answer"}
    assert not caplog.records


def test_a_mail_of_thirty_megabytes_is_read_from_its_start():
    found = classify(mail("We replace them tonight.") + b"x" * 30_000_000)
    assert (found.kind, found.addresses) == ("answer", ("anna@subscriber.example",))


def test_charsets_are_read_as_declared_or_as_they_look():
    declared = b"From: a@b.example\nSubject: =?gb2312?B?19S2r7vYuLQ=?=\nContent-Type: text/plain; charset=gb2312\n\n"
    found = classify(declared + "我在休假,2024年4月2日返回".encode("gbk"))
    assert (found.kind, found.return_date) == ("auto_reply", "2024-04-02")
    undeclared = b"From: a@b.example\nAuto-Submitted: auto-replied\n\n" + "我在休假,2024年4月2日返回".encode("gbk")
    assert classify(undeclared).return_date == "2024-04-02"


def test_the_command_prints_a_line_of_json_for_each_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, raw in (("cur/1", dsn()), ("new/2", mail("Hi")), ("tmp/3", b"half")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    call_command("classify_message", str(tmp_path))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(line) for line in lines] == [["file", "kind", "addresses", "permanent", "return_date", "detail"]] * 2
    assert [(line["kind"], line["permanent"]) for line in lines] == [("bounce", True), ("answer", None)]


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "1").write_bytes(dsn())
    with pytest.raises(CommandError):
        call_command("classify_message", str(tmp_path / "missing"), str(tmp_path / "1"))
    told = capsys.readouterr()
    assert "missing: No such file" in told.err
    assert json.loads(told.out)["kind"] == "bounce"
