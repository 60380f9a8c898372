"""What mail servers and people send back: reports of non-delivery, out-of-office replies, answers that persons type.

Each is a real message, as another house's programs write it: RFC 3464 for bounces, RFC 3834 for automatic replies.
"""

import random
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime
from pathlib import Path

from rehearsal.mailbox import Mail

CHINESE = "zh"
OUT_OF_OFFICE = {
    "en": (
        "Automatic reply: {subject}",
        "Thank you for your message.\n\nI am out of the office until {last:%d %B %Y} and back on {back:%d %B %Y}. "
        "I do not read mail meanwhile.\nIn urgent matters please write to {substitute}.\n\nKind regards\n",
    ),
    "zh": (
        "自动回复: {subject}",
        "您好！\n\n我正在休假，将于{back.year}年{back.month}月{back.day}日返回办公室，期间无法查看邮件。\n"
        "如有紧急事宜，请联系 {substitute}。\n\n此致\n敬礼\n",
    ),
}
PLEAS = {
    "en": "Hello,\n\nwe have a change freeze in place and our next maintenance window is in two weeks. Please give us "
    "until then; we cannot replace these certificates before.\n\nRegards\n",
    "zh": "您好：\n\n我们目前处于变更冻结期，"
    "下一个维护窗口在两周之后。请将吊销推迟到那时，此前我们无法更换这些证书。\n\n谢谢\n",
}


def bounce(mail: Mail, *, to: str, now: datetime) -> bytes:
    """The report of a mail server that this address does not exist any more (RFC 3464, status 5.1.1 of RFC 3463)."""
    host = f"mx.{_domain(mail.recipient)}"
    report = EmailMessage(policy=SMTP)
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{host}>"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = format_datetime(now.astimezone(UTC))
    report["Message-ID"] = f"<{mail.id}.bounce@{host}>"
    report["Auto-Submitted"] = "auto-replied"
    report.set_content(
        f"This is the mail system at host {host}.\n\nYour message could not be delivered to one or more recipients.\n\n"
        f"<{mail.recipient}>: host {host} said: 550 5.1.1\n    <{mail.recipient}>: Recipient address rejected: "
        "User unknown (in reply to RCPT TO command)\n"
    )
    report.make_mixed()
    report.attach(_status(mail, host, now))
    report.attach(_headers(mail))
    report.replace_header("Content-Type", 'multipart/report; report-type="delivery-status"')
    return report.as_bytes()


def out_of_office(mail: Mail, *, to: str, substitute: str, back: datetime, language: str) -> bytes:
    """What a vacation program answers, once to each sender (RFC 3834, RFC 5230)."""
    original = mail.message
    subject, text = OUT_OF_OFFICE[CHINESE if language.startswith(CHINESE) else "en"]
    reply = _reply(mail, to, subject.format(subject=str(original["Subject"] or "")[:120]))
    reply["Auto-Submitted"] = "auto-replied (vacation)"
    reply["Precedence"] = "bulk"
    last = back - timedelta(days=1)
    reply.set_content(text.format(back=back, last=last, substitute=substitute or "the service desk"))
    return reply.as_bytes()


def plea(mail: Mail, *, to: str, language: str) -> bytes:
    """What a person answers who hopes for more time."""
    reply = _reply(mail, to, f"Re: {mail.message['Subject'] or ''}")
    reply.set_content(PLEAS[CHINESE if language.startswith(CHINESE) else "en"])
    return reply.as_bytes()


def language_of(mail: Mail) -> str:
    """In which language a notice was written, as far as its words show."""
    return CHINESE if any("\u4e00" <= letter <= "\u9fff" for letter in str(mail.message["Subject"] or "")) else "en"


class ReturnMailbox:
    """The Maildir of the CA that takes what comes back; another process reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir(parents=True, exist_ok=True)

    def put(self, raw: bytes) -> None:
        """Deliver one message: written aside, then moved, so that no reader sees half of it."""
        name = f"{random.getrandbits(64):016x}.rehearsal"
        (self.path / "tmp" / name).write_bytes(raw)
        (self.path / "tmp" / name).rename(self.path / "new" / name)


def _reply(mail: Mail, to: str, subject: str) -> EmailMessage:
    reply = EmailMessage(policy=SMTP)
    reply["From"], reply["To"], reply["Subject"] = mail.recipient, to, " ".join(subject.split())
    reply["Date"] = format_datetime(mail.at.astimezone(UTC))
    reply["Message-ID"] = f"<{mail.id}.{random.getrandbits(48):x}@{_domain(mail.recipient)}>"
    reply["In-Reply-To"] = reply["References"] = mail.message_id
    return reply


def _status(mail: Mail, host: str, now: datetime) -> EmailMessage:
    lines = (
        f"Reporting-MTA: dns; {host}\r\nArrival-Date: {format_datetime(mail.at.astimezone(UTC))}\r\n\r\n"
        f"Final-Recipient: rfc822; {mail.recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        f"Remote-MTA: dns; {host}\r\nDiagnostic-Code: smtp; 550 5.1.1 <{mail.recipient}>: Recipient address rejected: "
        f"User unknown\r\nLast-Attempt-Date: {format_datetime(now.astimezone(UTC))}\r\n"
    )
    head = b"Content-Type: message/delivery-status\r\nContent-Description: Delivery report\r\n\r\n"
    return message_from_bytes(head + lines.encode(), policy=default)


def _headers(mail: Mail) -> EmailMessage:
    head, _, _ = mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    part = EmailMessage(policy=SMTP)
    part.set_content(head.decode("utf-8", "replace") + "\n", subtype="rfc822-headers")
    return part


def _domain(address: str) -> str:
    return address.rpartition("@")[2] or "subscriber.example"
