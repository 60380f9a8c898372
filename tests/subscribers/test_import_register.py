"""What the import writes, and what it leaves alone."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.models import Event
from subscribers.models import Certificate, Commitment, Contact, Issuer, Subscriber
from subscribers.services import import_register
from tests import pki
from tests.conftest import NOW
from tests.subscribers.material import (
    ACTOR,
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
COMMITMENTS = "subscriber,window,given by,given at,valid until\nB-1,5d,Wang,2024-01-01T00:00:00Z,2025-01-01T00:00:00Z\n"


def test_everything_is_written_whatever_the_order_of_the_files(tmp_path: Path):
    leaves = [pki.leaf(names=(f"a{number}.example",)) for number in range(3)]
    report = bring(tmp_path, bundle(leaves, "B-1"), CONTACTS, COMMITMENTS, SUBSCRIBERS, issuer_line())
    assert told(report) == []
    assert report.is_written
    assert sizes() == [1, 2, 2, 1, 3]
    assert {kind: counts.created for kind, counts in report.counts.items()} == {
        "issuer": 1, "subscriber": 2, "contact": 2, "commitment": 1, "certificate": 3, "assignment": 0,
    }  # fmt: skip
    bank = Subscriber.objects.get(reference="B-1")
    assert (bank.subscriber_class, bank.language, bank.time_zone) == ("finance", "zh-CN", "Asia/Shanghai")
    city = Subscriber.objects.get(reference="C-2")
    assert (city.language, city.time_zone) == ("en", "UTC")
    assert [(one.email, one.role, one.rank) for one in bank.contacts.all()] == [
        ("primary@bank.example", "primary", 0),
        ("backup@bank.example", "backup", 1),
    ]
    assert Commitment.objects.get().window == timedelta(days=5)
    assert bank.certificates.count() == 3


def test_certificate_keeps_its_bytes_and_its_fields(tmp_path: Path):
    leaf = pki.leaf(names=("a.example", 'quote".example', "tab\\t.example"), serial=pki.HIGH_BIT)
    bring(tmp_path, SUBSCRIBERS, issuer_line(), bundle([leaf], "B-1"))
    row = Certificate.objects.select_related("issuer").get()
    assert bytes(row.der or b"") == pki.der_of(leaf)
    assert row.serial_number == pki.hex_of(leaf)
    assert row.names == ["a.example", 'quote".example', "tab\\t.example"]
    assert (row.not_before, row.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    assert (row.crl_url, row.ocsp_url, row.revoked_at) == (pki.SHARD, pki.RESPONDER, None)
    assert row.issuer.name == "Test CA"


def test_the_same_files_twice_change_nothing_and_say_so(tmp_path: Path):
    contents = (SUBSCRIBERS, CONTACTS, COMMITMENTS, issuer_line(), bundle([pki.leaf(), pki.leaf()], "B-1"))
    bring(tmp_path, *contents)
    before = [list(model.objects.order_by("pk").values()) for model in (Subscriber, Contact, Issuer, Certificate)]
    again = bring(tmp_path, *contents)
    assert [(one.created, one.changed) for one in again.counts.values()] == [(0, 0)] * 6
    assert sum(one.unchanged for one in again.counts.values()) == 2 + 2 + 1 + 1 + 2
    assert [
        list(model.objects.order_by("pk").values()) for model in (Subscriber, Contact, Issuer, Certificate)
    ] == before


def test_dry_run_writes_nothing_and_counts_the_same(tmp_path: Path):
    contents = (SUBSCRIBERS, CONTACTS, COMMITMENTS, issuer_line(), bundle([pki.leaf(), pki.leaf()], "B-1"))
    dry = bring(tmp_path, *contents, commit=False)
    assert not dry.is_written
    assert sizes() == [0, 0, 0, 0, 0]
    assert not Event.objects.exists()
    assert bring(tmp_path, *contents).counts == dry.counts


def test_dry_run_of_changes_counts_the_same_too(tmp_path: Path):
    leaves = [pki.leaf(), pki.leaf()]
    bring(tmp_path, SUBSCRIBERS, CONTACTS, issuer_line(), bundle(leaves, "B-1"))
    contents = (
        "reference,name\nB-1,Renamed Bank\nD-3,New\n",
        "subscriber,email,rank\nB-1,backup@bank.example,2\nD-3,d@new.example,0\n",
        issuer_line(crl_interval="1h"),
        bundle(leaves[:1], "D-3") + bundle(leaves[1:]) + bundle([pki.leaf()]),
    )
    dry = bring(tmp_path, *contents, commit=False)
    assert told(dry) == []
    found = {kind: (one.created, one.changed, one.unchanged) for kind, one in dry.counts.items()}
    assert found == {
        "issuer": (0, 1, 0), "subscriber": (1, 1, 0), "contact": (1, 1, 0), "commitment": (0, 0, 0),
        "certificate": (1, 1, 1), "assignment": (0, 0, 0),
    }  # fmt: skip
    assert bring(tmp_path, *contents).counts == dry.counts
    assert Issuer.objects.get().crl_interval == timedelta(hours=1)
    assert Contact.objects.get(email="backup@bank.example").rank == 2


def test_empty_cells_and_absent_columns_erase_nothing(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS)
    report = bring(tmp_path, "reference,name,time_zone\nB-1,Example Bank,\n")
    assert report.counts["subscriber"].unchanged == 1
    assert Subscriber.objects.get(reference="B-1").time_zone == "Asia/Shanghai"


def test_given_fields_are_enough_for_a_certificate(tmp_path: Path):
    table = f"{CERTIFICATES}\nTest CA,00:AB:cd,2024-01-01T00:00:00Z,2024-04-01T08:00:00+08:00,B-1,a.example b.example\n"
    assert told(bring(tmp_path, table, SUBSCRIBERS, issuer_line())) == []
    row = Certificate.objects.get()
    assert (row.serial_number, row.names, row.der) == ("abcd", ["a.example", "b.example"], None)
    assert row.not_after == datetime(2024, 4, 1, tzinfo=UTC)


def test_issuer_may_be_given_by_key_identifier_or_subject_too(tmp_path: Path):
    moments = "2024-01-01T00:00:00Z,2024-04-01T00:00:00Z"
    key = issuer_key()
    table = (
        f"issuer,serial,not_before,not_after\ntest ca,1,{moments}\n{key.upper()},2,{moments}\nCN=Test CA,3,{moments}\n"
    )
    assert told(bring(tmp_path, table, issuer_line())) == []
    assert Certificate.objects.filter(issuer__name="Test CA").count() == 3


def test_bytes_complete_a_certificate_that_was_only_given_and_then_settle_its_facts(tmp_path: Path):
    leaf = pki.leaf(names=("true.example",))
    given = f"{CERTIFICATES}\nTest CA,{pki.hex_of(leaf)},2024-01-01T00:00:00Z,2024-04-01T00:00:00Z,,wrong.example\n"
    bring(tmp_path, given, issuer_line())
    assert bring(tmp_path, bundle([leaf])).counts["certificate"].changed == 1
    row = Certificate.objects.get()
    assert (row.names, row.not_after) == (["true.example"], leaf.not_valid_after_utc)
    assert bring(tmp_path, given).counts["certificate"].unchanged == 1
    assert Certificate.objects.get().names == ["true.example"]


def test_one_certificate_in_two_files_is_written_once_with_what_both_say(tmp_path: Path):
    leaf = pki.leaf()
    given = f"{CERTIFICATES}\nTest CA,{pki.hex_of(leaf)},2024-01-01T00:00:00Z,2024-04-01T00:00:00Z,B-1,\n"
    report = bring(tmp_path, given, bundle([leaf]), SUBSCRIBERS, issuer_line())
    counts = report.counts["certificate"]
    assert (counts.created, counts.repeated, counts.read) == (1, 1, 2)
    row = Certificate.objects.select_related("subscriber").get()
    assert bytes(row.der or b"") == pki.der_of(leaf)
    assert row.subscriber is not None
    assert row.subscriber.reference == "B-1"


def test_the_same_serial_number_of_two_issuers_is_two_certificates(tmp_path: Path):
    other = pki.authority("Other CA", "other")
    leaves = bundle([pki.leaf(serial=7), pki.leaf(other, serial=7)])
    assert told(bring(tmp_path, leaves, issuer_line(), issuer_line(other, "Other CA"))) == []
    assert sorted(Certificate.objects.values_list("issuer__name", "serial_number")) == [
        ("Other CA", "7"),
        ("Test CA", "7"),
    ]


def test_assignments_say_whose_certificates_are(tmp_path: Path):
    leaves = [pki.leaf(), pki.leaf(), pki.leaf()]
    bring(tmp_path, SUBSCRIBERS, issuer_line(), bundle(leaves[:1]))
    prints = [Certificate.objects.get().fingerprint_sha256]
    serials = [pki.hex_of(leaf) for leaf in leaves]
    by_print = f"fingerprint,subscriber\n{prints[0]},B-1\n"
    by_serial = f"issuer;serial;subscriber\nTest CA;{serials[1]};C-2\n"
    report = bring(tmp_path, by_print, by_serial, bundle(leaves[1:]))
    assert told(report) == []
    found = dict(Certificate.objects.values_list("serial_number", "subscriber__reference"))
    assert found == {serials[0]: "B-1", serials[1]: "C-2", serials[2]: None}
    assert (report.counts["assignment"].changed, report.counts["assignment"].unchanged) == (1, 1)


def test_revocations_in_a_file_do_not_replace_an_earlier_date(tmp_path: Path):
    header = (
        "issuer,serial,not_before,not_after,revoked_at,reason\nTest CA,7,2024-01-01T00:00:00Z,2024-04-01T00:00:00Z,"
    )
    bring(tmp_path, issuer_line(), f"{header}2024-02-01T00:00:00Z,superseded\n")
    assert bring(tmp_path, f"{header}2024-03-01T00:00:00Z,keyCompromise\n").counts["certificate"].unchanged == 1
    row = Certificate.objects.get()
    assert (row.revoked_at, row.revocation_reason) == (datetime(2024, 2, 1, tzinfo=UTC), "superseded")


def test_the_journal_has_the_files_and_the_counts(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS)
    began, done = Event.objects.order_by("pk")
    assert (began.verb, done.verb) == ("register.import_began", "register.imported")
    assert done.actor == ACTOR
    assert done.facts["files"][0]["size"] == len(SUBSCRIBERS)
    assert len(done.facts["files"][0]["sha256"]) == 64
    assert done.facts["counts"]["subscriber"]["created"] == 2


def test_columns_that_are_not_used_are_remarked(tmp_path: Path):
    report = bring(tmp_path, "reference,name,colour\nB-1,Bank,red\n")
    assert [remark.rsplit("/", 1)[-1] for remark in report.remarks] == [
        "file-0:1: Columns of this table of subscribers that are not used: colour."
    ]


def test_a_contact_with_only_a_telephone_is_one_contact(tmp_path: Path):
    table = "subscriber,name,phone\nB-1,Night desk,+86 10 1234\n"
    bring(tmp_path, SUBSCRIBERS, table)
    assert bring(tmp_path, table).counts["contact"].unchanged == 1
    assert Contact.objects.get().phone == "+86 10 1234"


def test_2098_certificates_are_imported_quickly_from_pem_and_from_given_fields(tmp_path: Path):
    leaf = pki.leaf()
    moments = "2024-01-01T00:00:00Z,2024-04-01T00:00:00Z"
    rows = "".join(f"Test CA,{number:x},{moments},B-1,w{number}.example\n" for number in range(1, 2099))
    held = [pki.leaf(serial=2**100 + number) for number in range(2098)]
    paths = files(tmp_path, SUBSCRIBERS, issuer_line(), f"{CERTIFICATES}\n{rows}", bundle([*held, leaf], "C-2"))
    began = time.monotonic()
    report = import_register(paths, commit=True, actor=ACTOR, now=NOW)
    took = time.monotonic() - began
    assert told(report) == []
    assert Certificate.objects.count() == 2 * 2098 + 1
    assert took < 20
