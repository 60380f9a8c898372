"""Addresses that no page of ours links to get a clear answer, and never a failure of the site."""

from pathlib import Path

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from campaigns.models import Campaign
from rehearsal.mailbox import Mailboxes
from tests import make
from tests.conftest import FrozenClock
from tests.revocation.scene import make_ca

pytestmark = pytest.mark.django_db
HUGE = "9" * 30
ODD = ["", "-1", HUGE, "²", "٣", "a\0b", "\U0001f600", "NaN"]
KEYS = ["0", HUGE, "abc", "²", "%00", "..", "%ff", "1/2"]
ADMINS = {
    f"{model._meta.app_label}_{model._meta.model_name}": made
    for model, made in admin.site._registry.items()
    if model._meta.app_label != "auth"  # Django's own pages
}


@pytest.fixture
def client(admin_client: Client, frozen_clock: FrozenClock) -> Client:
    admin_client.raise_request_exception = False
    return admin_client


@pytest.fixture
def campaign(frozen_clock: FrozenClock) -> Campaign:
    return make.running_campaign()


def test_odd_parameters_of_a_campaigns_pages(client: Client, campaign: Campaign) -> None:
    pages = {"journal": ("before", "verb"), "certificates": ("after", "q", "part", "issuer"), "subscribers": ("class",)}
    for page, names in pages.items():
        for name in names:
            for value in ODD:
                answer = client.get(f"/campaigns/{campaign.public_id}/{page}/", {name: value})
                assert answer.status_code in {200, 400}, (page, name, value)


def test_odd_filters_of_lists(client: Client) -> None:
    for name, page in ADMINS.items():
        filters = {str(each).partition("__")[0] for each in page.list_filter if isinstance(each, str)}
        for parameter in {"q", "p", *filters, *(f"{each}__exact" for each in filters)}:
            for value in ODD:
                answer = client.get(reverse(f"admin:{name}_changelist"), {parameter: value})
                assert answer.status_code in {200, 302, 400}, (name, parameter, value)


def test_odd_keys_of_rows(client: Client) -> None:
    for name in ADMINS:
        for key in KEYS:
            for method in (client.get, client.post):
                answer = method(f"/{name.replace('_', '/', 1)}/{key}/change/")
                assert answer.status_code in {302, 403, 404}, (name, key)


def test_odd_parameters_of_a_rehearsals_pages(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.REHEARSAL, settings.VAR = True, tmp_path
    Mailboxes(tmp_path / "post.sqlite3")
    for value in ODD:
        for name in ("before", "q"):
            assert client.get("/rehearsal/", {name: value}).status_code == 200
    assert client.get(f"/rehearsal/mail/{HUGE}/").status_code == 404


def test_odd_questions_to_the_sandbox_responder(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.SANDBOX_ROOT = str(tmp_path / "sandbox")
    make_ca("ca1", url="http://127.0.0.1:8000")
    for asked in ("ü", "%00", "AA", "=", "²", "a/b", "A" * 9000):
        assert client.get(f"/sandbox/ca1/ocsp/{asked}").status_code in {200, 400}, asked
    assert client.get(f"/sandbox/ca1/crl/{HUGE}.crl").status_code == 404
    assert client.generic("POST", "/sandbox/ca1/ocsp", b"x", CONTENT_LENGTH="two").status_code == 413
