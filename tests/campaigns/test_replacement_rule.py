"""Is this certificate an acceptable replacement of that one? (R19)"""

from dataclasses import replace
from datetime import timedelta

import pytest

from campaigns.replacement import Affected, Candidate, covers, problems, wildcard_of
from tests.conftest import NOW

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
FIXED_AT = NOW - 2 * DAY
OLD = Affected(("www.bank.example", "bank.example"), NOW - 30 * DAY, "old", "old key", "issuer", "1")
NEW = Candidate(("www.bank.example", "bank.example"), NOW - DAY, NOW + 90 * DAY, "new", "new key", "issuer", "2")


def found(candidate=NEW, affected=OLD, *, fixed_at=FIXED_AT, crl_reason="superseded"):
    return problems(affected, candidate, fixed_at=fixed_at, crl_reason=crl_reason, now=NOW)


def test_a_new_certificate_with_the_same_names_is_acceptable():
    assert found() == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"is_ca": True}, "CA certificate"),
        ({"is_precertificate": True}, "precertificate"),
        ({"is_revoked": True}, "It is revoked"),
        ({"is_in_scope": True}, "itself to be revoked"),
        ({"not_after": NOW - SECOND}, "expired"),
        ({"not_before": NOW + SECOND}, "not valid before"),
        ({"fingerprint_sha256": "old"}, "same certificate"),
        ({"serial_number": "1"}, "same certificate"),
        ({"not_before": FIXED_AT}, "not after the fault was mended"),
        ({"names": ("www.bank.example",)}, "does not cover bank.example"),
        ({"names": ()}, "does not cover www.bank.example, bank.example"),
    ],
)
def test_what_is_wrong_is_said(changed, why):
    said = found(replace(NEW, **changed))
    assert len(said) == 1
    assert why in said[0]


def test_it_is_still_valid_in_its_last_second():
    assert found(replace(NEW, not_after=NOW)) == []


@pytest.mark.parametrize(("seconds", "is_acceptable"), [(-1, False), (0, False), (1, True)])
def test_issued_after_the_fix_means_later_by_at_least_a_second(seconds, is_acceptable):
    assert (found(replace(NEW, not_before=FIXED_AT + seconds * SECOND)) == []) is is_acceptable


@pytest.mark.parametrize(("seconds", "is_acceptable"), [(-1, False), (0, False), (1, True)])
def test_without_a_fix_it_must_be_younger_than_what_it_replaces(seconds, is_acceptable):
    candidate = replace(NEW, not_before=OLD.not_before + seconds * SECOND)
    assert (found(candidate, fixed_at=None) == []) is is_acceptable


def test_a_compromised_key_needs_a_new_key():
    same_key = replace(NEW, spki_sha256="old key")
    assert "compromised key" in found(same_key, crl_reason="keyCompromise")[0]
    assert found(same_key, crl_reason="superseded") == []
    assert found(NEW, crl_reason="keyCompromise") == []


def test_the_key_of_another_affected_certificate_is_no_new_key():
    assert "compromised key" in found(replace(NEW, has_affected_key=True), crl_reason="keyCompromise")[0]


def test_whether_an_unknown_key_is_new_cannot_be_told():
    assert "cannot be told" in found(affected=replace(OLD, spki_sha256=""), crl_reason="keyCompromise")[0]


def test_a_certificate_without_names_is_replaced_by_nothing():
    assert "no names" in found(affected=replace(OLD, names=()))[0]


def test_many_missing_names_are_counted():
    many = replace(OLD, names=tuple(f"host{number}.bank.example" for number in range(10)))
    assert found(affected=many)[0].endswith("and 7 more.")


@pytest.mark.parametrize(
    ("have", "name", "is_covered"),
    [
        ("www.bank.example", "WWW.Bank.Example", True),
        ("www.bank.example.", "www.bank.example", True),
        ("*.bank.example", "www.bank.example", True),
        ("*.bank.example", "*.bank.example", True),
        ("*.bank.example", "bank.example", False),
        ("*.bank.example", "a.b.bank.example", False),
        ("www.bank.example", "*.bank.example", False),
        ("*.b.bank.example", "*.bank.example", False),
        ("*.example", "bank.example", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("*.xn--bcher-kva.example", "www.xn--bcher-kva.example", True),
        ("2001:db8::1", "2001:db8::1", True),
    ],
)
def test_wildcards_stand_for_exactly_one_label(have, name, is_covered):
    assert covers([have], name) is is_covered


@pytest.mark.parametrize(
    ("name", "wildcard"),
    [
        ("www.bank.example", "*.bank.example"),
        ("bank.example", ""),
        ("bank", ""),
        ("", ""),
        ("10.0.0.1", ""),
        ("::1", ""),
    ],
)
def test_the_wildcard_of_a_name_is_that_of_its_parent(name, wildcard):
    assert wildcard_of(name) == wildcard
