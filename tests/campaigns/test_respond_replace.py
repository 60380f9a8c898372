"""The subscriber hands in new certificates, and learns for each what it replaces or why not."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from campaigns.models import AffectedSubscriber, Replacement
from tests import pki
from tests.campaigns import visitors
from tests.campaigns.visitors import link, new_leaf, states
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db
NAMES = ("www0.s1.example", "0.s1.example")
OTHERS = ("www1.s1.example", "1.s1.example")


def _file(data: bytes, name: str = "new.pem") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _send(client: Client, of: AffectedSubscriber, *files: SimpleUploadedFile, pem: str = "") -> HttpResponse:
    return client.post(link(of, "replace/"), {"files": list(files), "pem": pem})  # type: ignore[return-value]


def test_an_uploaded_certificate_replaces_the_one_with_its_names(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    new = new_leaf(*NAMES)
    response = _send(client, of, _file(pki.pem(new)))
    page = response.content.decode()
    assert response.status_code == 200
    assert "1 certificate is now replaced" in page
    assert "1 of yours is still outstanding" in page
    assert f"{new.serial_number:x}" in page
    assert states(of) == ["replaced", "outstanding"]
    assert Replacement.objects.get().shown_by == f"contact:{of.subscriber.contacts.get().pk}"
    assert "replaced</span> <small>by " in client.get(link(of)).content.decode()


def test_a_pasted_certificate_counts_like_a_file(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    text = "Here it is:\r\n" + pki.pem(new_leaf(*NAMES)).decode().replace("\n", "\r\n")
    assert "is now replaced" in _send(client, of, pem=text).content.decode()
    assert states(of) == ["replaced"]


def test_several_files_in_pem_and_der_are_taken_together(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    files = [_file(_der(new_leaf(*NAMES)), "a.der"), _file(pki.pem(new_leaf(*OTHERS)).rstrip(), "b.pem")]
    assert "2 certificates are now replaced" in _send(client, of, *files).content.decode()
    assert states(of) == ["replaced", "replaced"]


def test_a_chain_is_taken_and_its_ca_certificate_is_named_as_such(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    page = _send(client, of, _file(pki.pem(new_leaf(*NAMES)) + pki.authority().pem)).content.decode()
    assert "It is a CA certificate" in page
    assert states(of) == ["replaced"]


def test_a_wildcard_replaces_every_certificate_that_it_covers(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(3)
    assert (
        "3 certificates are now replaced"
        in _send(client, of, _file(pki.pem(new_leaf("*.s1.example")))).content.decode()
    )
    assert set(states(of)) == {"replaced"}


def test_the_same_file_twice_changes_nothing_more(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    data = pki.pem(new_leaf(*NAMES))
    _send(client, of, _file(data))
    before = visitors.everything()
    assert _send(client, of, _file(data)).status_code == 200
    assert visitors.everything() == before


@pytest.mark.parametrize(
    ("names", "given", "problem"),
    [
        (NAMES[:1], {}, "It does not cover 0.s1.example."),
        (("elsewhere.example",), {}, "It covers the names of none of your certificates"),
        (NAMES, {"not_before": NOW - timedelta(days=300)}, "It was issued on"),
        (NAMES, {"not_before": NOW + timedelta(hours=1)}, "It is not valid before"),
        (NAMES, {"not_after": NOW - timedelta(minutes=1), "not_before": NOW - timedelta(hours=1)}, "It expired on"),
    ],
)
def test_a_certificate_that_is_no_replacement_is_told_why(
    client: Client, frozen_clock: FrozenClock, names: tuple[str, ...], given: dict[str, object], problem: str
) -> None:
    of = visitors.affected(1)
    page = _send(client, of, _file(pki.pem(new_leaf(*names, **given)))).content.decode()
    assert "Nothing is replaced by these yet" in page
    assert problem in page
    assert states(of) == ["outstanding"]


def test_an_affected_certificate_is_no_replacement(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    der = of.certificates.get().certificate.der
    assert der is not None
    page = _send(client, of, _file(bytes(der), "old.der")).content.decode()
    assert "It is itself to be revoked" in page
    assert states(of) == ["outstanding"]


def test_a_compromised_key_is_not_used_again(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1, rule="3")
    old_key = new_leaf(*NAMES, key_name="leaf")
    assert "a new key is needed" in _send(client, of, _file(pki.pem(old_key))).content.decode()
    assert states(of) == ["outstanding"]
    assert "is now replaced" in _send(client, of, _file(pki.pem(new_leaf(*NAMES)))).content.decode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"rubbish", "neither PEM nor DER"),
        (b"\x30\x82\x03\x00" + b"\x00" * 90, "neither PEM nor DER"),
        (b"<script>alert(1)</script>", "neither PEM nor DER"),
        (b"", "A file is empty"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "not base64"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "truncated"),
    ],
)
def test_what_is_no_certificate_is_refused_with_a_reason(
    client: Client, frozen_clock: FrozenClock, data: bytes, told: str
) -> None:
    of = visitors.affected(1)
    before = visitors.everything()
    response = _send(client, of, _file(data, "<b>.pem"))
    page = response.content.decode()
    assert response.status_code == 400 or "replaces nothing" in page
    assert told in page
    assert "<script>" not in page
    assert "<b>.pem" not in page
    assert visitors.everything() == before


def test_more_than_a_megabyte_is_refused(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    before = visitors.everything()
    response = _send(client, of, _file(pki.pem(new_leaf(*NAMES)) + b"\n" * 2_000_000))
    assert response.status_code == 400
    assert "more than 1 MB" in response.content.decode()
    response = _send(client, of, pem="a" * 2_000_000)
    assert response.status_code == 400
    assert "more than 1 MB" in response.content.decode()
    assert visitors.everything() == before


def test_a_private_key_is_refused_and_not_kept(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    secret = pki.key("new").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    before = visitors.everything()
    response = _send(client, of, _file(pki.pem(new_leaf(*NAMES)) + secret, "both.pem"))
    page = response.content.decode()
    assert response.status_code == 400
    assert "There is a private key in both.pem" in page
    assert secret.split(b"\n")[1].decode() not in page
    assert visitors.everything() == before
    pasted = _send(client, of, _file(b""), pem=secret.decode()).content.decode()
    assert "A file is empty" in pasted
    assert "There is a private key in the pasted text" in pasted
    assert secret.split(b"\n")[1].decode() not in pasted


def test_nothing_at_all_is_refused(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    response = _send(client, of)
    assert response.status_code == 400
    assert "Choose a file with new certificates, or paste them" in response.content.decode()
