"""What becomes known of contacts after the import."""

from datetime import timedelta

import pytest

from audit.models import Event
from core.errors import Malformed
from subscribers.models import Contact, Subscriber
from subscribers.services import add_contact, mark_contact_bounced, verify_contact
from tests.conftest import NOW
from tests.subscribers.material import ACTOR

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def bank() -> Subscriber:
    return Subscriber.objects.create(reference="B-1", name="Example Bank")


def test_first_contact_is_the_primary_and_the_next_its_backup(bank: Subscriber):
    first = add_contact(bank, email=" Wang@Bank.example ", actor=ACTOR, now=NOW)
    second = add_contact(bank, email="li@bank.example", name="Li", actor=ACTOR, now=NOW)
    assert (first.email, first.role, first.rank) == ("wang@bank.example", "primary", 0)
    assert (second.role, second.rank) == ("backup", 1)
    assert Event.objects.filter(verb="contact.added", actor=ACTOR).count() == 2


def test_adding_a_known_contact_again_changes_nothing(bank: Subscriber):
    first = add_contact(bank, email="wang@bank.example", actor=ACTOR, now=NOW)
    assert add_contact(bank, email="WANG@bank.example", name="Other", actor=ACTOR, now=LATER) == first
    assert Contact.objects.count() == Event.objects.count() == 1


@pytest.mark.parametrize(("email", "phone"), [("nobody", ""), ("", "call me"), (" ", "")])
def test_contact_that_cannot_be_told_anything_is_refused(bank: Subscriber, email: str, phone: str):
    with pytest.raises(Malformed):
        add_contact(bank, email=email, phone=phone, actor=ACTOR, now=NOW)
    assert not Contact.objects.exists()
    assert not Event.objects.exists()


def test_first_bounce_stands_and_is_recorded_once(bank: Subscriber):
    contact = add_contact(bank, email="wang@bank.example", actor=ACTOR, now=NOW)
    assert mark_contact_bounced(contact, note="550 no such user", actor="esp:test", now=NOW)
    assert not mark_contact_bounced(contact, note="550 again", actor="esp:test", now=LATER)
    contact.refresh_from_db()
    assert (contact.bounced_at, contact.bounce_note) == (NOW, "550 no such user")
    assert Event.objects.filter(verb="contact.bounced").count() == 1
    assert not bank.contacts.reachable().exists()


def test_verified_contact_is_reachable_again(bank: Subscriber):
    contact = add_contact(bank, email="wang@bank.example", actor=ACTOR, now=NOW)
    mark_contact_bounced(contact, note="x" * 1000, actor="esp:test", now=NOW)
    verify_contact(contact, actor=ACTOR, now=LATER)
    assert bank.contacts.reachable().get().verified_at == LATER
    assert Event.objects.filter(verb="contact.verified").count() == 1
