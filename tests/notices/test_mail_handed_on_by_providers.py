"""Mail that a provider hands on at its inbound address: signed, and counted once."""

import hashlib
import hmac

import pytest
from django.conf import LazySettings
from django.test import Client

from notices.models import InboundMessage, Notice
from tests.conftest import NOW, FrozenClock
from tests.notices.sink import Sink
from tests.notices.test_what_comes_back import reply, sent_notice

pytestmark = pytest.mark.django_db
KEY = "a signing key of this test"
URL = "/anymail/mailgun/inbound_mime/"


@pytest.fixture(autouse=True)
def provider(settings: LazySettings, frozen_clock: FrozenClock) -> None:
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY}
    settings.NOTICE_FROM = "Example CA <revocation@ca.example>"


def post(client: Client, notice: Notice, *, key: str = KEY, **header: str) -> int:
    stamp, token = str(int(NOW.timestamp())), "a token"
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    fields = {
        "timestamp": stamp,
        "token": token,
        "signature": signature,
        "sender": notice.address,
        "recipient": "revocation@ca.example",
        "body-mime": reply(notice, "Away until 28 March 2024.", **header).decode(),
    }
    return client.post(URL, fields).status_code


def test_an_automatic_reply_brings_the_next_contact_in_once(client: Client, sink: Sink):
    notice = sent_notice(sink)
    assert [post(client, notice, Auto_Submitted="auto-replied") for _ in range(3)] == [200] * 3
    kept = InboundMessage.objects.get()
    assert (kept.kind, kept.source, kept.return_date, kept.notice) == ("auto_reply", "Mailgun", "2024-03-28", notice)
    assert Notice.objects.count() == 2


def test_a_forged_one_is_refused_and_a_provider_that_is_not_configured_not_found(
    client: Client, sink: Sink, settings: LazySettings
):
    notice = sent_notice(sink)
    assert post(client, notice, key="another key") == 400
    settings.ANYMAIL = {}
    assert post(client, notice) == 404
    assert InboundMessage.objects.count() == 0
