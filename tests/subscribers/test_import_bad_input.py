"""Bad input gets an error with file, line and field, and nothing half done."""

import io
import tracemalloc
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from subscribers.models import Certificate, Subscriber
from tests import pki
from tests.subscribers.material import (
    CERTIFICATES,
    CONTACTS,
    SUBSCRIBERS,
    bring,
    bundle,
    files,
    issuer_key,
    issuer_line,
    sizes,
    told,
)

pytestmark = pytest.mark.django_db
MOMENTS = "2024-01-01T00:00:00Z,2024-04-01T00:00:00Z"
LINES = "x\n" * 1_000_000
ROYAL = "'royal' is none of standard, finance, government, critical."
HEADER = "reference,name,class,language,time zone\n"


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (HEADER + ",Bank,,,\n", ["file-0:2: reference: is empty."]),
        (HEADER + "B,Bank,royal,,\n", [f"file-0:2: subscriber_class: {ROYAL}"]),
        (HEADER + "B,Bank,,english!,\n", ["file-0:2: language: 'english!' is not a language tag such as en"]),
        (HEADER + "B,Bank,,,Mars/Base\n", ["file-0:2: time_zone: 'Mars/Base' is not an IANA time zone such"]),
        (HEADER + f"{'B' * 65},Bank,,,\n", ["file-0:2: reference: is longer than 64 characters."]),
        (HEADER + "B,Bank\n", ["file-0:2: This row has 2 cells, the header 5."]),
        (HEADER + 'B,"Ba\nnk",,,\nC,City,royal,,\n', [f"file-0:4: subscriber_class: {ROYAL}"]),
        (HEADER + 'B,"Ba"nk,,,\n', ["file-0:2: name: This row is not CSV: ',' expected after '\"'."]),
        (HEADER.encode() + b"B,Z\xfcrich,,,\nC,,,,\n", ["file-0:2: name: This row is not UTF-8.", "file-0:3: name: "]),
        (HEADER.encode() + b"B,Ba\0nk,,,\n", ["file-0:2: name: This row holds a NUL character."]),
        (HEADER + "B,Bank,,,\nB,Bank again,,,\n", ["file-0:3: reference: This subscriber is there already, at "]),
        ("reference,class\nB,finance\n", ["file-0:1: This looks like a table of subscribers, but has no column name."]),
        ("reference,name,NAME\nB,Bank,Bank\n", ["file-0:1: The column name is there twice."]),
        ("", ["file-0: This file is empty."]),
        ("hello\n", ["file-0:1: This is neither PEM, DER nor JSON, and its first line names no known column"]),
        (HEADER.encode("utf-16"), ["file-0: This file is UTF-16; save it as UTF-8."]),
        (b"PK\x03\x04....", ["file-0: This is an archive, but no workbook that can be read (BadZipFile)."]),
        (b"\x7fELF\0\0", ["file-0: This is neither text nor a certificate."]),
        ("{oops\n", ["file-0:1: This line is not JSON: "]),
        ('{"kind": "pope"}\n', ["file-0:1: The kind 'pope' is none of "]),
        ("{}\n" + "{" + '"a":' * 1, ["file-0:1: This is neither", "file-0:2: This line is not JSON: "]),
    ],
)  # fmt: skip
def test_bad_files_of_subscribers(tmp_path: Path, content: str | bytes, errors: list[str]):
    report = bring(tmp_path, content)
    found = told(report)
    assert len(found) == len(errors) == report.error_count
    for one, expected in zip(found, errors, strict=True):
        assert one.startswith(expected) or expected in str(report.errors[0])
    assert sizes() == [0, 0, 0, 0, 0]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("B-1,nobody,,", "email: 'nobody' is not an e-mail address."),
        ("B-1,,,", "email or phone: is empty."),
        ("B-1,a@b.example,-1,", "rank: '-1' is not a whole number from 0 to 32767."),
        ("B-1,a@b.example,,yesterday", "verified_at: 'yesterday' is not a moment such as 2024-03-19T08:30:00Z."),
        (
            "B-1,a@b.example,,2024-01-01T00:00:00",
            "verified_at: '2024-01-01T00:00:00' has no offset; write Z for UTC, as in ",
        ),
        ("X-9,a@b.example,,", "subscriber: There is no subscriber 'X-9'."),
    ],
)
def test_bad_contacts(tmp_path: Path, row: str, error: str):
    report = bring(tmp_path, SUBSCRIBERS, f"subscriber,email,rank,verified_at\n{row}\n")
    assert [one.startswith(f"file-1:2: {error}") for one in told(report)] == [True]
    assert sizes() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("serial", "error"),
    [
        ("-7", "'-7' is negative"),
        ("0", "'0' is zero"),
        ("1" * 41, "is longer than 20 octets"),
        ("12345g", "is not hex; a decimal number belongs into the column serial_decimal."),
        ("", "serial_number or serial_decimal: is empty."),
    ],
)
def test_bad_serial_numbers(tmp_path: Path, serial: str, error: str):
    report = bring(tmp_path, issuer_line(), f"{CERTIFICATES}\nTest CA,{serial},{MOMENTS},,\n")
    assert len(report.errors) == 1
    assert told(report)[0].startswith("file-1:2: serial_number")
    assert error in told(report)[0]


def test_longest_serial_number_is_taken_in_hex_and_in_decimal(tmp_path: Path):
    table = f"issuer,serial_decimal,not_before,not_after\nTest CA,{pki.TWENTY_OCTETS},{MOMENTS}\n"
    assert told(bring(tmp_path, issuer_line(), table)) == []
    assert Certificate.objects.get().serial_number == "7" + "f" * 39


def test_certificate_that_ends_before_it_begins_is_refused(tmp_path: Path):
    report = bring(tmp_path, issuer_line(), f"{CERTIFICATES}\nTest CA,1,{','.join(MOMENTS.split(',')[::-1])},,\n")
    assert told(report) == ["file-1:2: not_after: is before not_before."]


def test_bad_blocks_of_a_bundle_are_named_by_their_lines(tmp_path: Path):
    good = bundle([pki.leaf()]).decode()
    lines = good.count("\n")
    bad = (
        f"some text\n{good}"
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        f"{pki.authority().pem.decode()}"
        "-----BEGIN CERTIFICATE-----\nMIIB\n"
    )
    report = bring(tmp_path, issuer_line(), bad)
    errors = told(report)
    assert errors[0].startswith(f"file-1:{lines + 2}: certificate: This is not an X.509 certificate")
    assert errors[1].startswith(f"file-1:{lines + 5}: certificate: This PEM block is a PRIVATE KEY")
    assert errors[2].startswith(f"file-1:{lines + 8}: certificate: This is a CA's certificate")
    assert "has no END line" in errors[3]
    assert len(errors) == 4
    assert sizes() == [0, 0, 0, 0, 0]


def test_unknown_issuer_is_named_with_its_key(tmp_path: Path):
    report = bring(tmp_path, bundle([pki.leaf()]))
    key = issuer_key()
    assert told(report) == [
        f"file-0:1: issuer: The issuer, 'CN=Test CA' with the key identifier {key}, is not in the register."
    ]


def test_unknown_subscriber_of_a_certificate_is_named(tmp_path: Path):
    report = bring(tmp_path, issuer_line(), bundle([pki.leaf()], "X-9"))
    assert told(report) == ["file-1:2: subscriber: There is no subscriber 'X-9'."]


def test_two_certificates_with_one_serial_number_are_an_error(tmp_path: Path):
    leaves = [pki.leaf(serial=7, names=("a.example",)), pki.leaf(serial=7, names=("b.example",))]
    report = bring(tmp_path, issuer_line(), bundle(leaves))
    assert len(report.errors) == 1
    assert "serial_number: Another certificate of this issuer has this serial number, at " in told(report)[0] + str(
        report.errors[0]
    )
    assert sizes()[-1] == 0
    bring(tmp_path, issuer_line(), bundle(leaves[:1]))
    report = bring(tmp_path, bundle(leaves[1:]))
    assert told(report) == [
        "file-0:1: serial_number: The register has another certificate of this issuer with the serial number 7."
    ]


def test_issuer_with_another_key_under_a_known_name_is_refused(tmp_path: Path):
    bring(tmp_path, issuer_line())
    other = pki.authority("Other CA", "other")
    assert "has another key" in told(bring(tmp_path, issuer_line(other)))[0]
    assert "This key is that of the issuer 'Test CA'." in told(bring(tmp_path, issuer_line(name="Alias")))[0]


def test_assignment_of_an_unknown_certificate_is_an_error(tmp_path: Path):
    report = bring(tmp_path, SUBSCRIBERS, f"fingerprint,subscriber\n{'ab' * 32},B-1\n")
    assert told(report) == ["file-1:2: There is no such certificate, neither here nor in the register."]


def test_giant_cells_are_an_error_and_are_not_kept(tmp_path: Path):
    giant = b'"' + b"x" * 10_000_000 + b'"'
    many_lines = b'"' + (b"x" * 999 + b"\n") * 10_000 + b'"'
    content = HEADER.encode() + b"A,%s,,,\nB,Bank,,,\nC,%s,,,\nD,,,,\n" % (giant, many_lines)
    paths = files(tmp_path, content)
    del giant, many_lines, content
    tracemalloc.start()
    with pytest.raises(CommandError, match="3 errors"):
        call_command("import_register", *map(str, paths), stderr=io.StringIO(), stdout=io.StringIO())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_lines_are_counted_across_giant_cells(tmp_path: Path):
    content = HEADER + f'A,"{"x" * 2_000_000}",,,\nB,Bank,,,\nC,"{LINES}",,,\nD,,,,\n'
    assert told(bring(tmp_path, content)) == [
        "file-0:2: name: This cell makes the row longer than 1,048,576 octets.",
        "file-0:4: name: This cell makes the row longer than 1,048,576 octets.",
        "file-0:1000005: name: is empty.",
    ]


def test_good_rows_are_kept_when_asked_and_the_others_are_not(tmp_path: Path):
    contacts = CONTACTS + "X-9,lost@bank.example,,\n"
    refused = bring(tmp_path, SUBSCRIBERS + "D-4,,,,\n", contacts)
    assert sizes() == [0, 0, 0, 0, 0]
    kept = bring(tmp_path, SUBSCRIBERS + "D-4,,,,\n", contacts, keep_good=True)
    assert (
        told(kept)
        == told(refused)
        == [
            "file-0:4: name: is empty.",
            "file-1:4: subscriber: There is no subscriber 'X-9'.",
        ]
    )
    assert sizes() == [0, 2, 2, 0, 0]
    assert kept.counts["contact"].rejected == 1
    assert Event.objects.get(verb="register.imported").facts["errors"] == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_all_sorts_are_read(tmp_path: Path, separator: str):
    table = f'\ufeffReference,NAME,Time-Zone\r\n\r\nB-1,"Bank{"," if separator == "," else ""} of\r\nExample",utc\r\n'
    report = bring(tmp_path, table.replace(",", separator) if separator != "," else table)
    assert told(report) == []
    row = Subscriber.objects.get()
    assert row.name.split("\r\n")[1] == "Example"
    assert row.time_zone == "UTC"


def test_command_says_what_is_wrong_and_ends_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (path,) = files(tmp_path, HEADER + "B,,,,\n")
    with pytest.raises(CommandError, match=r"^4 errors. Nothing was written.$"):
        call_command("import_register", str(path), str(tmp_path / "gone"), str(tmp_path), "/proc/self/mem", "--commit")
    told_errors = capsys.readouterr().err
    assert f"{path}:2: name: is empty." in told_errors
    assert f"{tmp_path / 'gone'}: There is no such file." in told_errors
    assert f"{tmp_path}: This is a folder; name the files in it." in told_errors
    assert "/proc/self/mem: This file cannot be read" in told_errors


def test_command_writes_only_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (path,) = files(tmp_path, SUBSCRIBERS)
    call_command("import_register", str(path))
    assert "Say --commit" in capsys.readouterr().out
    assert sizes()[1] == 0
    call_command("import_register", str(path), "--commit", "--actor", "olga")
    assert "Written." in capsys.readouterr().out
    assert sizes()[1] == 2
    call_command("import_register", str(path), "--commit")
    assert "has all of this already" in capsys.readouterr().out
    assert set(Event.objects.values_list("actor", flat=True)) == {"staff:olga", "system"}
