"""Links identify, and nothing else."""

from urllib.parse import unquote

import pytest
from django.core.signing import Signer
from django.db.models import F

from campaigns.links import SALT, Withdrawn, read, respond_url, token
from core.errors import Refused
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def affected():
    row, _ = make.affected()
    return row


@pytest.fixture
def contact(affected):
    return affected.subscriber.contacts.first()


def test_a_link_names_its_subscriber_and_its_contact(affected, contact, settings):
    settings.SITE_URL = "https://recall.ca.example"
    url = respond_url(affected, contact)
    assert url.startswith("https://recall.ca.example/respond/")
    assert url.endswith("/")
    assert read(unquote(url.split("/")[-2])) == (affected, contact)


def test_a_link_needs_no_character_that_a_mail_reader_may_break(affected, contact):
    assert set(token(affected, contact)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_the_same_link_comes_with_every_notice(affected, contact):
    assert token(affected, contact) == token(affected, contact)


@pytest.mark.parametrize("at", [0, 10, 33, 40, -1])
def test_a_link_with_one_character_changed_is_refused(affected, contact, at):
    text = token(affected, contact)
    at %= len(text)
    altered = text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1 :]
    with pytest.raises(Refused, match="damaged"):
        read(altered)


@pytest.mark.parametrize("text", ["", ".", "a.b.c.d", "x" * 5000, "\0", "🜁.1.1.sig"])
def test_garbage_is_refused(text):
    with pytest.raises(Refused, match="damaged"):
        read(text)


def test_a_link_that_was_cut_off_is_withdrawn(affected, contact):
    old = token(affected, contact)
    type(affected).objects.update(link_version=F("link_version") + 1)
    with pytest.raises(Withdrawn, match="no longer valid"):
        read(old)
    affected.refresh_from_db()
    assert read(token(affected, contact)) == (affected, contact)


def test_a_contact_of_another_subscriber_is_refused(affected):
    stranger = make.contact(make.subscriber())
    with pytest.raises(Refused, match="nobody"):
        read(token(affected, stranger))


def test_a_link_for_another_purpose_signed_with_the_same_key_is_refused(affected, contact):
    other = Signer(salt="something.else", sep=".").sign(f"{affected.public_id.hex}.{contact.pk}.1")
    with pytest.raises(Refused, match="damaged"):
        read(other)


@pytest.mark.parametrize("value", ["not-a-uuid.1.1", "1.1", "0" * 32 + ".x.1"])
def test_a_signed_text_that_is_no_link_is_refused(value):
    with pytest.raises(Refused, match="damaged"):
        read(Signer(salt=SALT, sep=".").sign(value))


def test_a_subscriber_who_is_gone_is_nobody(affected, contact):
    text = token(affected, contact)
    affected.certificates.all().delete()
    affected.delete()
    with pytest.raises(Refused, match="nobody"):
        read(text)
