from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import cancel_campaign, confirm_replacement, halt_campaign, request_cancel, resume_campaign
from core.due import claim
from core.errors import Refused
from notices import switch
from notices.models import Notice
from notices.services import retry_refused, send_notices, withdraw_notices
from notices.services import sending as sending_module
from subscribers.models import Contact
from subscribers.services import mark_contact_bounced, verify_contact
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW
from tests.notices.flow import escalate, send
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def queued(number: int = 1, *, contacts: int = 2, **draft: Any) -> list[Notice]:
    """A campaign of as many subscribers, each with one certificate and one notice in the outbox."""
    holders = [make.subscriber(contacts=contacts) for _ in range(number)]
    make.running_campaign([make.certificate(holder) for holder in holders], **draft)
    return sorted(escalate(NOW), key=lambda notice: notice.pk)


def states() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("state", flat=True))


def test_a_notice_arrives_as_text_and_html_under_our_message_id(sink: Sink, settings: LazySettings):
    settings.NOTICE_FROM = "Example CA <revocation@ca.example>"
    [notice] = queued()
    assert send(NOW + MINUTE) == 1
    [mail] = sink.received
    assert mail["Message-ID"] == notice.message_id
    assert mail["From"] == "Example CA <revocation@ca.example>"
    assert mail["To"] == notice.address
    assert mail["Subject"] == notice.subject
    assert mail["Date"].datetime == NOW + MINUTE
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == notice.body_text
    assert html.get_content().replace("\r\n", "\n") == notice.body_html
    assert list(mail.iter_attachments()) == []


def test_a_notice_carries_nothing_that_keeps_out_of_office_replies_away(sink: Sink):
    queued()
    send(NOW)
    headers = {name.lower() for name in sink.received[0]}
    assert headers == {"content-type", "mime-version", "subject", "from", "to", "message-id", "date"}


def test_a_sent_notice_is_sent_once_and_its_moment_is_kept(sink: Sink):
    [notice] = queued()
    send(NOW + MINUTE)
    assert send(NOW + DAY) == 0
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at, notice.due_at) == (Notice.State.SENT, NOW + MINUTE, None)
    assert len(sink.received) == 1
    assert_event("notice.sent", notice, actor="system", step=0, message_id=notice.message_id)


def test_a_batch_goes_through_one_connection(sink: Sink):
    queued(20)
    assert send(NOW) == 20
    assert sink.connections == 1
    assert states() == ["sent"] * 20


def test_an_address_that_is_refused_brings_the_next_contact_in_at_once(sink: Sink):
    [notice] = queued(contacts=3)
    sink.replies[notice.address] = "550 5.1.1 No such mailbox"
    assert send(NOW) == 0
    notice.refresh_from_db()
    assert notice.state == Notice.State.REFUSED
    assert "5.1.1 No such mailbox" in notice.last_error
    assert notice.contact.bounced_at == NOW
    assert send(NOW) == 1
    follower = Notice.objects.latest("pk")
    assert (follower.contact.rank, follower.step, follower.state) == (1, notice.step, Notice.State.SENT)
    assert follower.cause == f"The mail server refused the address {notice.address}."
    assert sink.recipients == [follower.address]


def test_when_every_address_is_refused_the_subscriber_is_unreachable(sink: Sink):
    [notice] = queued(contacts=3)
    sink.replies.update(dict.fromkeys(Contact.objects.values_list("email", flat=True), "550 5.1.1 Unknown"))
    for _ in range(4):
        send(NOW)
    assert states() == ["refused"] * 3
    assert AffectedSubscriber.objects.get().unreachable_since == NOW
    assert_event("affectedsubscriber.unreachable", notice.affected_subscriber)


@pytest.mark.parametrize(
    "reply", ["451 4.3.2 Try later", "452 4.2.2 Mailbox full", "550 5.7.1 You are on a block list", "554 5.7.1 Policy"]
)
def test_a_refusal_for_now_is_tried_again_later_and_blames_nobody(sink: Sink, reply: str):
    [notice] = queued()
    sink.replies[notice.address] = reply
    assert send(NOW) == 0
    notice.refresh_from_db()
    assert (notice.state, notice.due_at) == (Notice.State.QUEUED, NOW + MINUTE)
    assert reply in notice.last_error
    assert notice.contact.bounced_at is None
    assert_event("notice.not_sent", notice, error=notice.last_error)
    sink.replies.clear()
    assert send(NOW + MINUTE) == 1


def test_a_refusal_after_the_data_is_tried_again_later(sink: Sink):
    [notice] = queued()
    sink.data_reply = "554 5.6.0 I do not like the content"
    send(NOW)
    notice.refresh_from_db()
    assert notice.state == Notice.State.QUEUED
    assert notice.last_error == "554 5.6.0 I do not like the content"


def test_one_refusal_does_not_hold_up_the_rest_of_the_batch(sink: Sink):
    notices = queued(5)
    sink.replies[notices[1].address] = "550 5.1.1 Unknown"
    sink.replies[notices[3].address] = "451 4.3.0 Later"
    assert send(NOW) == 3
    assert states()[:5] == ["sent", "refused", "sent", "queued", "sent"]


def test_waits_between_attempts_double_up_to_an_hour(sink: Sink):
    [notice] = queued()
    sink.data_reply = "451 4.3.0 Later"
    now, waits = NOW, []
    for _ in range(9):
        send(now)
        notice.refresh_from_db()
        assert notice.due_at is not None
        waits.append(int((notice.due_at - now).total_seconds() // 60))
        now = notice.due_at
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_notice_is_never_given_up_before_the_deadline_and_withdrawn_at_it(sink: Sink):
    [notice] = queued()
    sink.data_reply = "451 4.3.0 Later"
    send(NOW + 5 * DAY - MINUTE)
    assert states() == ["queued"]
    sink.data_reply = ""
    send(NOW + 5 * DAY)
    notice.refresh_from_db()
    assert (notice.state, notice.due_at) == (Notice.State.WITHDRAWN, None)
    assert_event("notice.withdrawn", notice, reason="The deadline has passed.")
    assert sink.received == []


def test_a_connection_that_drops_in_mid_batch_is_opened_again_and_nothing_is_lost(sink: Sink):
    notices = queued(10)
    sink.drops_at = {4, 9}
    assert send(NOW) == 10
    assert sorted(sink.recipients) == sorted(notice.address for notice in notices)
    assert sink.connections == 3


def test_a_server_that_dies_in_mid_batch_costs_only_time(sink: Sink):
    notices = queued(10)
    sink.is_dead_after = 4
    assert send(NOW) == 4
    assert states() == ["sent"] * 4 + ["queued"] * 6
    assert sink.tried == 4 + 2 * switch.PATIENCE
    assert {each.due_at for each in Notice.objects.filter(state="queued")} == {NOW + MINUTE}
    sink.is_dead_after = None
    assert send(NOW + MINUTE) == 6
    assert sorted(sink.recipients) == sorted(notice.address for notice in notices)


def test_a_server_that_is_away_is_asked_once_for_a_whole_batch(settings: LazySettings, sink: Sink):
    queued(5)
    settings.EMAIL_PORT = 1
    assert send(NOW) == 0
    assert states() == ["queued"] * 5
    assert "Connection refused" in Notice.objects.order_by("pk")[0].last_error
    assert sink.connections == 0


def test_an_address_that_is_none_is_refused_without_asking_the_server(sink: Sink):
    [notice] = queued(contacts=2)
    Notice.objects.filter(pk=notice.pk).update(address="not an address\r\nBcc: x@y.example")
    send(NOW)
    assert states() == ["refused", "queued"]
    assert sink.connections == 0


def test_a_crash_between_sending_and_settling_repeats_the_same_message_id(sink: Sink, monkeypatch: pytest.MonkeyPatch):
    [notice] = queued()
    rows = claim(Notice.objects.sendable(), now=NOW, limit=10)

    def killed(*args: object, **kwargs: object) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(sending_module, "_settle", killed)
        with pytest.raises(SystemExit):
            send_notices(rows, now=NOW)
    assert send(NOW + MINUTE) == 0
    assert send(NOW + timedelta(minutes=6)) == 1
    assert [mail["Message-ID"] for mail in sink.received] == [notice.message_id] * 2
    assert len(events("notice.sent", notice)) == 1


def test_a_crash_repeats_no_more_than_one_step(sink: Sink, monkeypatch: pytest.MonkeyPatch):
    queued(12)
    monkeypatch.setattr(sending_module, "STEP", 5)
    real, calls = sending_module._settle, []

    def killed_at_the_third(*args: object, **kwargs: object) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit
        return real(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(sending_module, "_settle", killed_at_the_third)
        with pytest.raises(SystemExit):
            send(NOW)
    assert states() == ["sent"] * 10 + ["queued"] * 2
    assert send(NOW + timedelta(minutes=6)) == 2
    assert len(sink.received) == 14


def test_a_worker_that_lost_its_lease_settles_nothing(sink: Sink):
    [notice] = queued()
    slow = claim(Notice.objects.sendable(), now=NOW, limit=10)
    later = NOW + timedelta(minutes=6)
    quick = claim(Notice.objects.sendable(), now=later, limit=10)
    assert send_notices(slow, now=NOW) == 0
    notice.refresh_from_db()
    assert notice.state == Notice.State.QUEUED
    assert send_notices(quick, now=later) == 1
    notice.refresh_from_db()
    assert notice.sent_at == later


def test_a_batch_ends_before_the_time_limit_and_the_rest_is_due_at_once(sink: Sink, settings: LazySettings):
    queued(3)
    settings.TASK_TIME_LIMIT = 0
    assert send(NOW) == 1
    assert states() == ["sent", "queued", "queued"]
    assert {each.due_at for each in Notice.objects.filter(state="queued")} == {NOW}


def test_a_halted_campaign_sends_nothing_and_goes_on_when_it_is_resumed(sink: Sink):
    [notice] = queued()
    campaign = Campaign.objects.get()
    claimed = claim(Notice.objects.sendable(), now=NOW, limit=10)
    halt_campaign(campaign, reason="wrong reason code", actor="staff:olga", now=NOW)
    assert send_notices(claimed, now=NOW) == 0
    assert send(NOW + DAY) == 0
    assert sink.received == []
    notice.refresh_from_db()
    assert notice.state == Notice.State.QUEUED
    resume_campaign(campaign, reason="it was right", actor="staff:olga", now=NOW + DAY)
    assert send(NOW + DAY) == 1


def test_a_notice_of_a_cancelled_campaign_is_withdrawn(sink: Sink):
    [notice] = queued()
    claimed = claim(Notice.objects.sendable(), now=NOW, limit=10)
    campaign = Campaign.objects.get()
    request_cancel(campaign, ground="not affected", by=make.user("olga"), now=NOW)
    cancel_campaign(campaign, by=make.user("anton"), now=NOW)
    assert send_notices(claimed, now=NOW) == 0
    assert_event("notice.withdrawn", notice, reason="The campaign has ended.")


def test_a_notice_is_withdrawn_when_everything_was_confirmed_meanwhile(sink: Sink):
    row, certificates = make.affected()
    [notice] = escalate(NOW)
    confirm_replacement(row, certificates=[certificates[0].pk], actor="contact:1", now=NOW)
    assert send(NOW + MINUTE) == 0
    assert_event("notice.withdrawn", notice, reason="Nothing is outstanding any more.")
    assert sink.received == []


def test_a_notice_to_a_contact_that_bounced_meanwhile_goes_to_the_next(sink: Sink):
    [notice] = queued()
    mark_contact_bounced(notice.contact, note="gone", actor="system", now=NOW)
    assert send(NOW) == 0
    assert send(NOW) == 1
    assert states() == ["withdrawn", "sent"]
    assert sink.recipients == [Contact.objects.get(rank=1).email]


def test_a_drill_goes_to_its_sink_whatever_the_live_connection_is(sink: Sink, settings: LazySettings):
    settings.EMAIL_PORT = 1
    queued(kind="drill")
    assert send(NOW) == 1
    assert sink.received[0]["Subject"].startswith("[EXERCISE] ")


def test_a_drill_without_a_sink_is_refused_and_blames_no_contact(sink: Sink, settings: LazySettings):
    [notice] = queued(kind="drill")
    settings.DRILL_EMAIL_URL = ""
    assert send(NOW) == 0
    notice.refresh_from_db()
    assert notice.state == Notice.State.REFUSED
    assert "DRILL_EMAIL_URL" in notice.last_error
    assert notice.contact.bounced_at is None
    assert states() == ["refused"]
    assert sink.received == []


def test_what_a_drills_sink_refuses_brings_in_the_next_contact_and_blames_no_real_mailbox(sink: Sink):
    [notice] = queued(kind="drill")
    sink.replies[notice.address] = "550 5.1.1 No such mailbox"
    assert (send(NOW), send(NOW)) == (0, 1)
    assert states() == ["refused", "sent"]
    assert not Contact.objects.exclude(bounced_at=None).exists()


def test_a_live_campaign_sends_nothing_under_a_rehearsals_clock(sink: Sink, settings: LazySettings, tmp_path: Path):
    [notice] = queued()
    claimed = claim(Notice.objects.sendable(), now=NOW, limit=10)
    settings.CLOCK_FILE = str(tmp_path / "clock.json")
    assert send_notices(claimed, now=NOW) == 0
    notice.refresh_from_db()
    assert notice.state == Notice.State.REFUSED
    assert "rehearsal" in notice.last_error
    assert sink.received == []


def test_a_live_campaign_never_uses_the_sink_of_drills(sink: Sink, settings: LazySettings):
    queued()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send(NOW) == 1
    assert sink.received == []


def test_a_notice_can_be_withdrawn_by_hand(sink: Sink):
    [notice] = queued()
    withdraw_notices([notice], reason="Told by telephone.", actor="staff:olga", now=NOW)
    assert send(NOW) == 0
    assert_event("notice.withdrawn", notice, actor="staff:olga", reason="Told by telephone.")
    with pytest.raises(Refused):
        withdraw_notices([notice], reason="again", actor="staff:olga", now=NOW)


def test_a_refused_notice_goes_to_the_corrected_address(sink: Sink):
    [notice] = queued(contacts=1)
    sink.replies[notice.address] = "550 5.1.1 Unknown"
    send(NOW)
    contact = Contact.objects.get()
    notice.refresh_from_db()
    with pytest.raises(Refused, match="cannot be reached by mail"):
        retry_refused([notice], actor="staff:olga", now=NOW)
    Contact.objects.update(email="right@bank.example")
    verify_contact(contact, actor="staff:olga", now=NOW)
    retry_refused([notice], actor="staff:olga", now=NOW)
    assert send(NOW) == 1
    assert sink.recipients == ["right@bank.example"]


def sent_at(moment: datetime) -> int:
    return Notice.objects.filter(sent_at=moment).count()


def test_a_whole_ladder_reaches_everybody_by_mail(sink: Sink):
    queued(3, contacts=2)
    for share in (0, 0.2, 0.4, 0.6, 0.8, 0.95):
        now = NOW + 5 * DAY * share
        escalate(now)
        send(now)
        assert sent_at(now) == (3 if share < 0.4 else 6)
    assert len(sink.received) == 3 + 3 + 4 * 6
    assert len({mail["Message-ID"] for mail in sink.received}) == len(sink.received)
