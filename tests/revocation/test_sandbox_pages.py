"""The sandbox CA over HTTP, as the world meets it."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from django.conf import LazySettings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from core.http import Post, fetch
from revocation import crl, ocsp
from revocation.sandbox import SandboxCA
from tests import pki
from tests.conftest import NOW, FrozenClock
from tests.revocation.test_sandbox_books import issue, requests, wanted
from tests.revocation.test_sandbox_crls import make

BASE = "/sandbox/ca1"
HOUR = timedelta(hours=1)


@pytest.fixture
def ca(tmp_path: Path, settings: LazySettings, frozen_clock: FrozenClock) -> SandboxCA:
    settings.SANDBOX_ROOT = str(tmp_path)
    return make(tmp_path, shards=2, crl_interval=HOUR)


def post(client: Client, data: bytes):
    return client.post(f"{BASE}/ocsp", data, content_type=ocsp.REQUEST_TYPE)


def test_the_certificate_is_served(client: Client, ca: SandboxCA):
    answer = client.get(f"{BASE}/ca.pem")
    assert answer.status_code == 200
    assert x509.load_pem_x509_certificate(answer.content) == ca.certificate


def test_a_shard_is_served_in_der_and_renewed_after_its_interval(
    client: Client, ca: SandboxCA, frozen_clock: FrozenClock
):
    answer = client.get(f"{BASE}/crl/1.crl")
    assert answer["Content-Type"] == "application/pkix-crl"
    assert crl.read(answer.content, issuer=ca.certificate, now=NOW, url=ca.crl_url(1)).number == 1
    assert client.get(f"{BASE}/crl/1.crl").content == answer.content
    later = frozen_clock.move(HOUR)
    renewed = client.get(f"{BASE}/crl/1.crl").content
    assert crl.read(renewed, issuer=ca.certificate, now=later, url=ca.crl_url(1)).number == 2


def test_ocsp_answers_by_post_and_by_get(client: Client, ca: SandboxCA):
    (serial,) = issue(ca)
    ca.revoke(requests([serial]), now=NOW)
    asked = ocsp.request(serial, ca.certificate)
    path = quote(base64.b64encode(asked).decode(), safe="")
    for answer in (post(client, asked), client.get(f"{BASE}/ocsp/{path}")):
        assert answer["Content-Type"] == "application/ocsp-response"
        assert ocsp.read(answer.content, serial_number=serial, issuer=ca.certificate, now=NOW).status == "revoked"


def test_a_request_in_base64_with_slashes_is_understood(client: Client, ca: SandboxCA):
    for serial in issue(ca, 30):
        encoded = base64.b64encode(ocsp.request(serial, ca.certificate)).decode()
        answer = client.get(f"{BASE}/ocsp/{encoded}")
        assert ocsp.read(answer.content, serial_number=serial, issuer=ca.certificate, now=NOW).status == "good"


def test_a_stopped_ca_answers_503_with_a_time_to_come_back(client: Client, ca: SandboxCA):
    ca.stop()
    for answer in (client.get(f"{BASE}/ca.pem"), client.get(f"{BASE}/crl/0.crl"), post(client, b"")):
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    ca.start()
    assert client.get(f"{BASE}/crl/0.crl").status_code == 200


@pytest.mark.parametrize(
    "path", ["/sandbox/ca2/ca.pem", "/sandbox/ca1/crl/2.crl", "/sandbox/CA1/ca.pem", "/sandbox/-/crl/0.crl"]
)
def test_what_is_not_there_is_404(client: Client, ca: SandboxCA, path: str):
    assert client.get(path).status_code == 404


def test_without_a_folder_no_sandbox_is_served(client: Client, ca: SandboxCA, settings: LazySettings):
    settings.SANDBOX_ROOT = ""
    assert client.get(f"{BASE}/ca.pem").status_code == 404
    assert post(client, b"").status_code == 404


def test_only_the_right_methods_are_allowed(client: Client, ca: SandboxCA):
    assert client.post(f"{BASE}/crl/0.crl").status_code == 405
    assert client.get(f"{BASE}/ocsp").status_code == 405
    assert client.head(f"{BASE}/crl/0.crl").status_code == 200


def test_bad_ocsp_requests_get_an_answer_that_says_so(client: Client, ca: SandboxCA):
    assert client.get(f"{BASE}/ocsp/no*base64").status_code == 400
    assert post(client, bytes(5000)).status_code == 413
    malformed = post(client, b"no DER")
    assert (malformed.status_code, malformed.content.hex()) == (200, "30030a0101")


def test_ocsp_needs_no_csrf_token(ca: SandboxCA):
    strict = Client(enforce_csrf_checks=True)
    assert post(strict, ocsp.request("abc", ca.certificate)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_stranger_follows_the_certificate_to_its_status(
    live_server: LiveServer, tmp_path: Path, settings: LazySettings, frozen_clock: FrozenClock
):
    settings.SANDBOX_ROOT = str(tmp_path)
    served = make(tmp_path, base_url=live_server.url)
    gone = served.issue(wanted("gone"))
    serial = pki.hex_of(gone)
    served.revoke(requests([serial]), now=NOW)
    (point,) = gone.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    (access,) = gone.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    bounds: dict[str, Any] = {"limit_bytes": 100_000, "timeout": timedelta(seconds=20), "allow_private": True}

    url = point.full_name[0].value
    fetched = fetch(url, **bounds)
    found = crl.read(fetched.body, issuer=served.certificate, now=NOW, url=url)
    assert found.sha256 == fetched.sha256
    assert found.entries[serial] == (NOW, "superseded")

    asked = Post(ocsp.request(serial, served.certificate), ocsp.REQUEST_TYPE)
    told = fetch(access.access_location.value, post=asked, **bounds)
    assert ocsp.read(told.body, serial_number=serial, issuer=served.certificate, now=NOW).status == "revoked"
