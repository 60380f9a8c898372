"""Bounces, automatic replies and answers, as mail; and, end to end, from real mail servers."""

import mailbox
import time
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import LazySettings

from campaigns.services import acknowledge
from notices.models import DeliveryEvent, InboundMessage, Letter, Notice
from notices.returns import return_path
from notices.services import read_mailboxes, record_inbound
from subscribers.models import Contact
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock
from tests.mailhouse import mail_house
from tests.notices.flow import escalate, send
from tests.notices.sink import Sink, sink_server
from tests.notices.test_classifying_messages import dsn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def house(settings: LazySettings) -> None:
    settings.RETURN_PATH = "bounces@ca.example"
    settings.NOTICE_FROM = "Example CA <revocation@ca.example>"


def sent_notice(sink: Sink) -> Notice:
    make.affected(contacts=3)
    [notice] = escalate(NOW)
    send(NOW)
    notice.refresh_from_db()
    return notice


def bounce(notice: Notice, **told: str) -> bytes:
    to = return_path(notice.public_id).encode()
    return dsn(**told).replace(b"bounces@ca.example", to).replace(b"<1@ca.example>", b"<unknown@ca.example>")


def reply(notice: Notice, text: str = "We replace them tonight.", **header: str) -> bytes:
    message = EmailMessage()
    fields = {"From": notice.address, "To": "revocation@ca.example", "In_Reply_To": notice.message_id, **header}
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return bytes(message)


def came(raw: bytes) -> InboundMessage | None:
    return record_inbound(raw, source="test", received_at=NOW, now=NOW)


def test_a_bounce_marks_the_contact_and_brings_the_next_in_at_once(sink: Sink):
    notice = sent_notice(sink)
    kept = came(bounce(notice))
    assert kept is not None
    assert (kept.kind, kept.is_permanent, kept.notice) == ("bounce", True, notice)
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED
    assert Contact.objects.get(pk=notice.contact_id).bounced_at == NOW
    follower = Notice.objects.exclude(pk=notice.pk).get()
    assert (follower.contact.rank, follower.due_at) == (1, NOW)
    assert_event("inboundmessage.received", kept, kind="bounce")


def test_a_bounce_that_comes_three_times_counts_once(sink: Sink):
    notice = sent_notice(sink)
    assert len({came(bounce(notice)).pk for _ in range(3)}) == 1  # type: ignore[union-attr] # kept each time
    assert (Notice.objects.count(), DeliveryEvent.objects.count()) == (2, 1)


def test_a_bounce_that_cannot_prove_its_message_is_not_believed(sink: Sink):
    notice = sent_notice(sink)
    forged = bounce(notice).replace(notice.public_id.hex.encode(), b"0" * 32)
    assert came(forged.replace(b"anna@subscriber.example", notice.address.encode())) is None
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert InboundMessage.objects.count() == 0


def test_a_delay_is_kept_and_changes_nothing(sink: Sink):
    notice = sent_notice(sink)
    came(bounce(notice, action="delayed", status="4.4.1"))
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert DeliveryEvent.objects.get().kind == "deferred"
    assert Notice.objects.count() == 1


def test_a_full_mailbox_brings_the_next_contact_in_and_blames_nobody(sink: Sink):
    notice = sent_notice(sink)
    came(bounce(notice, status="4.2.2", diagnostic="452 4.2.2 Mailbox full"))
    assert Contact.objects.get(pk=notice.contact_id).bounced_at is None
    assert Notice.objects.count() == 2


def test_an_automatic_reply_brings_the_next_contact_in_and_its_words_are_kept_for_people(sink: Sink):
    notice = sent_notice(sink)
    text = "I am away until 28 March 2024. Please write to ben@subscriber.example."
    kept = came(reply(notice, text, Auto_Submitted="auto-replied"))
    assert kept is not None
    assert (kept.kind, kept.return_date, kept.substitutes) == ("auto_reply", "2024-03-28", ["ben@subscriber.example"])
    assert Notice.objects.exclude(pk=notice.pk).get().contact.rank == 1
    assert not Contact.objects.filter(email="ben@subscriber.example").exists()
    assert Letter.objects.count() == 0


def test_an_automatic_reply_after_the_acknowledgement_brings_nobody_in(sink: Sink):
    notice = sent_notice(sink)
    acknowledge(notice.affected_subscriber, contact=notice.contact, actor="contact:1", now=NOW)
    came(reply(notice, "Away.", Auto_Submitted="auto-replied"))
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("kind", ["abuse", "opt-out"])
def test_a_complaint_silences_nothing(sink: Sink, kind: str):
    notice = sent_notice(sink)
    raw = reply(notice, f"Feedback-Type: {kind}").replace(
        b"Content-Type: text/plain", b"Content-Type: multipart/report; report-type=feedback-report; x"
    )
    came(raw)
    notice.refresh_from_db()
    assert (notice.state, Notice.objects.count()) == (Notice.State.SENT, 1)


def test_an_answer_is_kept_and_its_receipt_confirmed_once_a_day(sink: Sink):
    notice = sent_notice(sink)
    kept = came(reply(notice))
    came(reply(notice, "One more thing."))
    assert kept is not None
    assert (kept.kind, kept.contact, kept.seen_at) == ("answer", notice.contact, None)
    assert kept.text == "We replace them tonight."
    letter = Letter.objects.get()
    assert (letter.kind, letter.address, letter.due_at) == ("answer_received", notice.address, NOW)
    record_inbound(reply(notice, "Third."), source="t", received_at=NOW, now=NOW + timedelta(days=1, seconds=1))
    assert Letter.objects.count() == 2


def test_while_a_campaign_is_halted_no_receipt_of_an_answer_goes_out(sink: Sink):
    notice = sent_notice(sink)
    make.halt(notice.affected_subscriber.campaign)
    assert came(reply(notice)) is not None
    assert not Letter.objects.exists()


def test_an_answer_without_any_reference_is_told_by_its_sender(sink: Sink):
    notice = sent_notice(sink)
    kept = came(reply(notice, In_Reply_To="<strange@elsewhere.example>"))
    assert kept is not None
    assert (kept.contact, kept.affected_subscriber) == (notice.contact, notice.affected_subscriber)


def test_an_automatic_reply_to_our_receipt_ends_there(sink: Sink):
    notice = sent_notice(sink)
    came(reply(notice))
    letter = Letter.objects.get()
    kept = came(reply(notice, "Away.", In_Reply_To=letter.message_id, Auto_Submitted="auto-replied"))
    assert kept is not None
    assert kept.letter == letter
    assert (Letter.objects.count(), Notice.objects.count()) == (1, 1)


def test_what_a_stranger_writes_is_kept_for_people_and_nobody_is_answered(sink: Sink):
    notice = sent_notice(sink)
    kept = came(reply(notice, From="x@elsewhere.example", In_Reply_To="<x@elsewhere.example>"))
    assert kept is not None
    assert (kept.kind, kept.sender, kept.contact, kept.affected_subscriber) == (
        "answer",
        "x@elsewhere.example",
        None,
        None,
    )
    assert_event("inboundmessage.received", about=kept)
    assert not Letter.objects.exists()


def test_our_own_mail_and_what_has_no_sender_is_left_alone(sink: Sink):
    notice = sent_notice(sink)
    assert came(reply(notice, From="revocation@ca.example", In_Reply_To="<x@elsewhere.example>")) is None
    assert came(b"\0\xff") is None
    assert InboundMessage.objects.count() == 0


def test_a_large_message_is_kept_without_its_bytes(sink: Sink):
    notice = sent_notice(sink)
    kept = record_inbound(reply(notice), source="test", received_at=NOW, size=30_000_000, now=NOW)
    assert kept is not None
    assert (kept.raw, kept.size) == (None, 30_000_000)


def test_a_maildir_is_read_once_and_what_is_taken_is_moved(sink: Sink, tmp_path: Path, frozen_clock: FrozenClock):
    notice = sent_notice(sink)
    box = mailbox.Maildir(tmp_path / "box")
    box.add(reply(notice))
    url = f"maildir://{tmp_path / 'box'}"
    assert [read_mailboxes([url], now=NOW), read_mailboxes([url], now=NOW)] == [1, 0]
    assert InboundMessage.objects.count() == 1
    assert len(list((tmp_path / "box" / "cur").iterdir())) == 1


def test_a_mailbox_that_is_away_holds_up_no_other_and_its_password_is_not_logged(
    sink: Sink, tmp_path: Path, frozen_clock: FrozenClock, caplog: pytest.LogCaptureFixture
):
    notice = sent_notice(sink)
    mailbox.Maildir(tmp_path / "box").add(reply(notice))
    urls = ["imap://user:hidden@127.0.0.1:1/INBOX", "maildir:///nowhere", f"maildir://{tmp_path / 'box'}"]
    assert read_mailboxes(urls, now=NOW) == 1
    assert "127.0.0.1/INBOX cannot be read" in caplog.text
    assert "hidden" not in caplog.text


@pytest.fixture
def refusing() -> Iterator[Sink]:
    with sink_server(Sink()) as found:
        yield found


def test_real_servers_bounce_and_answer_and_the_next_contacts_are_written_to(
    refusing: Sink, settings: LazySettings, frozen_clock: FrozenClock
):
    with mail_house(relay=int(refusing.url.rpartition(":")[2])) as servers:
        settings.DRILL_EMAIL_URL = ""
        settings.MAIL_ROUTES = [
            {
                "name": "default",
                "backend": "django.core.mail.backends.smtp.EmailBackend",
                "options": {"host": "127.0.0.1", "port": servers.smtp},
                "per_minute": 0,
            }
        ]
        gone, away = make.affected()[0], make.affected()[0]
        Contact.objects.filter(subscriber=gone.subscriber, rank=0).update(email="gone@elsewhere.example")
        Contact.objects.filter(subscriber=away.subscriber, rank=0).update(email="away@subscriber.example")
        refusing.replies["gone@elsewhere.example"] = "550 5.1.1 No such mailbox"
        servers.put_away("away@subscriber.example", "I am back on 28 March 2024.")
        assert len(escalate(NOW)) == 2
        assert send(NOW) == 2
        url, read, ends = servers.imap_url("bounces@ca.example"), 0, time.monotonic() + 30
        while read < 2 and time.monotonic() < ends:
            read += read_mailboxes([url], now=NOW)
        assert read_mailboxes([url], now=NOW) == 0
    kinds = {each.affected_subscriber: each for each in InboundMessage.objects.all()}
    assert (kinds[gone].kind, kinds[gone].is_permanent) == ("bounce", True)
    assert (kinds[away].kind, kinds[away].return_date) == ("auto_reply", "2024-03-28")
    for row in (gone, away):
        assert Notice.objects.filter(affected_subscriber=row, contact__rank=1, due_at=NOW).count() == 1
