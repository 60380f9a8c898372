"""Edits of the register in the console: each leaves an event, and takes only what an import would take."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import models
from django.test import Client
from django.urls import reverse

from audit.models import Event
from subscribers.models import Contact, Issuer, Subscriber
from subscribers.services import mark_contact_bounced
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock
from tests.subscribers.material import CONTACTS, SUBSCRIBERS, bring, issuer_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(sign_in: Callable[..., Client], frozen_clock: FrozenClock, tmp_path: Path) -> Client:
    bring(tmp_path, SUBSCRIBERS, CONTACTS, issuer_line())
    return sign_in("olga", role="operator")


def typed(client: Client, row: models.Model) -> tuple[str, dict[str, Any]]:
    """The address of a row's page and what its form holds."""
    url = reverse(f"admin:subscribers_{row._meta.model_name}_change", args=[row.pk])
    context = client.get(url).context
    forms = [context["adminform"].form]
    for each in context.get("inline_admin_formsets", []):
        forms += [each.formset.management_form, *each.formset.initial_forms]
    data: dict[str, Any] = {}
    for form in forms:
        for bound in form:
            widget, value = bound.field.widget, bound.value()
            if hasattr(widget, "decompress"):
                pairs = zip(range(9), widget.decompress(bound.field.to_python(value) if value else None), strict=False)
                data |= {f"{bound.html_name}_{place}": part or "" for place, part in pairs}
            else:
                data[bound.html_name] = "" if value is None else value
    return url, data


def events() -> list[Event]:
    return list(Event.objects.filter(stream="register", actor="staff:olga").exclude(verb__startswith="register."))


def test_a_subscriber_that_is_edited_leaves_what_it_was(client: Client) -> None:
    row = Subscriber.objects.get(reference="B-1")
    url, data = typed(client, row)
    assert client.post(url, data | {"name": "Bank of Examples"}).status_code == 302
    event = assert_event("subscriber.edited", actor="staff:olga")
    assert event.facts == {"name": {"from": "Example Bank", "to": "Bank of Examples"}}
    assert (event.object_id, event.at) == (str(row.pk), NOW)
    assert len(events()) == 1


def test_saving_without_a_change_leaves_nothing(client: Client) -> None:
    url, data = typed(client, Subscriber.objects.get(reference="B-1"))
    assert client.post(url, data).status_code == 302
    assert events() == []


def test_a_corrected_address_can_be_written_to_again(client: Client) -> None:
    contact = Contact.objects.get(email="primary@bank.example")
    mark_contact_bounced(contact, note="550", actor="esp:x", now=NOW)
    url, data = typed(client, contact.subscriber)
    assert client.post(url, data | {"contacts-0-email": "New@Bank.example"}).status_code == 302
    contact.refresh_from_db()
    assert (contact.email, contact.bounced_at, contact.bounce_note) == ("new@bank.example", None, "")
    event = assert_event("contact.edited", actor="staff:olga")
    assert event.facts["email"] == {"from": "primary@bank.example", "to": "new@bank.example"}
    assert event.facts["bounced_at"] == {"from": str(NOW), "to": None}


def test_a_contact_that_is_added_by_hand_leaves_an_event(client: Client) -> None:
    subscriber = Subscriber.objects.get(reference="C-2")
    url, data = typed(client, subscriber)
    new = {"name": "Mayor", "email": "mayor@city.example", "phone": "", "role": "primary", "rank": "0"}
    rows = {"contacts-TOTAL_FORMS": "1", **{f"contacts-0-{name}": value for name, value in new.items()}}
    assert client.post(url, data | rows).status_code == 302
    contact = subscriber.contacts.get()
    assert contact.added_at == NOW
    assert_event("contact.added", actor="staff:olga", email="mayor@city.example", rank=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_zone", "Mars/Phobos"),
        ("language", "klingon!"),
        ("reference", "B\x01"),
        ("contacts-0-email", "nobody"),
        ("contacts-0-email", "a@b.example\nBcc: c@d.example"),
        ("contacts-0-phone", "ring me"),
    ],
)
def test_what_no_import_would_take_is_refused(client: Client, name: str, value: str) -> None:
    url, data = typed(client, Subscriber.objects.get(reference="B-1"))
    answer = client.post(url, data | {name: value})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode() or "error" in answer.content.decode()
    assert events() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crl_urls", '"http://crl.example/1.crl"'),
        ("crl_urls", '["ftp://crl.example/1.crl"]'),
        ("crl_urls", "[1]"),
        ("ocsp_url", "ocsp.example"),
        ("backend_options", "[]"),
        ("crl_interval", "0"),
        ("crl_interval", "-3600"),
        ("crl_interval", "8 00:00:00"),
        ("revocations_per_second", "0"),
        ("revocations_per_second", "-1"),
    ],
)
def test_an_issuer_by_which_no_plan_could_be_reckoned_is_refused(client: Client, name: str, value: str) -> None:
    issuer = Issuer.objects.get()
    url, data = typed(client, issuer)
    assert client.post(url, data | {name: value}).status_code == 200
    assert events() == []


def test_an_edit_of_an_issuer_writes_what_was_changed_and_nothing_else(client: Client) -> None:
    issuer = Issuer.objects.get()
    url, data = typed(client, issuer)
    assert client.post(url, data | {"crl_interval": "01:00:00"}).status_code == 302
    issuer.refresh_from_db()
    assert issuer.crl_interval == timedelta(hours=1)
    assert assert_event("issuer.edited", actor="staff:olga").facts == {
        "crl_interval": {"from": "1 day, 0:00:00", "to": "1:00:00"}
    }
