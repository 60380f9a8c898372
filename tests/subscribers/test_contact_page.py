"""The page on which a contact says whether it is still the right one."""

import logging
from datetime import timedelta

import pytest
from django.test import Client

from audit.models import Event
from core.redaction import HideTokens
from subscribers import links
from subscribers.models import CheckRound, Contact, ContactCheck
from subscribers.services import MOST_CONTACTS, cut_off_links, mark_contact_bounced, mark_contact_left, save_edit
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(frozen_clock: FrozenClock) -> Contact:
    return make.certificate(fields={"not_after": NOW + timedelta(days=90)}).subscriber.contacts.get(rank=0)


@pytest.fixture
def asked(contact: Contact) -> ContactCheck:
    """The contact, asked in a round."""
    year = CheckRound.objects.create(
        title="2024", started_by="olga", started_at=NOW, answer_by=NOW + timedelta(days=42)
    )
    return ContactCheck.objects.create(round=year, contact=contact, due_at=NOW)


@pytest.fixture
def client() -> Client:
    return Client()


def url(contact: Contact, act: str = "") -> str:
    return f"/contact/{links.token(contact)}/{act + '/' if act else ''}"


def test_looking_at_the_page_changes_nothing(client: Client, contact: Contact, asked: ContactCheck):
    for act in ("", "still", "left", "backup", "correct", "promise"):
        assert client.get(url(contact, act)).status_code in (200, 302)
    page = client.get(url(contact)).content.decode()
    assert contact.email in page
    assert contact.subscriber.name in page
    assert not Event.objects.exclude(stream__startswith="campaign").filter(actor__startswith="contact").exists()
    asked.refresh_from_db()
    assert (asked.answer, asked.due_at) == ("", NOW)


def test_the_page_names_no_other_person(client: Client, contact: Contact):
    other = contact.subscriber.contacts.exclude(pk=contact.pk).get()
    page = client.get(url(contact)).content.decode()
    assert other.email not in page
    assert other.name not in page
    assert "1 other person" in page


def test_still_me_verifies_the_contact_and_answers_the_round(client: Client, contact: Contact, asked: ContactCheck):
    mark_contact_bounced(contact, note="full", actor="esp:test", now=NOW - timedelta(days=1))
    assert client.post(url(contact, "still")).status_code == 302
    contact.refresh_from_db()
    asked.refresh_from_db()
    assert (contact.verified_at, contact.bounced_at) == (NOW, None)
    assert (asked.answer, asked.answered_at, asked.due_at) == ("still", NOW, None)
    assert_event("contact.verified", actor=f"contact:{contact.pk}")


def test_whoever_has_left_names_who_follows(client: Client, contact: Contact, asked: ContactCheck):
    answer = client.post(url(contact, "left"), {"email": "Heir@Subscriber.example", "name": "Heir"})
    assert answer.status_code == 200
    assert "heir@subscriber.example" in answer.content.decode().lower()
    contact.refresh_from_db()
    asked.refresh_from_db()
    heir = Contact.objects.get(email="heir@subscriber.example")
    assert (contact.left_at, contact.left_note) == (NOW, "follows: heir@subscriber.example")
    assert (heir.rank, heir.role, heir.verified_at) == (0, "primary", None)
    assert (asked.answer, asked.due_at) == ("left", None)
    assert heir.checks.get().due_at == NOW
    assert heir in contact.subscriber.contacts.own()
    assert contact not in contact.subscriber.contacts.own()


def test_whoever_has_left_may_know_nobody(client: Client, contact: Contact):
    assert client.post(url(contact, "left"), {"email": "", "name": ""}).status_code == 200
    contact.refresh_from_db()
    assert contact.left_at == NOW
    assert contact.subscriber.contacts.count() == 2


def test_whoever_has_left_cannot_come_back_by_the_old_link(client: Client, contact: Contact):
    old = url(contact)
    mark_contact_left(contact, actor="staff:olga", now=NOW)
    for address in (old, f"{old}still/", url(contact), url(contact, "backup")):
        assert client.post(address, {}).status_code in (405, 410)
        assert client.get(address).status_code == 410
    contact.refresh_from_db()
    assert contact.verified_at is None


def test_nobody_follows_themselves(client: Client, contact: Contact):
    answer = client.post(url(contact, "left"), {"email": contact.email.upper()})
    assert answer.status_code == 400
    contact.refresh_from_db()
    assert contact.left_at is None


def test_a_backup_that_is_named_is_asked_as_well(client: Client, contact: Contact, asked: ContactCheck):
    data = {"name": "Li", "email": "li@subscriber.example", "phone": "+41 44 123 45 67"}
    assert client.post(url(contact, "backup"), data).status_code == 302
    backup = Contact.objects.get(email="li@subscriber.example")
    assert (backup.role, backup.rank, backup.added_at) == ("backup", 2, NOW)
    assert backup.checks.get().round == asked.round


def test_a_link_fills_no_register(client: Client, contact: Contact):
    for number in range(MOST_CONTACTS):
        client.post(url(contact, "backup"), {"name": "N", "email": f"n{number}@subscriber.example"})
    assert contact.subscriber.contacts.count() == MOST_CONTACTS
    answer = client.post(url(contact, "backup"), {"name": "N", "email": "one-more@subscriber.example"})
    assert answer.status_code == 400


def test_what_is_corrected_is_kept_with_both_sides(client: Client, contact: Contact):
    data = {
        "name": "Wang", "phone": "+86 10 1234 5678", "language": "zh-cn", "time_zone": "asia/shanghai",
        "takes_sms": "on", "chat_url": "msteams://secret/token/x", "webhook_url": "https://hook.example/secret",
    }  # fmt: skip
    assert client.post(url(contact, "correct"), data).status_code == 302
    contact.refresh_from_db()
    assert (contact.language, contact.time_zone, contact.takes_sms) == ("zh-CN", "Asia/Shanghai", True)
    page = client.get(url(contact)).content.decode()
    assert "<dd>简体中文</dd>" in page
    assert contact.verified_at == NOW
    event = assert_event("contact.edited", actor=f"contact:{contact.pk}")
    assert event.facts["name"]["to"] == "Wang"
    assert "secret" not in str(event.facts)


@pytest.mark.parametrize(
    ("act", "data"),
    [
        ("backup", {"name": "Li", "email": "nobody"}),
        ("backup", {"name": "Li\r\nBcc: x@y.example", "email": "li@subscriber.example"}),
        ("backup", {"name": "", "email": ""}),
        ("left", {"email": "a@b", "name": ""}),
        ("correct", {"phone": "call me"}),
        ("correct", {"time_zone": "Mars/Base"}),
        ("correct", {"language": "x" * 16}),
        ("correct", {"takes_sms": "on", "phone": ""}),
        ("correct", {"chat_url": "javascript:alert(1)"}),
        ("correct", {"webhook_url": "http://hook.example/"}),
        ("correct", {"webhook_url": "https://me:secret@hook.example/"}),
        ("correct", {"name": "a\nb"}),
        ("promise", {"window": "7d", "given_by": "CISO"}),
        ("promise", {"window": "24h", "given_by": " "}),
        ("promise", {"window": "24h", "given_by": "a\x00b"}),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(
    client: Client, contact: Contact, act: str, data: dict[str, str]
):
    before = list(Contact.objects.values())
    answer = client.post(url(contact, act), data)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert list(Contact.objects.values()) == before
    assert not contact.subscriber.commitments.exists()
    assert not Event.objects.filter(actor=f"contact:{contact.pk}").exists()


def test_a_commitment_is_kept_for_a_year(client: Client, contact: Contact):
    assert client.post(url(contact, "promise"), {"window": "24h", "given_by": "Wang, CISO"}).status_code == 302
    given = contact.subscriber.commitments.get()
    assert (given.window, given.given_by) == (timedelta(hours=24), "Wang, CISO")
    assert (given.given_at, given.valid_until) == (NOW, NOW + timedelta(days=365))
    assert "Within 24 hours, says Wang, CISO" in client.get(url(contact)).content.decode()


def test_a_link_that_is_not_ours_learns_nothing(client: Client, contact: Contact):
    good = links.token(contact)
    for token in ("x", good[:-1], good.replace(".1.", ".2."), f"{good}x", "a.b.c", "%00", good.swapcase()):
        for act in ("", "still/", "left/", "backup/", "correct/", "promise/"):
            answer = client.get(f"/contact/{token}/{act}")
            assert answer.status_code == 404
            assert contact.subscriber.name not in answer.content.decode()


def test_a_link_can_be_cut_off(client: Client, contact: Contact):
    old = url(contact)
    cut_off_links(contact, actor="staff:olga", now=NOW)
    assert client.get(old).status_code == client.post(f"{old}still/").status_code == 410
    assert client.get(url(contact)).status_code == 200


def test_links_sent_to_an_old_address_open_nothing(client: Client, contact: Contact):
    old = url(contact)
    contact.email = "new@subscriber.example"
    save_edit(contact, changed=["email"], actor="staff:olga", now=NOW)
    assert client.get(old).status_code == 410


def test_the_page_is_sealed(client: Client, contact: Contact):
    for address in (url(contact), "/contact/bad/"):
        answer = client.get(address)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "strict-origin"


def test_no_log_keeps_the_token(contact: Contact):
    record = logging.makeLogRecord({"msg": f'"GET {url(contact)} HTTP/1.1" 200'})
    assert HideTokens().filter(record)
    assert links.token(contact) not in record.getMessage()


def test_a_post_from_elsewhere_is_refused(contact: Contact):
    assert Client(enforce_csrf_checks=True).post(url(contact, "still")).status_code == 403
    contact.refresh_from_db()
    assert contact.verified_at is None
