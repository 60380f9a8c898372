"""Text messages, calls, chats and webhooks, and the sink that takes them all in a drill."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from core.due import claim
from notices import hooks
from notices.channels import available, chat_url
from notices.models import Notice
from notices.outcomes import AddressRefused
from notices.services import send_notices
from subscribers.models import Channel, Contact
from subscribers.webhook_keys import webhook_key
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, SignIn
from tests.notices.flow import escalate
from tests.notices.providers import Provider, provider_server
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_server(Provider()) as served:
        yield served


@pytest.fixture
def second() -> Iterator[Provider]:
    with provider_server(Provider()) as served:
        yield served


def send(now: Any = NOW) -> int:
    rows = claim(Notice.objects.sendable(), now=now, limit=500)
    return send_notices(rows, now=now) if rows else 0


def queued(channel: str, *, contacts: int = 1, kind: str = "live", **contact: Any) -> Notice:
    """A notice of the first step to a contact, by a channel that it has given."""
    holder = make.subscriber(contacts=contacts)
    Contact.objects.filter(subscriber=holder, rank=0).update(**contact)
    made = make.running_campaign([make.certificate(holder)], kind=kind)
    [notice] = escalate(NOW)
    person = holder.contacts.get(rank=0)
    address = person.address_for(channel)
    Notice.objects.filter(pk=notice.pk).update(channel=channel, address=address, body_text="Your certificates.")
    assert made.is_drill is (kind == "drill")
    notice.refresh_from_db()
    return notice


def fresh(notice: Notice) -> Notice:
    return Notice.objects.get(pk=notice.pk)


def followers(notice: Notice) -> list[tuple[str, int]]:
    return list(Notice.objects.exclude(pk=notice.pk).values_list("channel", "contact__rank"))


def json_target(provider: Provider, rest: str = "") -> str:
    return f"json://{provider.host}/{{number}}{rest}"


def test_a_text_message_goes_to_the_number_as_it_is_dialled(provider: Provider, settings: LazySettings):
    settings.SMS_URLS = [json_target(provider)]
    notice = queued(Channel.SMS, takes_sms=True, phone="+41 (0)44 555-01.02")
    assert send() == 1
    [asked] = provider.taken
    assert asked.path == "/+41445550102"
    assert asked.json["message"] == "Your certificates."
    assert fresh(notice).route == "sms-1"
    assert_event("notice.sent", notice, channel="sms", route="sms-1")


def test_a_call_by_machine_has_providers_of_its_own(provider: Provider, second: Provider, settings: LazySettings):
    settings.SMS_URLS, settings.VOICE_URLS = [json_target(second)], [json_target(provider)]
    notice = queued(Channel.VOICE, takes_voice=True)
    assert send() == 1
    assert (len(provider.taken), len(second.asked)) == (1, 0)
    assert fresh(notice).route == "voice-1"


def test_when_one_provider_of_text_messages_fails_the_next_one_takes_over(
    provider: Provider, second: Provider, settings: LazySettings
):
    settings.SMS_URLS = [json_target(provider), json_target(second)]
    provider.status = 500
    notice = queued(Channel.SMS, takes_sms=True)
    assert send() == 1
    assert fresh(notice).route == "sms-2"


def test_a_provider_that_stays_away_gives_way_to_the_next_channel(provider: Provider, settings: LazySettings):
    settings.SMS_URLS = [json_target(provider)]
    provider.status = 503
    notice = queued(Channel.SMS, takes_sms=True)
    make_step_take(notice, ["sms", "mail"])
    for minutes in (0, 1, 3):
        assert fresh(notice).state == Notice.State.QUEUED
        assert send(NOW + minutes * MINUTE) == 0
    assert fresh(notice).state == Notice.State.REFUSED
    assert "503" in fresh(notice).last_error
    assert followers(notice) == [("mail", 0)]
    assert fresh(notice).contact.bounced_at is None


def test_a_number_that_a_provider_refuses_gives_way_to_the_next_channel_at_once(
    provider: Provider, settings: LazySettings
):
    settings.SMS_URLS = [json_target(provider)]
    provider.status = 400
    notice = queued(Channel.SMS, takes_sms=True)
    make_step_take(notice, ["sms", "mail"])
    assert send() == 0
    assert followers(notice) == [("mail", 0)]


@pytest.mark.parametrize("phone", ["ask for Olga", "+41 44 5", "0800-CALL-ME", "+41445550102/../../admin"])
def test_what_is_no_number_is_not_dialled(provider: Provider, settings: LazySettings, phone: str):
    settings.SMS_URLS = [json_target(provider)]
    notice = queued(Channel.SMS, takes_sms=True, phone=phone)
    assert send() == 0
    assert provider.asked == []
    assert fresh(notice).state == Notice.State.REFUSED


def test_no_secret_of_a_provider_is_logged_or_kept(
    provider: Provider, settings: LazySettings, caplog: pytest.LogCaptureFixture
):
    settings.SMS_URLS = [f"json://name:very-secret@{provider.host}/{{number}}?+X-Token=also-secret"]
    provider.status = 500
    notice = queued(Channel.SMS, takes_sms=True)
    with caplog.at_level("INFO"):
        send()
    assert provider.asked[0].headers["x-token"] == "also-secret"
    assert "secret" not in caplog.text + fresh(notice).last_error


def make_step_take(notice: Notice, channels: list[str]) -> None:
    assert notice.step is not None
    type(notice.step).objects.filter(pk=notice.step.pk).update(channels=channels)


def test_a_chat_server_that_the_operator_has_named_is_talked_to(provider: Provider, settings: LazySettings):
    settings.CHAT_HOSTS = [provider.host]
    notice = queued(Channel.CHAT, chat_url=f"mmost://{provider.host}/3ccdd113474722377935511fc85d3dd4")
    assert send() == 1
    assert "Your certificates." in provider.taken[0].body.decode()
    assert fresh(notice).route == "chat"


@pytest.mark.parametrize(
    "url",
    [
        "mmost://127.0.0.1/3ccdd113474722377935511fc85d3dd4",
        "json://127.0.0.1/",
        "file:///etc/passwd",
        "syslog://",
        "dbus://",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?verify=no",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?rto=3600",
        "mailto://name:password@example.com",
        "mmost://chat.bank.example/3ccdd113474722377935511fc85d3dd4?channel=a;verify=no",
        "mmost://chat.bank.example/3ccdd113474722377935511fc85d3dd4#a?verify=no&rto=600",
        "",
        "mmost://[",
    ],
)
def test_a_chat_address_leads_neither_into_our_house_nor_around_our_rules(settings: LazySettings, url: str):
    settings.CHAT_HOSTS = ["chat.bank.example"]
    with pytest.raises(AddressRefused):
        chat_url(url)


def test_a_chat_address_of_a_public_service_is_taken():
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#incident"
    assert chat_url(url) == url


def test_a_webhook_is_signed_as_standard_webhooks_says(provider: Provider, settings: LazySettings):
    settings.PRIVATE_WEBHOOK_HOSTS = [provider.host]
    notice = queued(Channel.WEBHOOK, webhook_url=f"{provider.url}/hooks/recall")
    assert send() == 1
    [asked] = provider.taken
    said = asked.headers
    assert (asked.path, said["webhook-id"]) == ("/hooks/recall", str(notice.public_id))
    assert int(said["webhook-timestamp"]) == int(NOW.timestamp())
    key = base64.b64decode(webhook_key(notice.contact).removeprefix("whsec_"))
    signed = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + asked.body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert said["webhook-signature"] == f"v1,{expected}"
    assert (asked.json["type"], asked.json["data"]["text"]) == ("recall.notice", "Your certificates.")
    assert asked.json["data"]["subscriber"] == notice.affected_subscriber.subscriber.reference


def test_the_signature_is_that_of_the_specification():
    found = hooks.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        identifier="msg_p5jXN8AQM9LWM0D4loKWxJek", seconds=1614265330, body=b'{"test": 2432232314}',
    )  # fmt: skip
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_contacts_have_keys_of_their_own():
    first, second = make.subscriber(contacts=2).contacts.all()
    assert webhook_key(first) == webhook_key(Contact.objects.get(pk=first.pk)) != webhook_key(second)
    assert len(base64.b64decode(webhook_key(first).removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/x", "https://[::1]/x", "http://bank.example/x", "ftp://a.example/"]
)
def test_a_webhook_leads_neither_into_our_house_nor_over_plain_http(url: str):
    notice = queued(Channel.WEBHOOK, webhook_url=url)
    assert send() == 0
    assert fresh(notice).state == Notice.State.REFUSED


def test_a_webhook_that_fails_gives_way_to_the_next_channel_and_its_address_is_not_repeated(
    provider: Provider, settings: LazySettings
):
    settings.PRIVATE_WEBHOOK_HOSTS = [provider.host]
    provider.status = 410
    notice = queued(Channel.WEBHOOK, webhook_url=f"{provider.url}/hooks/secret-token")
    make_step_take(notice, ["webhook", "mail"])
    assert send() == 0
    assert followers(notice) == [("mail", 0)]
    assert "secret-token" not in fresh(notice).last_error
    assert "410" in fresh(notice).last_error


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE, Channel.CHAT, Channel.WEBHOOK])
def test_a_drill_goes_by_every_channel_to_its_sink_only(
    provider: Provider, second: Provider, sink: Sink, settings: LazySettings, channel: str
):
    settings.SMS_URLS = settings.VOICE_URLS = [json_target(second)]
    settings.PRIVATE_WEBHOOK_HOSTS = settings.CHAT_HOSTS = [second.host]
    settings.DRILL_CHANNEL_URL = f"{provider.url}/drill"
    notice = queued(
        channel, kind="drill", takes_sms=True, takes_voice=True,
        chat_url=f"mmost://{second.host}/3ccdd113474722377935511fc85d3dd4", webhook_url=f"{second.url}/x",
    )  # fmt: skip
    assert send() == 1
    assert second.asked == []
    [asked] = provider.taken
    address = notice.contact.address_for(channel)
    expected = {"channel": channel, "address": address, "text": "Your certificates.", "notice": str(notice.public_id)}
    assert asked.json == expected
    assert fresh(notice).route == "drill-channels"


def test_a_drill_without_a_sink_for_channels_has_mail_only(second: Provider, sink: Sink, settings: LazySettings):
    settings.SMS_URLS = [json_target(second)]
    assert available(is_drill=True) == ("mail",)
    notice = queued(Channel.SMS, kind="drill", takes_sms=True)
    assert send() == 0
    assert second.asked == []
    assert "DRILL_CHANNEL_URL" in fresh(notice).last_error


def test_a_channel_without_a_provider_any_more_gives_way_to_the_next_one(settings: LazySettings):
    notice = queued(Channel.SMS, takes_sms=True)
    make_step_take(notice, ["sms", "mail"])
    assert send() == 0
    assert fresh(notice).last_error == "No provider is set up for the channel sms."
    assert followers(notice) == [("mail", 0)]


def test_the_channels_of_live_campaigns_are_those_that_are_set_up(settings: LazySettings):
    assert available(is_drill=False) == ("mail", "chat", "webhook")
    settings.SMS_URLS = ["json://gateway.example/{number}"]
    settings.DRILL_CHANNEL_URL = "http://127.0.0.1:9/"
    assert available(is_drill=False) == ("mail", "sms", "chat", "webhook")
    assert available(is_drill=True) == ("mail", "sms", "voice", "chat", "webhook")


def test_the_key_is_shown_to_those_who_may_change_the_contact_and_to_nobody_else(sign_in: SignIn):
    contact = make.subscriber(contacts=1).contacts.get()
    Contact.objects.filter(pk=contact.pk).update(webhook_url="https://bank.example/hooks")
    url = f"/subscribers/contact/{contact.pk}/change/"
    assert webhook_key(contact) in sign_in("olga", role="operator").get(url).content.decode()
    assert webhook_key(contact) not in sign_in("carl", role="caller").get(url).content.decode()
