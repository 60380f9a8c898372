"""DER, only as much as CRLs need (X.690): exact headers to read, and the few shapes to write."""

from datetime import UTC, datetime

from core.errors import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, SEQUENCE = 0x01, 0x02, 0x03, 0x04, 0x30
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
LONG_FORM, FOUR_OCTETS = 0x80, 4
FIRST_GENERALIZED_YEAR = 2050


def header(data: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the value at an offset, and where its content starts and ends. Raises `Malformed`."""
    try:
        tag, length, start = data[at], data[at + 1], at + 2
        if length >= LONG_FORM:
            octets = length & 0x7F
            length = int.from_bytes(data[start : start + octets], "big")
            start += octets
            if not 1 <= octets <= FOUR_OCTETS or len(tlv_length(length)) != octets + 1:
                raise Malformed(f"The DER length at byte {at + 1} is not of the shortest form.")
    except IndexError:
        raise Malformed(f"The DER ends within a header at byte {at}.") from None
    if start + length > len(data):
        raise Malformed(f"The DER value at byte {at} runs {start + length - len(data)} bytes past the end.")
    return tag, start, start + length


def expect(data: bytes, at: int, *tags: int) -> tuple[int, int]:
    """Where the content of the value at an offset starts and ends, if it has one of these tags."""
    tag, start, end = header(data, at)
    if tag not in tags:
        raise Malformed(
            f"The DER at byte {at} has tag {tag:#04x} where {' or '.join(f'{one:#04x}' for one in tags)} belongs."
        )
    return start, end


def tlv_length(length: int) -> bytes:
    """The length octets of a value, in the shortest form (X.690 10.1)."""
    if length < LONG_FORM:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((LONG_FORM | len(octets),)) + octets


def tlv(tag: int, content: bytes) -> bytes:
    """One value with its tag and length."""
    return bytes((tag,)) + tlv_length(len(content)) + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of values that are already encoded."""
    return tlv(SEQUENCE, b"".join(parts))


def integer_content(number: int) -> bytes:
    """The content octets of an INTEGER: two's complement, the fewest octets (X.690 8.3)."""
    return number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, "big", signed=True)


def time(moment: datetime) -> bytes:
    """A Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 5.1.2.4); fractions of a second are cut off."""
    moment = moment.astimezone(UTC)
    if moment.year < FIRST_GENERALIZED_YEAR:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def read_time(tag: int, content: bytes) -> datetime:
    """The moment that a Time means; only the forms that RFC 5280 4.1.2.5 allows. Raises `Malformed`."""
    text = content.decode("ascii", "replace")
    if tag == UTC_TIME and len(text) == len("YYMMDDHHMMSSZ"):
        text = ("19" if text >= "50" else "20") + text
    if len(text) != len("YYYYMMDDHHMMSSZ") or text[-1] != "Z" or not text[:-1].isdecimal() or not text.isascii():
        raise Malformed(f"{content!r} is no time of RFC 5280.")
    year, month, day, hour, minute, second = (
        int(text[a:b]) for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{content!r} is no time: {error}.") from error
