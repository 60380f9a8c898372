"""Reports come as a provider sends them: signed by Mailgun's rule, over HTTP."""

import hashlib
import hmac
import json
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client

from campaigns.models import AffectedSubscriber
from campaigns.services import acknowledge
from notices.models import DeliveryEvent, Notice
from notices.services import Report, record_delivery
from subscribers.models import Contact
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW, FrozenClock
from tests.notices.flow import escalate, send
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
KEY = "a signing key of this test"
URL = "/anymail/mailgun/tracking/"
PERMANENT: dict[str, Any] = {
    "event": "failed",
    "severity": "permanent",
    "reason": "bounce",
    "delivery-status": {"code": 550, "message": "5.1.1 The address does not exist any more"},
}


@pytest.fixture(autouse=True)
def provider(settings: LazySettings, frozen_clock: FrozenClock) -> None:
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


def body(notice: Notice, *, key: str = KEY, token: str = "", **told: Any) -> dict[str, Any]:
    """A webhook as Mailgun sends it."""
    stamp, token = str(NOW.timestamp()), token or secrets.token_hex(25)
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {
            "event": "delivered",
            "id": secrets.token_urlsafe(16),
            "timestamp": NOW.timestamp(),
            "recipient": notice.address,
            "message": {"headers": {"message-id": notice.message_id.strip("<>"), "to": notice.address}},
            **told,
        },
    }


def post(client: Client, content: dict[str, Any]) -> int:
    return client.post(URL, json.dumps(content), content_type="application/json").status_code


def sent_notice(sink: Sink, *, contacts: int = 3) -> Notice:
    """A notice of the first step that went out to the primary contact."""
    make.affected(contacts=contacts)
    [notice] = escalate(NOW)
    send(NOW)
    notice.refresh_from_db()
    return notice


def test_a_delivered_notice_is_marked_and_the_report_kept(client: Client, sink: Sink):
    notice = sent_notice(sink)
    assert post(client, body(notice)) == 200
    notice.refresh_from_db()
    assert notice.state == Notice.State.DELIVERED
    event = DeliveryEvent.objects.get()
    assert (event.notice, event.kind, event.esp, event.at) == (notice, "delivered", "Mailgun", NOW)
    assert_event("notice.delivered", notice, actor="esp:Mailgun")


def test_a_wrong_signature_is_refused_and_changes_nothing(client: Client, sink: Sink):
    notice = sent_notice(sink)
    assert post(client, body(notice, key="another key", **PERMANENT)) == 400
    assert post(client, {"event-data": {"event": "failed"}}) == 400
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert DeliveryEvent.objects.count() == 0


def test_an_answer_with_a_character_that_no_database_keeps_is_kept_without_it(client: Client, sink: Sink):
    notice = sent_notice(sink)
    told = PERMANENT | {"delivery-status": {"code": 550, "message": "no\0body"}}
    assert post(client, body(notice, **told)) == 200
    event = DeliveryEvent.objects.get()
    assert "nobody" in event.detail
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED


def test_a_report_that_comes_twice_counts_once(client: Client, sink: Sink):
    notice = sent_notice(sink)
    content = body(notice, token="the same token", **PERMANENT)
    assert [post(client, content), post(client, content)] == [200, 200]
    assert DeliveryEvent.objects.count() == 1
    assert Notice.objects.count() == 2
    assert len(events("notice.bounced")) == 1


def test_a_report_of_an_unknown_message_is_answered_and_logged(
    client: Client, sink: Sink, caplog: pytest.LogCaptureFixture
):
    notice = sent_notice(sink)
    stranger = Notice(message_id=f"<{uuid4()}@elsewhere.example>", address="x@y.example")
    with caplog.at_level("INFO"):
        assert post(client, body(stranger, **PERMANENT)) == 200
    assert "not ours" in caplog.text
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert DeliveryEvent.objects.count() == 0


def test_a_hard_bounce_brings_the_next_contact_in_at_once(client: Client, sink: Sink):
    notice = sent_notice(sink)
    assert post(client, body(notice, **PERMANENT)) == 200
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED
    assert notice.contact.bounced_at == NOW
    assert "5.1.1 The address does not exist any more" in notice.contact.bounce_note
    follower = Notice.objects.exclude(pk=notice.pk).get()
    assert (follower.contact.rank, follower.step, follower.due_at) == (1, notice.step, NOW)
    assert follower.cause == f"The notice to {notice.address} did not arrive."
    assert send(NOW) == 1
    assert sink.recipients[-1] == follower.address
    assert AffectedSubscriber.objects.get().unreachable_since is None


def test_when_the_last_contact_bounces_the_subscriber_is_unreachable(client: Client, sink: Sink):
    notice = sent_notice(sink, contacts=2)
    post(client, body(notice, **PERMANENT))
    send(NOW)
    second = Notice.objects.latest("pk")
    post(client, body(second, **PERMANENT))
    row = AffectedSubscriber.objects.get()
    assert row.unreachable_since == NOW
    assert_event("affectedsubscriber.unreachable", row)
    assert row.due_at == NOW + timedelta(days=1)


def test_a_bounce_after_the_delivery_counts(client: Client, sink: Sink):
    notice = sent_notice(sink)
    post(client, body(notice))
    post(client, body(notice, **PERMANENT))
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED
    assert Notice.objects.count() == 2


def test_a_delivery_reported_after_the_bounce_is_only_kept(client: Client, sink: Sink):
    notice = sent_notice(sink)
    post(client, body(notice, **PERMANENT))
    assert post(client, body(notice)) == 200
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED
    assert DeliveryEvent.objects.count() == 2


def test_a_report_may_overtake_the_worker_that_sent_the_notice(client: Client, sink: Sink):
    make.affected()
    [notice] = escalate(NOW)
    assert post(client, body(notice)) == 200
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at, notice.due_at) == (Notice.State.DELIVERED, NOW, None)
    assert notice.provider_id == ""
    assert send(NOW) == 0
    assert sink.received == []


def test_a_passing_failure_is_only_kept(client: Client, sink: Sink):
    notice = sent_notice(sink)
    post(client, body(notice, **{**PERMANENT, "severity": "temporary"}))
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert DeliveryEvent.objects.get().kind == "deferred"
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("kind", ["opened", "clicked", "complained", "unsubscribed"])
def test_what_is_no_failure_silences_nothing(client: Client, sink: Sink, kind: str):
    notice = sent_notice(sink)
    assert post(client, body(notice, event=kind)) == 200
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    assert notice.contact.bounced_at is None
    assert DeliveryEvent.objects.get().kind == kind
    later = NOW + timedelta(days=2)
    escalate(later)
    send(later)
    assert sink.recipients.count(notice.address) == 2


def test_a_notice_is_found_by_its_own_identifier_where_the_provider_hands_it_back(client: Client, sink: Sink):
    notice = sent_notice(sink)
    told: dict[str, Any] = {"message": {"headers": {"message-id": "of-the-provider@mailgun.example"}}}
    told["user-variables"] = {"notice": str(notice.public_id)}
    post(client, body(notice, **told))
    notice.refresh_from_db()
    assert notice.state == Notice.State.DELIVERED


def test_a_notice_is_found_by_the_providers_identifier(client: Client, sink: Sink):
    notice = sent_notice(sink)
    Notice.objects.filter(pk=notice.pk).update(provider_id="<20240319.1@mailgun.example>")
    post(client, body(notice, message={"headers": {"message-id": "20240319.1@mailgun.example"}}))
    notice.refresh_from_db()
    assert notice.state == Notice.State.DELIVERED


def test_a_provider_that_is_not_configured_is_not_found(client: Client, settings: LazySettings, sink: Sink):
    settings.ANYMAIL = {}
    assert post(client, {}) == 404


def test_reports_that_anybody_could_send_are_not_taken(client: Client, settings: LazySettings, sink: Sink):
    notice = sent_notice(sink)
    forged = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "TypeCode": 1,
        "ID": 1,
        "MessageID": "1",
        "Email": notice.address,
        "BouncedAt": NOW.isoformat(),
        "Metadata": {"notice": str(notice.public_id)},
    }
    url = "/anymail/postmark/tracking/"
    assert client.post(url, json.dumps(forged), content_type="application/json").status_code == 404
    settings.ANYMAIL = {"WEBHOOK_SECRET": "mail:secret"}
    assert client.post(url, json.dumps(forged), content_type="application/json").status_code == 400
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT
    signed_in = {"Authorization": "Basic bWFpbDpzZWNyZXQ="}
    assert client.post(url, json.dumps(forged), content_type="application/json", headers=signed_in).status_code == 200
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED


def away(notice: Notice) -> Report:
    return Report(esp="Postmark", event_id="7", kind="autoresponded", at=NOW, notice=str(notice.public_id))


def test_an_automatic_reply_brings_the_next_contact_in(sink: Sink):
    notice = sent_notice(sink)
    assert record_delivery(away(notice), now=NOW) is not None
    follower = Notice.objects.exclude(pk=notice.pk).get()
    assert (follower.contact.rank, follower.cause) == (1, f"{notice.address} answered automatically.")
    assert Contact.objects.get(pk=notice.contact_id).bounced_at is None
    assert_event("notice.reported", notice, kind="autoresponded")


def test_an_automatic_reply_after_the_acknowledgement_brings_nobody_in(sink: Sink):
    notice = sent_notice(sink)
    acknowledge(notice.affected_subscriber, contact=notice.contact, actor="contact:1", now=NOW)
    record_delivery(away(notice), now=NOW)
    assert Notice.objects.count() == 1


def test_a_block_by_the_receiving_server_blames_no_contact_but_brings_the_next_in(sink: Sink):
    notice = sent_notice(sink)
    report = Report(esp="Postmark", event_id="8", kind="bounced", at=NOW, message_id=notice.message_id)
    record_delivery(report, now=NOW)
    notice.refresh_from_db()
    assert notice.state == Notice.State.BOUNCED
    assert notice.contact.bounced_at is None
    assert Notice.objects.count() == 2


def test_two_reports_of_one_failure_bring_one_contact_in(sink: Sink):
    notice = sent_notice(sink)
    for event_id, kind in (("1", "rejected"), ("2", "bounced")):
        record_delivery(Report(esp="X", event_id=event_id, kind=kind, at=NOW, message_id=notice.message_id), now=NOW)
    assert Notice.objects.count() == 2


def test_two_automatic_replies_bring_one_contact_in(sink: Sink):
    notice = sent_notice(sink)
    record_delivery(away(notice), now=NOW)
    record_delivery(replace(away(notice), event_id="another"), now=NOW)
    assert Notice.objects.count() == 2


def test_a_bounce_after_the_deadline_writes_nothing_more(sink: Sink):
    notice = sent_notice(sink)
    late = NOW + timedelta(days=5)
    report = Report(esp="X", event_id="9", kind="bounced", at=late, message_id=notice.message_id, is_permanent=True)
    record_delivery(report, now=late)
    assert Notice.objects.count() == 1
    assert Contact.objects.get(pk=notice.contact_id).bounced_at == late


def test_a_report_with_a_broken_identifier_is_not_ours(sink: Sink):
    sent_notice(sink)
    report = Report(esp="X", event_id="10", kind="bounced", at=NOW, notice="no-uuid", message_id="")
    assert record_delivery(report, now=NOW) is None
