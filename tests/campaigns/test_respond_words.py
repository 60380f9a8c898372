"""What the subscriber's pages are made of: moments in words, the calendar file, the list as CSV."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from campaigns import listing, moments
from campaigns.calendar_file import calendar

DEADLINE = datetime(2024, 3, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=59), "0 minutes"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(hours=2) - timedelta(seconds=1), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=31, minutes=59), "31 hours"),
        (timedelta(hours=48), "48 hours"),
        (timedelta(hours=48, seconds=1), "2 days"),
        (timedelta(days=4, hours=7, minutes=59), "4 days 7 hours"),
        (timedelta(days=5), "5 days"),
    ],
)
def test_time_left_is_told_in_the_unit_that_matters_and_never_too_long(duration: timedelta, words: str) -> None:
    assert moments.in_words(duration) == words


def test_a_moment_is_in_the_future_until_it_is_there() -> None:
    assert moments.from_now(DEADLINE, DEADLINE - timedelta(hours=31)) == "in 31 hours"
    assert moments.from_now(DEADLINE, DEADLINE) == "0 minutes ago"
    assert moments.from_now(DEADLINE, DEADLINE + timedelta(days=3)) == "3 days ago"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Asia/Shanghai", "Sunday 24 March 2024, 16:30 (Asia/Shanghai), 08:30 UTC"),
        ("Pacific/Kiritimati", "Sunday 24 March 2024, 22:30 (Pacific/Kiritimati), 08:30 UTC"),
        ("Pacific/Pago_Pago", "Saturday 23 March 2024, 21:30 (Pacific/Pago_Pago), Sunday 24 March, 08:30 UTC"),
        ("UTC", "Sunday 24 March 2024, 08:30 UTC"),
        ("Mars/Olympus", "Sunday 24 March 2024, 08:30 UTC"),
        ("../../etc/passwd", "Sunday 24 March 2024, 08:30 UTC"),
        ("", "Sunday 24 March 2024, 08:30 UTC"),
    ],
)
def test_a_deadline_is_told_in_the_subscribers_time_zone_and_in_utc(zone: str, words: str) -> None:
    assert moments.spoken(DEADLINE, zone) == words


def test_seconds_are_left_out_so_that_nobody_is_promised_more() -> None:
    assert moments.spoken(DEADLINE + timedelta(seconds=59), "UTC") == "Sunday 24 March 2024, 08:30 UTC"


def _calendar(**given: Any) -> bytes:
    facts = {
        "uid": "1@ca.example",
        "at": DEADLINE,
        "summary": "Deadline",
        "description": "Replace them.",
        "now": DEADLINE,
    }
    return calendar(**{**facts, **given})


def test_the_calendar_file_holds_the_deadline_in_utc() -> None:
    lines = _calendar().decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert "DTSTART:20240324T083000Z" in lines
    assert lines.count("BEGIN:VALARM") == lines.count("END:VALARM") == 2


def test_text_in_the_calendar_file_cannot_break_out_of_its_line() -> None:
    data = _calendar(summary="Acme, Ltd; a\\b\r\nATTENDEE:x\x00\x1b")
    assert b"SUMMARY:Acme\\, Ltd\\; a\\\\b\\nATTENDEE:x\r\n" in data


def test_long_lines_of_the_calendar_file_are_folded_without_cutting_a_character() -> None:
    summary = "吊销证书" * 40
    data = _calendar(summary=summary)
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    data.decode()
    assert f"SUMMARY:{summary}\r\n".encode() in data.replace(b"\r\n ", b"")


def _row(**given: Any) -> Any:
    certificate = SimpleNamespace(
        serial_number="4a1", names=given.pop("names", ["a.example", "b.example"]), fingerprint_sha256="ab" * 32,
        issuer=SimpleNamespace(name=given.pop("issuer", "Example CA")), subject="CN=a.example",
    )  # fmt: skip
    facts = {
        "certificate": certificate, "not_after": DEADLINE + timedelta(days=90), "publish_by": DEADLINE,
        "published_at": None, "revocation_requested_at": None, "revocation_requested_for": None, "replacement": None,
        "state": "outstanding", "is_excluded": False,
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **given})


def test_the_csv_has_a_line_for_each_certificate() -> None:
    lines = list(listing.csv_lines([_row(), _row(published_at=DEADLINE)], now=DEADLINE - timedelta(hours=1)))
    assert lines[0].rstrip("\r\n").split(",") == list(listing.COLUMNS)
    assert lines[1].startswith("4a1,a.example b.example,Example CA,2024-06-22T08:30:00Z,abab")
    assert lines[1].endswith(",2024-03-24T08:30:00Z,outstanding,,,\r\n")
    assert ",revoked,2024-03-24T08:30:00Z," in lines[2]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_csv_is_a_formula(start: str) -> None:
    line = list(listing.csv_lines([_row(names=[f"{start}cmd|'/c calc'!A1"])], now=DEADLINE))[1]
    cell = line.split(",")[1]
    assert cell.lstrip('"').startswith(f"'{start}")


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"published_at": DEADLINE, "is_excluded": True}, "revoked"),
        ({"is_excluded": True, "not_after": DEADLINE - timedelta(days=9)}, "excluded"),
        ({"not_after": DEADLINE - timedelta(days=9), "state": "replaced"}, "expired"),
        ({"publish_by": DEADLINE - timedelta(hours=1), "state": "replaced"}, "overdue"),
        ({"revocation_requested_at": DEADLINE - timedelta(hours=9)}, "asked"),
        ({"revocation_requested_at": DEADLINE - timedelta(hours=9), "state": "confirmed"}, "confirmed"),
        ({"state": "replaced"}, "replaced"),
        ({}, "outstanding"),
    ],
)
def test_each_certificate_is_in_the_state_that_matters_most(given: dict[str, Any], state: str) -> None:
    assert listing.Line(_row(**given), DEADLINE - timedelta(minutes=1)).state == state


def test_a_certificate_is_overdue_from_the_second_of_its_deadline_on() -> None:
    row = _row()
    second = timedelta(seconds=1)
    assert listing.Line(row, DEADLINE - second).state == "outstanding"
    assert listing.Line(row, DEADLINE).state == "overdue"


def test_a_certificate_expires_after_its_last_second() -> None:
    row = _row(not_after=DEADLINE)
    assert listing.Line(row, DEADLINE - timedelta(seconds=1)).state == "outstanding"
    assert listing.Line(row, DEADLINE).is_remaining
    assert listing.Line(row, DEADLINE + timedelta(seconds=1)).state == "expired"


def test_a_serial_number_is_cut_in_the_middle_only_when_it_is_long() -> None:
    row = _row()
    for serial, shown in (("4a1", "4a1"), ("0123456789", "0123456789"), ("04a1bbbbbbbb9c2e", "04a1…9c2e")):
        row.certificate.serial_number = serial
        assert listing.Line(row, DEADLINE).short_serial == shown


def test_a_certificate_without_names_is_told_by_its_subject() -> None:
    row = _row(names=[])
    assert listing.Line(row, DEADLINE).first_name == "CN=a.example"
    row.certificate.subject = ""
    assert listing.Line(row, DEADLINE).first_name == "no name"
