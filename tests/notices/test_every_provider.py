"""Every provider that Anymail takes reports from, at the address of this project that it would call."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from audit.models import Event
from notices.models import DeliveryEvent, Notice
from subscribers.models import Contact
from tests import make
from tests.conftest import NOW, FrozenClock
from tests.notices.flow import escalate, send
from tests.notices.providers import Provider as Server
from tests.notices.providers import provider_server
from tests.notices.signed_by_providers import Posted
from tests.notices.sink import Sink
from tests.notices.told_by_providers import PROVIDERS, Provider

pytestmark = pytest.mark.django_db
SILENT = ("complaint", "unsubscribed", "opened")
SIGNED_WITHIN = {"mailgun", "unisender_go"}
"""Their signature is a part of the payload, not a header."""
NOT_ARRIVED = {"bounced", "rejected", "failed"}
NONSENSE = [b"", b"[]", b"{}", b"null", b"[1]", b'"x"', b"{not json", b"\xff\xfe", b"[" * 5000]
every_provider = pytest.mark.parametrize("name", PROVIDERS)


@pytest.fixture(autouse=True)
def clock(frozen_clock: FrozenClock) -> None:
    """Reports come at the moment at which the tests begin."""


def sent(number: int = 1) -> list[Notice]:
    """Notices of one campaign that went out, each to the primary contact of a subscriber with a backup."""
    make.running_campaign([make.certificate(make.subscriber(contacts=2)) for _ in range(number)])
    found = sorted(escalate(NOW), key=lambda notice: notice.pk)
    assert send(NOW) == number
    for place, notice in enumerate(found):
        Notice.objects.filter(pk=notice.pk).update(provider_id=str(4711 + place))
        notice.refresh_from_db()
    return found


def post(client: Client, name: str, posted: Posted) -> int:
    url = f"/anymail/{name}/{PROVIDERS[name].path}"
    return client.post(url, posted.body, content_type=posted.content_type, headers=posted.headers).status_code


def report(client: Client, name: str, notice: Notice, told: dict[str, Any], *, right: bool = True) -> int:
    provider = PROVIDERS[name]
    return post(client, name, provider.pack(json.dumps(provider.write(notice, told)).encode(), right))


def counts() -> tuple[int, ...]:
    return DeliveryEvent.objects.count(), Notice.objects.count(), Event.objects.count()


def state_after(kind: str, was: str) -> str:
    return "delivered" if kind == "delivered" else "bounced" if kind in NOT_ARRIVED else was


@every_provider
def test_each_report_is_recorded_once_and_what_must_follows(
    client: Client, settings: LazySettings, sink: Sink, name: str
):
    provider = PROVIDERS[name]
    settings.ANYMAIL = provider.settings
    notices = dict(zip(provider.told, sent(len(provider.told)), strict=True))
    for kind, notice in notices.items():
        told, called = provider.told[kind]
        assert report(client, name, notice, told) == 200, kind
        after = counts()
        assert [report(client, name, notice, told) for _ in range(2)] == [200, 200], kind
        assert counts() == after, kind
        event = DeliveryEvent.objects.get(notice=notice)
        assert (event.kind, event.is_permanent) == (called, kind == "hard"), (kind, event.detail)
        notice.refresh_from_db()
        assert notice.state == state_after(called, "sent"), kind
        assert (Contact.objects.get(pk=notice.contact_id).bounced_at == NOW) is (kind == "hard"), kind
        ranks = Notice.objects.filter(affected_subscriber=notice.affected_subscriber).values_list("contact__rank")
        follows = called in NOT_ARRIVED or kind == "away"
        assert sorted(rank for (rank,) in ranks) == ([0, 1] if follows else [0]), kind


@every_provider
def test_complaints_withdrawals_and_the_providers_own_lists_silence_nobody(
    client: Client, settings: LazySettings, sink: Sink, name: str
):
    provider = PROVIDERS[name]
    settings.ANYMAIL = provider.settings
    kinds = [kind for kind in (*SILENT, "suppressed") if kind in provider.told]
    notices = sent(len(kinds))
    for kind, notice in zip(kinds, notices, strict=True):
        report(client, name, notice, provider.told[kind][0])
    later = NOW + timedelta(days=2)
    escalate(later)
    send(later)
    assert {sink.recipients.count(notice.address) for notice in notices} == {2}


@every_provider
def test_forged_reports_change_nothing(client: Client, settings: LazySettings, sink: Sink, name: str):
    provider = PROVIDERS[name]
    settings.ANYMAIL = provider.settings
    [notice] = sent()
    before, told = counts(), provider.told["hard"][0]
    right = provider.pack(json.dumps(provider.write(notice, told)).encode(), True)
    assert 400 <= report(client, name, notice, told, right=False) < 500
    bare = Posted(json.dumps(provider.write(notice, told)).encode())
    assert 400 <= post(client, name, bare) < 500
    if name not in SIGNED_WITHIN:
        assert 400 <= post(client, name, Posted(right.body, right.content_type)) < 500
    settings.ANYMAIL = {}
    assert post(client, name, right) == 404
    notice.refresh_from_db()
    assert (counts(), notice.state) == (before, "sent")


@every_provider
def test_what_is_no_report_is_refused_and_no_fault_of_ours(client: Client, settings: LazySettings, name: str):
    provider: Provider = PROVIDERS[name]
    settings.ANYMAIL = provider.settings
    for body in NONSENSE:
        status = post(client, name, provider.pack(body, True))
        assert 400 <= status < 500 or (status == 200 and body in {b"[]", b"{}"}), body
    assert DeliveryEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "left_out"), [("mailjet", "time"), ("brevo", "ts_epoch"), ("postmark", "DeliveredAt")]
)
def test_a_report_without_a_time_counts_once_whenever_it_comes_again(
    client: Client, settings: LazySettings, sink: Sink, frozen_clock: FrozenClock, name: str, left_out: str
):
    provider = PROVIDERS[name]
    settings.ANYMAIL = provider.settings
    [notice] = sent()
    payload = provider.write(notice, provider.told["delivered"][0])
    event = payload[0] if isinstance(payload, list) else payload
    event.pop(left_out)
    event.pop("ID", None)  # Postmark numbers nothing but bounces
    for _ in range(3):
        assert post(client, name, provider.pack(json.dumps(payload).encode(), True)) == 200
        frozen_clock.move(timedelta(minutes=1))
    assert DeliveryEvent.objects.get().at == NOW


def test_a_notice_that_postal_has_numbered_is_found_by_its_number(client: Client, settings: LazySettings):
    make.affected()
    [notice] = escalate(NOW)
    reply = {
        "status": "success",
        "data": {"message_id": "x", "messages": {notice.address: {"id": 90210, "token": "t"}}},
    }
    with provider_server(Server(reply=reply)) as server:
        options = {"api_key": "only for tests", "api_url": server.url}
        backend = "anymail.backends.postal.EmailBackend"
        settings.MAIL_ROUTES = [{"name": "postal", "backend": backend, "options": options, "per_minute": 0}]
        assert send(NOW) == 1
    notice.refresh_from_db()
    assert notice.provider_id == "90210"
    settings.ANYMAIL = PROVIDERS["postal"].settings
    assert report(client, "postal", notice, PROVIDERS["postal"].told["hard"][0]) == 200
    notice.refresh_from_db()
    assert notice.state == "bounced"
