"""Headers, lengths, times and identifiers: read exactly, written in the shortest form."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from core import der
from core.errors import Malformed

moments = st.datetimes(datetime(1950, 1, 1), datetime(2199, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


@given(st.integers(-(2**160), 2**160))
def test_an_integer_is_encoded_in_the_fewest_octets(number: int):
    content = der.integer_content(number)
    assert int.from_bytes(content, "big", signed=True) == number
    assert len(content) == 1 or content[:1] not in (b"\x00", b"\xff") or (content[0] ^ content[1]) & 0x80


@given(moments)
def test_a_time_is_read_as_it_was_written(at: datetime):
    data = der.time(at)
    start, end = der.expect(data, 0, der.UTC_TIME, der.GENERALIZED_TIME)
    assert der.read_time(data[0], data[start:end]) == at


def test_times_before_1950_and_after_2049_have_the_century_of_rfc_5280():
    assert der.read_time(der.UTC_TIME, b"500101000000Z").year == 1950
    assert der.read_time(der.UTC_TIME, b"491231235959Z").year == 2049
    assert der.read_time(der.GENERALIZED_TIME, b"20500101000000Z").year == 2050
    assert der.time(datetime(2049, 12, 31, 23, 59, 59, 999_999, UTC)) == b"\x17\x0d491231235959Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1)) == b"\x18\x0f20500101000000Z"


@pytest.mark.parametrize(
    "content",
    [
        b"240319083000",
        b"2403190830Z",
        b"240319083000+0000",
        b"241319083000Z",
        b"24031908300\xb2Z",
        b"",
        b"20240319083000Z",
        b"20240319083000.5Z",
    ],
)
def test_a_time_of_another_form_is_malformed(content: bytes):
    with pytest.raises(Malformed):
        der.read_time(der.UTC_TIME, content)


def test_a_two_digit_year_in_a_generalized_time_is_malformed():
    with pytest.raises(Malformed):
        der.read_time(der.GENERALIZED_TIME, b"240319083000Z")


def test_a_time_with_the_tag_of_something_else_is_malformed():
    with pytest.raises(Malformed):
        der.read_time(der.INTEGER, b"20240319083000Z")


@given(st.binary(max_size=70_000))
def test_a_value_is_read_as_it_was_written(content: bytes):
    data = der.tlv(der.OCTET_STRING, content)
    tag, start, end = der.header(data, 0)
    assert (tag, data[start:end], end) == (der.OCTET_STRING, content, len(data))


@pytest.mark.parametrize("length", [0, 127, 128, 255, 256, 65_535, 65_536, 2**24 - 1, 2**24])
def test_a_header_at_the_edge_of_a_length_is_read(length: int):
    data = der.tlv(der.SEQUENCE, bytes(length))
    assert der.header(data, 0) == (der.SEQUENCE, len(data) - length, len(data))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "30",
        "3080",  # the indefinite form of BER
        "3081",
        "308100",
        "30817f",  # 127 fits into the short form
        "30820080",  # 128 fits into one octet
        "30820001",
        "3085000000000100",
        "300201",
    ],
)
def test_der_that_is_cut_or_not_of_the_shortest_form_is_malformed(data: str):
    with pytest.raises(Malformed):
        der.header(bytes.fromhex(data), 0)


def test_what_follows_a_value_is_none_of_its_business():
    assert der.header(bytes.fromhex("3003020105ff"), 0) == (der.SEQUENCE, 2, 5)


def test_a_sequence_gives_its_values_in_order():
    data = der.sequence(der.tlv(der.INTEGER, b"\x05"), der.tlv(der.BOOLEAN, b"\xff"))
    assert list(der.sequence_values(data)) == [(der.INTEGER, 4, 5), (der.BOOLEAN, 7, 8)]
    assert list(der.sequence_values(der.sequence())) == []


@pytest.mark.parametrize("data", ["0403020105", "300302010500", "3003020205ff00", "30020205"])
def test_something_that_is_not_one_whole_sequence_is_malformed(data: str):
    with pytest.raises(Malformed):
        list(der.sequence_values(bytes.fromhex(data)))


def test_a_value_that_leaves_the_value_around_it_is_malformed():
    data = der.sequence(b"\x02\x03\x05") + b"\x05\x05"
    with pytest.raises(Malformed, match="past the end of what holds it"):
        list(der.values(data, 2, 5))


def test_another_tag_than_expected_is_malformed():
    with pytest.raises(Malformed, match="tag 0x02 where 0x30 or 0x04 belongs"):
        der.expect(b"\x02\x01\x05", 0, der.SEQUENCE, der.OCTET_STRING)


@pytest.mark.parametrize("oid", ["2.5.29.17", "1.3.6.1.5.5.7.48.1", "2.23.140.1.2.2", "0.9.2342", "2.999.3"])
def test_an_object_identifier_is_spelled_with_dots(oid: str):
    encoded = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid)]).public_bytes()
    [(tag, start, end)] = der.sequence_values(encoded)
    assert (tag, der.dotted(encoded[start:end])) == (der.OID, oid)


@pytest.mark.parametrize("content", [b"", b"\x55\x9d"])
def test_an_object_identifier_that_is_cut_off_is_malformed(content: bytes):
    with pytest.raises(Malformed):
        der.dotted(content)
