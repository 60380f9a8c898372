"""What the console does about contacts."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Event
from subscribers import links
from subscribers.models import Contact
from subscribers.services import mark_contact_bounced, mark_contact_left
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(frozen_clock: FrozenClock) -> Contact:
    return make.subscriber(contacts=1).contacts.get()


@pytest.fixture
def client(sign_in: Callable[..., Client]) -> Client:
    return sign_in("olga", role="operator")


def url(contact: Contact, act: str) -> str:
    return reverse("admin:subscribers_contact_act", args=[contact.pk, act])


def test_looking_at_an_act_does_nothing(client: Client, contact: Contact):
    for act in ("verify", "left", "back", "unbounce", "cut-off"):
        assert client.get(url(contact, act)).status_code == 200
    assert not Event.objects.filter(actor="staff:olga").exists()
    assert client.get(url(contact, "burn")).status_code == 404


def test_a_contact_is_verified_by_hand(client: Client, contact: Contact):
    mark_contact_bounced(contact, note="550", actor="esp:x", now=NOW)
    assert client.post(url(contact, "verify")).status_code == 302
    contact.refresh_from_db()
    assert (contact.verified_at, contact.bounced_at) == (NOW, None)
    assert_event("contact.verified", actor="staff:olga")


def test_a_bounce_is_cleared_without_a_verification(client: Client, contact: Contact):
    mark_contact_bounced(contact, note="550", actor="esp:x", now=NOW)
    assert client.post(url(contact, "unbounce")).status_code == 302
    contact.refresh_from_db()
    assert (contact.verified_at, contact.bounced_at, contact.bounce_note) == (None, None, "")
    assert assert_event("contact.bounce_cleared", actor="staff:olga").facts["note"] == "550"


def test_a_contact_leaves_and_comes_back(client: Client, contact: Contact):
    assert client.post(url(contact, "left"), {"note": "said so on the telephone"}).status_code == 302
    contact.refresh_from_db()
    assert (contact.left_at, contact.left_note) == (NOW, "said so on the telephone")
    assert not mark_contact_left(contact, actor="system", now=NOW)
    assert client.post(url(contact, "back")).status_code == 302
    contact.refresh_from_db()
    assert (contact.left_at, contact.left_note) == (None, "")
    assert_event("contact.back", actor="staff:olga")


def test_links_are_cut_off_by_hand(client: Client, contact: Contact):
    token = links.token(contact)
    assert client.post(url(contact, "cut-off")).status_code == 302
    assert Client().get(f"/contact/{token}/").status_code == 410


@pytest.mark.parametrize("role", ["caller", "auditor", "approver"])
def test_others_may_not(sign_in: Callable[..., Client], contact: Contact, role: str):
    other = sign_in("vera", role=role)
    for act in ("verify", "left", "back", "unbounce", "cut-off"):
        assert other.post(url(contact, act)).status_code == 403
    assert not Event.objects.filter(actor="staff:vera").exists()


def test_the_subscribers_page_offers_the_acts(client: Client, contact: Contact):
    mark_contact_bounced(contact, note="550 no such person", actor="esp:x", now=NOW)
    page = client.get(reverse("admin:subscribers_subscriber_change", args=[contact.subscriber_id])).content.decode()
    assert url(contact, "verify") in page
    assert url(contact, "unbounce") in page
    assert url(contact, "back") not in page
    assert "550 no such person" in page


def test_channels_are_edited_on_the_contacts_own_page(client: Client, contact: Contact):
    page = reverse("admin:subscribers_contact_change", args=[contact.pk])
    data = {"name": "Wang", "email": contact.email, "phone": "+1 555 0100", "role": "primary", "rank": "0"}
    assert client.post(page, data | {"phone": "", "takes_sms": "on"}).status_code == 200
    assert client.post(page, data | {"chat_url": "nowhere"}).status_code == 200
    assert not Event.objects.filter(verb="contact.edited").exists()
    edits = {"takes_sms": "on", "chat_url": "msteams://a/b", "language": "zh_cn", "time_zone": "asia/shanghai"}
    assert client.post(page, data | edits).status_code == 302
    contact.refresh_from_db()
    assert (contact.takes_sms, contact.language, contact.time_zone) == (True, "zh-CN", "Asia/Shanghai")
    assert assert_event("contact.edited", actor="staff:olga").facts["chat_url"] == {"from": "", "to": "msteams://..."}
    assert client.get(reverse("admin:subscribers_contact_add")).status_code == 403
