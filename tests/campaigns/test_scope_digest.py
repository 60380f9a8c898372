"""The canonical form of a scope."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.scope import difference, digest

IDENTITIES = st.sets(
    st.tuples(st.text("0123456789abcdef", min_size=40, max_size=40), st.integers(1, 2**159).map("{:x}".format))
)


def test_the_digest_is_the_sha256_of_sorted_lines():
    lines = b"aa:1\naa:10\nbb:2\n"
    assert digest([("bb", "2"), ("aa", "10"), ("aa", "1")]) == hashlib.sha256(lines).hexdigest()


@given(IDENTITIES)
def test_a_collection_in_any_order_and_a_sorted_stream_have_one_digest(identities):
    assert digest(identities) == digest(iter(sorted(identities)))


def test_one_serial_number_more_makes_another_digest():
    assert digest([("aa", "1")]) != digest([("aa", "1"), ("aa", "2")])


def test_a_serial_number_does_not_run_into_the_issuer():
    assert digest([("aa", "bb1")]) != digest([("aab", "b1")])


def test_a_stream_out_of_order_is_refused():
    with pytest.raises(ValueError, match="comes after"):
        digest(iter([("bb", "1"), ("aa", "1")]))


@pytest.mark.parametrize("kind", [list, iter])
def test_a_certificate_that_comes_twice_is_refused(kind):
    with pytest.raises(ValueError, match="comes after"):
        digest(kind([("aa", "1"), ("aa", "1")]))


def test_the_difference_of_two_scopes_is_what_to_add_and_what_to_remove():
    found = difference([("aa", "1"), ("aa", "2")], [("aa", "3"), ("aa", "2"), ("aa", "0")])
    assert found.added == [("aa", "0"), ("aa", "3")]
    assert found.removed == [("aa", "1")]
