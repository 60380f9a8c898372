"""Workbooks as files of the register."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from subscribers import workbooks
from subscribers.models import Commitment, Contact, Subscriber
from tests.subscribers.material import bring

pytestmark = pytest.mark.django_db
HEAD = ("reference", "name")


def book(**sheets: Sequence[Sequence[Any]]) -> bytes:
    made = openpyxl.Workbook()
    assert made.active
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def told(folder: Path, data: bytes) -> list[str]:
    report = bring(folder, data)
    assert not Subscriber.objects.exists()
    return [f"{each.file.rpartition('/')[2]}:{each.line}: {each.field}: {each.text}" for each in report.errors]


def test_each_sheet_is_a_table_of_its_own(tmp_path: Path):
    data = book(
        people=[("subscriber", "email", "phone", "sms"), ("1001", "w@bank.example", "+86 10 1234", True)],
        holders=[(*HEAD, None, None), (1001, "Bank"), (), (1002.0, "City")],
        empty=[],
        words=[
            ("subscriber", "window", "given_by", "given_at", "valid_until"),
            (1001, "24h", "CISO", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ],
    )
    report = bring(tmp_path, data)
    assert not report.errors
    assert set(Subscriber.objects.values_list("reference", "name")) == {("1001", "Bank"), ("1002", "City")}
    contact = Contact.objects.get()
    assert (contact.subscriber.reference, contact.phone, contact.takes_sms) == ("1001", "+86 10 1234", True)
    assert Commitment.objects.count() == 1
    assert len({each.sha256 for each in report.files}) == 1
    assert bring(tmp_path, data).counts["subscriber"].unchanged == 2


def test_errors_name_the_sheet_the_line_and_the_column(tmp_path: Path):
    data = book(
        holders=[HEAD, ("1", "=1+1"), (), ("2", ""), ("3", "x", "surplus")],
        people=[("subscriber", "email", "verified_at"), ("9", "w@b.example", datetime(2024, 1, 1))],  # noqa: DTZ001
    )
    assert told(tmp_path, data) == [
        "file-0[holders]:2: name: holds a formula; only values are taken.",
        "file-0[holders]:4: name: is empty.",
        "file-0[holders]:5: : This row has more cells than the header.",
        "file-0[people]:2: verified_at: '2024-01-01T00:00:00' has no offset; write Z for UTC, "
        "as in 2024-03-19T08:30:00Z.",
    ]


def test_duplicates_are_told_across_sheets(tmp_path: Path):
    (error,) = told(tmp_path, book(a=[HEAD, ("1", "x")], b=[HEAD, ("1", "y")]))
    assert error.startswith("file-0[b]:2: reference: This subscriber is there already, at ")
    assert error.endswith("file-0[a]:2.")


def test_a_workbook_that_says_nothing_is_an_error(tmp_path: Path):
    assert told(tmp_path, book(a=[])) == ["file-0:0: : This workbook has no sheet with anything in it."]


def test_an_archive_that_is_no_workbook_is_an_error(tmp_path: Path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "hello")
    (error,) = told(tmp_path, file.getvalue())
    assert "no workbook that can be read" in error


@pytest.mark.parametrize("cut", [30, 400, 2000])
def test_a_broken_workbook_is_an_error_and_no_crash(tmp_path: Path, cut: int):
    (error,) = told(tmp_path, book(a=[HEAD, ("1", "x")])[:-cut])
    assert "read" in error


def test_a_sheet_that_is_no_xml_is_an_error_and_no_crash(tmp_path: Path):
    whole = io.BytesIO(book(a=[HEAD, ("1", "x")]))
    spoiled = io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(spoiled, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            new.writestr(part.filename, data[:-60] if part.filename.startswith("xl/worksheets") else data)
    assert any("read" in each for each in told(tmp_path, spoiled.getvalue()))


def test_an_archive_that_bursts_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbooks, "MOST_UNPACKED", 1_000_000)
    whole = io.BytesIO(book(a=[HEAD, ("1", "x")]))
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb", b"\0" * 2_000_000)
    assert len(whole.getvalue()) < 20_000
    assert told(tmp_path, whole.getvalue()) == ["file-0:0: : This workbook unpacks to more than can be taken; use CSV."]


def test_a_workbook_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbooks, "MOST_OCTETS", 1024 * 1024)
    assert told(tmp_path, b"PK\x03\x04" + bytes(2 * 1024 * 1024)) == [
        "file-0:0: : This workbook is larger than 1 MB; use CSV."
    ]
