"""Mail that providers hand on, at the address of this project that each would call; and what cannot be taken."""

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import Event
from core.errors import Malformed
from notices.models import DeliveryEvent, InboundMessage, Notice
from notices.sns import confirmation
from tests import make
from tests.conftest import NOW, FrozenClock
from tests.notices.flow import escalate, send
from tests.notices.handed_on_by_providers import HOUSES, Shelf, form, shelf_server
from tests.notices.signed_by_providers import KEY, Posted, basic
from tests.notices.sink import Sink
from tests.notices.test_what_comes_back import reply

pytestmark = pytest.mark.django_db
NONSENSE = [b"", b"[]", b"{}", b"null", b"[1]", b"{not json", b"\xff\xfe", b"[" * 5000]
every_house = pytest.mark.parametrize("name", HOUSES)
MAILGUN = "/anymail/mailgun/inbound_mime/"


@pytest.fixture(autouse=True)
def own(settings: LazySettings, frozen_clock: FrozenClock) -> None:
    settings.NOTICE_FROM = "Example CA <revocation@ca.example>"


@pytest.fixture
def shelf(settings: LazySettings) -> Iterator[Shelf]:
    with shelf_server(Shelf(b"", [])) as served:
        yield served


def sent() -> Notice:
    make.affected(contacts=2)
    [notice] = escalate(NOW)
    send(NOW)
    notice.refresh_from_db()
    return notice


def configure(settings: LazySettings, name: str, shelf: Shelf) -> None:
    settings.ANYMAIL = {key: value.replace("{url}", shelf.url) for key, value in HOUSES[name].settings.items()}


def hand_on(client: Client, name: str, raw: bytes, *, right: bool = True) -> int:
    return post(client, name, HOUSES[name].pack(json.dumps(HOUSES[name].write(raw)).encode(), right))


def post(client: Client, name: str, posted: Posted) -> int:
    url = f"/anymail/{HOUSES[name].path}"
    return client.post(url, posted.body, content_type=posted.content_type, headers=posted.headers).status_code


@every_house
def test_an_automatic_reply_counts_once_and_brings_the_next_contact_in(
    client: Client, settings: LazySettings, sink: Sink, shelf: Shelf, name: str
):
    configure(settings, name, shelf)
    notice = sent()
    shelf.raw = reply(notice, "Away until 28 March 2024.", Auto_Submitted="auto-replied", Subject="Abwesend")
    assert [hand_on(client, name, shelf.raw) for _ in range(3)] == [200] * 3
    kept = InboundMessage.objects.get()
    assert (kept.kind, kept.notice, kept.return_date) == ("auto_reply", notice, "2024-03-28")
    assert (kept.sender, kept.subject, kept.text.strip()) == (notice.address, "Abwesend", "Away until 28 March 2024.")
    assert (Notice.objects.count(), DeliveryEvent.objects.count()) == (2, 1)


@every_house
def test_forged_mail_changes_nothing(client: Client, settings: LazySettings, sink: Sink, shelf: Shelf, name: str):
    configure(settings, name, shelf)
    notice = sent()
    shelf.raw, before = reply(notice, Auto_Submitted="auto-replied"), Event.objects.count()
    assert 400 <= hand_on(client, name, shelf.raw, right=False) < 500
    settings.ANYMAIL = {}
    assert hand_on(client, name, shelf.raw) == 404
    assert (InboundMessage.objects.count(), Notice.objects.count(), Event.objects.count()) == (0, 1, before)
    assert shelf.asked == []


@every_house
def test_what_is_no_message_is_refused_and_no_fault_of_ours(
    client: Client, settings: LazySettings, shelf: Shelf, name: str
):
    configure(settings, name, shelf)
    for body in NONSENSE:
        status = post(client, name, HOUSES[name].pack(body, True))
        assert 400 <= status < 500 or (status == 200 and body in {b"[]", b"{}"}), body
    assert InboundMessage.objects.count() == 0


@pytest.mark.parametrize("name", ["mailtrap", "resend"])
def test_a_provider_whose_own_server_is_away_is_asked_to_try_again(
    client: Client, settings: LazySettings, sink: Sink, shelf: Shelf, name: str
):
    configure(settings, name, shelf)
    shelf.raw, shelf.status = reply(sent()), 500
    assert hand_on(client, name, shelf.raw) == 503
    assert InboundMessage.objects.count() == 0
    shelf.status = 200
    assert hand_on(client, name, shelf.raw) == 200
    assert InboundMessage.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Subject", "half a face \ud83d"),
        ("Subject", "two\r\nBcc: lines@example.org"),
        ("Content-Type", 'multipart/report; boundary="\ud83d"'),
        ("Content-Transfer-Encoding", "\u00e9"),
        ("Message-ID", "<" * 3000),
        ("X-\ud83d", "x"),
        ("", "x"),
        ("References", "\u00e4" * 3000),
    ],
)
def test_a_message_that_cannot_be_turned_back_is_kept_by_its_words_or_refused(
    client: Client, settings: LazySettings, sink: Sink, shelf: Shelf, field: str, value: str
):
    name = "postmark, in parts"
    configure(settings, name, shelf)
    notice = sent()
    payload = HOUSES[name].write(reply(notice, "We replace them tonight."))
    if field == "Subject":
        payload["Subject"] = value
    else:
        payload["Headers"].append({"Name": field, "Value": value})
    status = post(client, name, basic(json.dumps(payload).encode(), True))
    found = [(each.kind, each.notice, each.text.strip()) for each in InboundMessage.objects.all()]
    assert (status, found) in [(200, [("answer", notice, "We replace them tonight.")]), (400, [])]


def test_a_post_of_30_mb_is_refused_whole(client: Client, settings: LazySettings, sink: Sink, shelf: Shelf):
    notice, before = sent(), Event.objects.count()
    raw = reply(notice, "We replace them tonight.", Auto_Submitted="auto-replied") + b"x" * (30 * 1024 * 1024)
    configure(settings, "postmark, whole", shelf)
    assert hand_on(client, "postmark, whole", raw) == 413
    configure(settings, "mailgun, in parts", shelf)
    fields = HOUSES["mailgun, in parts"].write(reply(notice)) | {"attachment-count": "1"}
    file = SimpleUploadedFile("all.zip", b"x" * (30 * 1024 * 1024))
    assert client.post("/anymail/mailgun/inbound/", fields | {"attachment-1": file}).status_code == 413
    assert (InboundMessage.objects.count(), Notice.objects.count(), Event.objects.count()) == (0, 1, before)


def test_the_envelope_cannot_add_lines_to_the_header(client: Client, settings: LazySettings, sink: Sink, shelf: Shelf):
    configure(settings, "mailgun, whole", shelf)
    notice = sent()
    fields = HOUSES["mailgun, whole"].write(reply(notice)) | {
        "recipient": "a@ca.example\r\nAuto-Submitted: auto-replied"
    }
    posted = form(json.dumps(fields).encode(), True, signed=True)
    assert client.post(MAILGUN, posted.body, content_type=posted.content_type).status_code == 200
    assert InboundMessage.objects.get().kind == "answer"


TOPIC = "arn:aws:sns:eu-central-1:123456789012:notices"


def subscription(**told: str) -> Posted:
    """What SNS posts first to an address that it is to report to."""
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "1",
        "TopicArn": TOPIC,
        "Token": "2336412f37fb",
        "SubscribeURL": "http://127.0.0.1:9/stolen",
        "SigningCertURL": "http://127.0.0.1:9/stolen.pem",
        **told,
    }
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation", "x-amz-sns-message-id": "1"}
    return Posted(json.dumps(message).encode(), "text/plain", headers | basic(b"", True).headers)


def test_a_subscription_of_sns_is_confirmed_at_amazons_own_address_and_nowhere_else(
    client: Client, settings: LazySettings, shelf: Shelf
):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "mail:secret", "AMAZON_SES_CLIENT_PARAMS": {"endpoint_url": shelf.url}}
    assert post(client, "amazon_ses", subscription()) == 200
    wanted = "/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1%3A123456789012%3Anotices"
    assert shelf.asked == [f"{wanted}&Token=2336412f37fb"]
    assert confirmation(TOPIC, "t").startswith("https://sns.eu-central-1.amazonaws.com/?Action=")
    china = confirmation("arn:aws-cn:sns:cn-north-1:123456789012:n", "t")
    assert china.startswith("https://sns.cn-north-1.amazonaws.com.cn/?")
    shelf.status = 500
    assert post(client, "amazon_ses", subscription()) == 503


def test_a_subscription_without_the_secret_calls_nobody(client: Client, settings: LazySettings, shelf: Shelf):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "mail:secret", "AMAZON_SES_CLIENT_PARAMS": {"endpoint_url": shelf.url}}
    asked = subscription()
    bare = {name: value for name, value in asked.headers.items() if name != "Authorization"}
    assert post(client, "amazon_ses", Posted(asked.body, asked.content_type, bare)) == 401
    assert post(client, "amazon_ses", Posted(asked.body, asked.content_type, bare | basic(b"", False).headers)) == 400
    settings.ANYMAIL = {}
    assert post(client, "amazon_ses", asked) == 404
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("topic", "token"),
    [
        ("arn:aws:sns:evil.example/:123456789012:t", "1"),
        ("arn:aws:sns:eu-central-1.evil.example:123456789012:t", "1"),
        ("arn:aws:sns:eu-central-1:123456789012:t\n", "1"),
        ("arn:aws:s3:::bucket", "1"),
        ("None", "1"),
        (TOPIC, ""),
        (TOPIC, "1&Action=Unsubscribe"),
        (TOPIC, "1" * 5000),
    ],
)
def test_what_is_no_subscription_is_refused(client: Client, settings: LazySettings, topic: str, token: str):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "mail:secret"}
    with pytest.raises(Malformed):
        confirmation(topic, token)
    assert post(client, "amazon_ses", subscription(TopicArn=topic, Token=token)) == 400


def test_mail_in_a_bucket_is_not_fetched(client: Client, settings: LazySettings, shelf: Shelf):
    configure(settings, "amazon_ses", shelf)
    payload = HOUSES["amazon_ses"].write(b"")
    payload["receipt"]["action"] = {"type": "S3", "bucketName": "b", "objectKey": KEY}
    assert post(client, "amazon_ses", HOUSES["amazon_ses"].pack(json.dumps(payload).encode(), True)) == 400
    assert InboundMessage.objects.count() == 0
