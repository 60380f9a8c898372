"""The little of DER (X.690) that certificates, CRLs and OCSP answers need: exact headers to read, few shapes to write.

The outer structures are parsed by `cryptography`; this walks the same bytes where its objects would be too slow, and
writes CRLs that are too long for its builder. What is wrong raises `Malformed`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from core.errors import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING = 0x01, 0x02, 0x03, 0x04
OID, ENUMERATED, SEQUENCE = 0x06, 0x0A, 0x30
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
LONG_FORM, FOUR_OCTETS = 0x80, 4
FIRST_GENERALIZED_YEAR = 2050
UTC_TIME_LENGTH, GENERALIZED_TIME_LENGTH = len("YYMMDDHHMMSSZ"), len("YYYYMMDDHHMMSSZ")


# Reading


def header(data: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the value at an offset, and where its content starts and ends."""
    try:
        tag, length, start = data[at], data[at + 1], at + 2
    except IndexError:
        raise Malformed(f"The DER ends within a header at byte {at}.") from None
    if length >= LONG_FORM:
        octets = length & 0x7F
        length = int.from_bytes(data[start : start + octets])
        start += octets
        if not 1 <= octets <= FOUR_OCTETS or length < LONG_FORM or not length >> 8 * (octets - 1):
            raise Malformed(f"The DER length at byte {at + 1} is cut off, or not of the shortest form.")
    end = start + length
    if end > len(data):
        raise Malformed(f"The DER value at byte {at} runs {end - len(data)} bytes past the end.")
    return tag, start, end


def expect(data: bytes, at: int, *tags: int) -> tuple[int, int]:
    """Where the content of the value at an offset starts and ends, if it has one of these tags."""
    tag, start, end = header(data, at)
    if tag not in tags:
        raise Malformed(
            f"The DER at byte {at} has tag {tag:#04x} where {' or '.join(f'{one:#04x}' for one in tags)} belongs."
        )
    return start, end


def values(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Tag, start and end of the content of each value between two offsets, in order."""
    while start < end:
        tag, first, start = header(data, start)
        if start > end:
            raise Malformed(f"The DER value that ends at byte {start} runs past the end of what holds it.")
        yield tag, first, start


def sequence_values(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The values in the one SEQUENCE that some bytes are."""
    start, end = expect(data, 0, SEQUENCE)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes follow the SEQUENCE.")
    return values(data, start, end)


def read_time(tag: int, content: bytes) -> datetime:
    """The moment that a Time means; only the forms that RFC 5280 4.1.2.5 allows, two-digit years as there."""
    text = content
    if tag == UTC_TIME and len(content) == UTC_TIME_LENGTH:
        text = (b"19" if content >= b"50" else b"20") + content
    elif tag != GENERALIZED_TIME:
        raise Malformed(f"{content!r} is no time of RFC 5280.")
    if len(text) != GENERALIZED_TIME_LENGTH or not text.endswith(b"Z") or not text[:-1].isdigit():
        raise Malformed(f"{content!r} is no time of RFC 5280.")
    try:
        return datetime(
            int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:14]),
            tzinfo=UTC,
        )  # fmt: skip
    except ValueError as error:
        raise Malformed(f"{content!r} is no time: {error}.") from None


def dotted(oid: bytes) -> str:
    """The content of an object identifier as numbers with dots."""
    if not oid or oid[-1] & 0x80:
        raise Malformed("The DER ends within an object identifier.")
    arcs, number = [], 0
    for octet in oid:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(number)
            number = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


# Writing


def tlv_length(length: int) -> bytes:
    """The length octets of a value, in the shortest form (X.690 10.1)."""
    if length < LONG_FORM:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((LONG_FORM | len(octets),)) + octets


def tlv(tag: int, content: bytes) -> bytes:
    """One value with its tag and length."""
    return bytes((tag,)) + tlv_length(len(content)) + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of values that are already encoded."""
    return tlv(SEQUENCE, b"".join(parts))


def integer_content(number: int) -> bytes:
    """The content octets of an INTEGER: two's complement, the fewest octets (X.690 8.3)."""
    return number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, signed=True)


def time(moment: datetime) -> bytes:
    """A Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 5.1.2.4); fractions of a second are cut off."""
    moment = moment.astimezone(UTC)
    if moment.year < FIRST_GENERALIZED_YEAR:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())
