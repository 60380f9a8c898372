"""The register in the operators' console."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from subscribers.models import Certificate, Commitment, Contact, Issuer, Subscriber
from tests import pki
from tests.subscribers.material import CONTACTS, SUBSCRIBERS, bring, bundle, issuer_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(sign_in: Callable[..., Client], tmp_path: Path) -> Client:
    bring(tmp_path, SUBSCRIBERS, CONTACTS, issuer_line(), bundle([pki.leaf(names=("www.bank.example",))], "B-1"))
    return sign_in("olga", superuser=True)


@pytest.mark.parametrize("model", [Subscriber, Issuer, Certificate])
def test_nothing_of_the_register_can_be_deleted(client: Client, model: Any):
    row = model.objects.first()
    url = reverse(f"admin:subscribers_{model._meta.model_name}_delete", args=[row.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_subscriber_is_shown_with_its_contacts(client: Client):
    subscriber = Subscriber.objects.get(reference="B-1")
    page = client.get(reverse("admin:subscribers_subscriber_change", args=[subscriber.pk])).content.decode()
    assert "primary@bank.example" in page
    assert "backup@bank.example" in page
    assert Contact.objects.count() == 2
    assert Commitment.objects.count() == 0


@pytest.mark.parametrize("by", ["serial_number", "fingerprint_sha256", "name"])
def test_certificate_is_found_by_serial_number_fingerprint_or_name(client: Client, by: str):
    row = Certificate.objects.get()
    words = {"name": "www.bank", "serial_number": row.serial_number, "fingerprint_sha256": row.fingerprint_sha256}
    url = reverse("admin:subscribers_certificate_changelist")
    assert row.serial_number in client.get(url, {"q": words[by]}).content.decode()
    assert row.serial_number not in client.get(url, {"q": "elsewhere"}).content.decode()


def test_certificate_can_be_read_and_not_changed(client: Client):
    row = Certificate.objects.get()
    url = reverse("admin:subscribers_certificate_change", args=[row.pk])
    assert row.fingerprint_sha256 in client.get(url).content.decode()
    assert client.post(url, {"subject": "CN=other"}).status_code == 403
    assert client.get(reverse("admin:subscribers_certificate_add")).status_code == 403


def test_large_lists_are_not_counted_twice():
    assert admin.site.get_model_admin(Certificate).show_full_result_count is False
