"""The mail house of the tests: what it cannot deliver it returns, and who is away answers by itself."""

import email
import email.policy
import imaplib
import smtplib
import time
from email.message import EmailMessage

from tests.mailhouse import PASSWORD, MailHouse, mail_house
from tests.notices.sink import Sink, sink_server


def send(house: MailHouse, to: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "revocation@ca.example", to, "A notice"
    message["Message-ID"] = f"<{to}>"
    message.set_content("62 certificates will be revoked.\n")
    with smtplib.SMTP("127.0.0.1", house.smtp) as smtp:
        smtp.send_message(message, from_addr="bounces+abc.tag@ca.example")


def returned(house: MailHouse, count: int) -> list[EmailMessage]:
    end = time.monotonic() + 20
    with imaplib.IMAP4("127.0.0.1", house.imap) as box:
        box.login("bounces@ca.example", PASSWORD)
        while True:
            box.select("INBOX", readonly=True)
            keys = box.search(None, "ALL")[1][0].split()
            if len(keys) >= count or time.monotonic() > end:
                break
            time.sleep(0.05)
        found = [box.fetch(key, "(RFC822)")[1][0][1] for key in keys]
    return [email.message_from_bytes(each, policy=email.policy.default) for each in found]


def test_a_refused_mail_comes_back_as_a_report_and_an_absent_person_answers_once() -> None:
    refusing = Sink(replies={"gone@elsewhere.example": "550 5.1.1 No such mailbox"})
    with sink_server(refusing) as sink, mail_house(relay=int(sink.url.rpartition(":")[2])) as house:
        house.put_away("away@subscriber.example", "Back on 28 March 2024.")
        for to in (
            "gone@elsewhere.example",
            "away@subscriber.example",
            "away@subscriber.example",
            "x@subscriber.example",
        ):
            send(house, to)
        found = returned(house, 2)

    assert sorted(each.get_content_type() for each in found) == ["multipart/report", "text/plain"]
    assert {each["To"] for each in found} == {"bounces+abc.tag@ca.example"}
    assert {each["Auto-Submitted"] for each in found} == {"auto-replied", "auto-replied (vacation)"}
