"""The contract with a CA, kept by the sandbox backend."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from core.crl_reason import CRLReason
from core.errors import Refused, Unavailable
from revocation.backends import backend_for
from revocation.backends.base import Accepted, Backend, Expired, NotFound, Order, Refusal, Status
from revocation.sandbox import SandboxCA
from tests import pki
from tests.conftest import NOW
from tests.revocation.test_sandbox_books import issue, requests, wanted
from tests.revocation.test_sandbox_crls import make

SECOND = timedelta(seconds=1)


@pytest.fixture
def ca(tmp_path: Path) -> SandboxCA:
    return make(tmp_path)


@pytest.fixture
def backend(ca: SandboxCA) -> Backend:
    return backend_for("sandbox", {"root": str(ca.folder.parent), "slug": "ca1"})


def orders(serials: list[str], reason: str = "superseded") -> list[Order]:
    return [Order(number, serial, reason) for number, serial in enumerate(serials)]


def test_the_sandbox_says_what_it_can(backend: Backend):
    assert backend.capabilities.is_sandbox
    assert backend.capabilities.reasons == set(CRLReason.values)
    assert not backend.capabilities.overwrites_date


def test_an_unknown_backend_is_refused_by_name():
    with pytest.raises(Refused, match=r"no CA backend 'nonesuch'; there are .*sandbox"):
        backend_for("nonesuch", {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "root, slug"),
        ({"slug": "ca1"}, "root"),
        ({"root": "/nowhere", "slug": "ca1"}, "no sandbox CA"),
        ({"root": "/", "slug": "../x"}, "no name"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict, words: str):
    with pytest.raises(Refused, match=words):
        backend_for("sandbox", options)


def test_each_order_of_a_batch_has_its_outcome(backend: Backend, ca: SandboxCA):
    fresh, old = issue(ca, 2)
    (expired,) = issue(ca, 1, not_after=NOW - SECOND)
    ca.revoke(requests([old], "cessationOfOperation"), now=NOW - pki.DAY)
    batch = [*orders([fresh, old, expired, "abc"]), Order("wrong", fresh, "superseded", "00" * 32)]
    assert list(backend.revoke(batch, now=NOW)) == [
        Accepted(batch[0], NOW, "superseded", already=False),
        Accepted(batch[1], NOW - pki.DAY, "cessationOfOperation", already=True),
        Expired(batch[2]),
        NotFound(batch[3]),
        Refusal(batch[4], "another certificate has this serial number"),
    ]


def test_a_repeat_is_accepted_with_the_first_date(backend: Backend, ca: SandboxCA):
    batch = orders(issue(ca, 3))
    first = list(backend.revoke(batch, now=NOW))
    again = list(backend.revoke(batch, now=NOW + pki.DAY))
    assert again == [Accepted(one.order, NOW, "superseded", already=True) for one in first]


def test_the_certificates_own_fingerprint_is_no_obstacle(backend: Backend, ca: SandboxCA):
    leaf = ca.issue(wanted())
    order = Order(1, pki.hex_of(leaf), "superseded", leaf.fingerprint(hashes.SHA256()).hex())
    assert list(backend.revoke([order], now=NOW)) == [Accepted(order, NOW, "superseded", already=False)]


def test_a_batch_of_more_than_a_thousand_is_carried_out(backend: Backend, ca: SandboxCA):
    batch = orders(issue(ca, 1201))
    outcomes = list(backend.revoke(batch, now=NOW))
    assert [outcome.order.key for outcome in outcomes] == list(range(1201))
    assert all(isinstance(outcome, Accepted) and not outcome.already for outcome in outcomes)


def test_no_orders_have_no_outcomes(backend: Backend):
    assert list(backend.revoke([], now=NOW)) == []
    assert list(backend.lookup([], now=NOW)) == []


def test_a_lookup_tells_what_the_books_say_and_changes_nothing(backend: Backend, ca: SandboxCA):
    fresh, old = issue(ca, 2)
    ca.revoke(requests([old]), now=NOW)
    batch = orders([fresh, old, "abc"])
    ends = NOW + 60 * pki.DAY
    for _ in range(2):
        assert list(backend.lookup(batch, now=NOW)) == [
            Status(batch[0], True, None, None, ends),
            Status(batch[1], True, NOW, "superseded", ends),
            Status(batch[2], False),
        ]


def test_a_ca_that_is_away_is_unavailable_and_back_it_takes_the_same_batch(backend: Backend, ca: SandboxCA):
    batch = orders(issue(ca, 2))
    ca.stop()
    with pytest.raises(Unavailable):
        list(backend.revoke(batch, now=NOW))
    with pytest.raises(Unavailable):
        list(backend.lookup(batch, now=NOW))
    ca.start()
    assert [type(outcome) for outcome in backend.revoke(batch, now=NOW)] == [Accepted, Accepted]
