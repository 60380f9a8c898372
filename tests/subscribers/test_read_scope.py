"""What a scope file names, entry by entry."""

import io
import json

import pytest

from subscribers.scope_lines import EntryKind, ScopeEntry, read_scope
from subscribers.sources import Source
from tests import pki

PRINT = "ab" * 32


def entries(content: str | bytes, limit: int = 1024 * 1024) -> list[ScopeEntry]:
    data = content.encode() if isinstance(content, str) else content
    return list(read_scope(Source(io.BytesIO(data), "scope"), limit=limit))


def told(content: str | bytes) -> list[tuple[int, str, str, str, str]]:
    return [
        (one.line, one.kind.value, one.fingerprint_sha256, one.issuer, one.serial_number) for one in entries(content)
    ]


def test_plain_text_has_one_certificate_a_line():
    text = f"# found on 19 March\n{PRINT.upper()}\n\n00:04:a1:9C\n4a19c\n Test CA : 77 \nCN=Test CA,O=x: 0x0A\n"
    assert told(text) == [
        (2, "fingerprint", PRINT, "", ""),
        (4, "serial", "", "", "4a19c"),
        (5, "serial", "", "", "4a19c"),
        (6, "serial", "", "Test CA", "77"),
        (7, "serial", "", "CN=Test CA,O=x", "a"),
    ]


def test_fingerprint_with_colons_is_no_serial_number():
    assert told(":".join(["ab"] * 32)) == [(1, "fingerprint", PRINT, "", "")]


def test_table_names_certificates_by_issuer_and_serial_number_or_fingerprint():
    table = f"\ufeffIssuer;Serial;SHA256;remark\r\nTest CA;0A;;x\r\n;;{PRINT};\r\n;B;;\r\n"
    assert told(table) == [
        (2, "serial", "", "Test CA", "a"),
        (3, "fingerprint", PRINT, "", ""),
        (4, "serial", "", "", "b"),
    ]


def test_decimal_serial_numbers_have_their_own_column():
    assert told("issuer,serial_decimal\nTest CA,255\n") == [(2, "serial", "", "Test CA", "ff")]


def test_certificates_name_themselves_in_pem_and_der():
    leaf = pki.leaf()
    for data in (pki.pem(leaf), pki.der_of(leaf)):
        (entry,) = entries(data)
        assert entry.kind is EntryKind.CERTIFICATE
        assert entry.certificate is not None
        assert entry.certificate.der == pki.der_of(leaf)
        assert entry.serial_number == pki.hex_of(leaf)


def test_certificates_in_a_table_and_in_json_name_themselves():
    pem = pki.pem(pki.leaf()).decode()
    for data in (f'certificate_pem\n"{pem}"\n', json.dumps({"pem": pem})):
        (entry,) = entries(data)
        assert entry.kind is EntryKind.CERTIFICATE


def test_json_lines_name_certificates():
    lines = [{"issuer": "Test CA", "serial": "0A"}, {"fingerprint": PRINT}, {"serial_decimal": 10}]
    assert told("\n".join(map(json.dumps, lines))) == [
        (1, "serial", "", "Test CA", "a"),
        (2, "fingerprint", PRINT, "", ""),
        (3, "serial", "", "", "a"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "error"),
    [
        ("abc\nhello\n", 2, "is not hex"),
        ("-5\n", 1, "negative"),
        ("Test CA:0\n", 1, "zero"),
        ("Our CA: CA:01:02\n", 1, "not clear where the issuer ends"),
        ("f" * 41, 1, "longer than 20 octets"),
        ("serial,issuer\n,Test CA\n", 2, "neither a fingerprint nor a serial number"),
        ("serial,serial_decimal\nff,254\n", 2, "are two numbers"),
        ("fingerprint\nabc\n", 2, "is not a SHA-256"),
        ('serial\n"a"b\n', 2, "not CSV"),
        ("serial,serial\na,b\n", 1, "twice"),
        (b"a1\n\xff\xfe\n", 2, "not UTF-8"),
        ('{"serial": "1"}\n[]\n', 2, "not a JSON object"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1, "not an X.509 certificate"),
        ("certificate_pem\nhello\n", 2, "no PEM certificate"),
        (b"\x7fELF\0\0", 0, "neither text nor a certificate"),
        ("text".encode("utf-16"), 0, "UTF-16"),
        ("a\n" + "b" * 2_000_000 + "\nc\n", 2, "longer than 1,048,576 octets"),
    ],
)
def test_what_cannot_be_read_is_an_entry_with_its_error(content: str | bytes, line: int, error: str):
    unreadable = [one for one in entries(content) if one.kind is EntryKind.UNREADABLE]
    assert [one.line for one in unreadable] == [line]
    assert error in unreadable[0].error
    assert len(unreadable[0].text) < 200


def test_what_follows_a_bad_entry_is_read():
    assert [one.kind.value for one in entries("abc\nhello\ndef\n")] == ["serial", "unreadable", "serial"]


def test_an_empty_file_names_nothing():
    assert entries("") == []
