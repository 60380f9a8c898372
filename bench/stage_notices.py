"""Notices: from due subscribers to frozen words, and from there through one SMTP connection."""

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from environ import Env

from bench.material import LAUNCHED_AT
from bench.measure import Act
from bench.stage import Stage
from bench.table import Result, in_a_row
from campaigns.models import AffectedSubscriber
from core import due
from notices import audience, rendering
from notices.models import Notice
from notices.services import send_notices, situation, write_notices
from notices.services.situation import Situation

LINK = "https://recall.example/respond/0123456789abcdef:0123456789abcdef0123456789abcdef/"


def stages() -> list[Stage]:
    """The first notices of a campaign that has just been launched."""
    return [
        Stage(
            "notices written", "notices",
            work=_write, limit_is="rendering", limit=_render, wanted=0.5,
        ),
        Stage(
            "notices sent", "notices",
            work=lambda: _send, limit_is="smtplib, bytes ready", limit=_hand_over,
        ),
    ]  # fmt: skip


def written_and_sent(written: Result, sent: Result) -> Result:
    """Both stages as one: from due subscribers to messages that the mail server has taken."""
    return Result(
        stage="notices written and sent",
        unit=written.unit,
        limit_is="rendering, smtplib",
        wanted=0.45,
        work=in_a_row(written.work, sent.work),
        limit=in_a_row(written.limit, sent.limit),
    )


def _situations() -> list[Situation]:
    return situation.load(list(AffectedSubscriber.objects.to_escalate()), now=LAUNCHED_AT)


def _write() -> Act:
    found = _situations()[0]
    found.letter(found.steps[0], found.contacts[0], now=LAUNCHED_AT)  # a worker has its templates at hand
    return _write_all


def _write_all() -> int:
    written = 0
    while rows := due.claim(AffectedSubscriber.objects.to_escalate(), now=LAUNCHED_AT, limit=settings.BATCH):
        written += len(write_notices(rows, now=LAUNCHED_AT))
    return written


def _render() -> Act:
    """The words alone, with everything known that they need."""
    known = [(each, each.steps[0], audience.addressed(each.contacts, each.steps[0].audience)) for each in _situations()]
    known[0][0].letter(known[0][1], known[0][2][0], now=LAUNCHED_AT)

    def render() -> int:
        letters = list[rendering.Letter]()
        for found, step, contacts in known:
            letter = found.letter(step, contacts[0], now=LAUNCHED_AT)
            letters += [letter.with_links([LINK]) for _ in contacts]
        return len(letters)

    return render


def _send() -> int:
    sent = 0
    while rows := due.claim(Notice.objects.sendable(), now=LAUNCHED_AT, limit=settings.BATCH):
        sent += send_notices(rows, now=LAUNCHED_AT)
    return sent


def _hand_over() -> Act:
    """The same messages, as bytes that are ready, through the standard library's client."""
    sender = parseaddr(settings.NOTICE_FROM)[1]
    messages = [(notice.address, _bytes(notice)) for notice in Notice.objects.sendable()]
    sink = Env.email_url_config(settings.DRILL_EMAIL_URL)

    def send() -> int:
        with smtplib.SMTP(sink["EMAIL_HOST"], sink["EMAIL_PORT"]) as line:
            for address, message in messages:
                line.sendmail(sender, [address], message)
        return len(messages)

    return send


def _bytes(notice: Notice) -> bytes:
    message = EmailMultiAlternatives(
        notice.subject, notice.body_text, settings.NOTICE_FROM, [notice.address],
        headers={"Message-ID": notice.message_id}, alternatives=[(notice.body_html, "text/html")],
    )  # fmt: skip
    return message.message().as_bytes().replace(b"\n", b"\r\n")
