"""The sandbox CA issues, revokes, and keeps its books through crashes and between processes."""

import multiprocessing
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import Refused, Unavailable
from revocation.sandbox import Leaf, Profile, Request, SandboxCA, Verdict, create, open_ca
from tests import pki
from tests.conftest import NOW

SECOND = timedelta(seconds=1)
PROFILE = Profile("Sandbox CA 1", "http://127.0.0.1:8000", shards=3)
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def ca(tmp_path: Path) -> SandboxCA:
    return create(tmp_path, "ca1", PROFILE, now=NOW)


def wanted(host: str = "www", **changes) -> Leaf:
    known = {"not_before": NOW - 30 * pki.DAY, "not_after": NOW + 60 * pki.DAY}
    return Leaf(pki.key("leaf").public_key(), (f"{host}.subscriber.example",), **known | changes)


def issue(ca: SandboxCA, count: int = 1, **changes) -> list[str]:
    """Issue some certificates; their serial numbers."""
    return [pki.hex_of(one) for one in ca.issue_many(wanted(f"h{i}", **changes) for i in range(count))]


def requests(serials: list[str], reason: str = "superseded") -> list[Request]:
    return [Request(serial, reason) for serial in serials]


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]):
    return certificate.extensions.get_extension_for_class(kind)


def test_a_new_ca_is_a_ca_with_a_key_that_only_its_owner_reads(ca: SandboxCA):
    assert stat.S_IMODE((ca.folder / "ca-key.pem").stat().st_mode) == 0o600
    assert extension(ca.certificate, x509.BasicConstraints).value.ca
    assert extension(ca.certificate, x509.KeyUsage).value.crl_sign
    ca.certificate.verify_directly_issued_by(ca.certificate)
    assert x509.load_pem_x509_certificate((ca.folder / "ca.pem").read_bytes()) == ca.certificate


def test_a_ca_is_the_same_when_it_is_opened_again(ca: SandboxCA):
    again = open_ca(ca.folder.parent, "ca1")
    assert (again.profile, again.certificate) == (PROFILE, ca.certificate)


def test_a_taken_name_is_refused_and_the_first_ca_stays(ca: SandboxCA):
    with pytest.raises(Refused, match="cannot be made"):
        create(ca.folder.parent, "ca1", PROFILE, now=NOW)
    assert [path.name for path in ca.folder.parent.iterdir()] == ["ca1"]
    assert open_ca(ca.folder.parent, "ca1").certificate == ca.certificate


@pytest.mark.parametrize("slug", ["", "..", "a/b", "../ca1", "Ca1", "-a", "a" * 64, ".new-x"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, slug: str):
    with pytest.raises(Refused, match="no name"):
        create(tmp_path, slug, PROFILE, now=NOW)
    with pytest.raises(Refused, match="no name"):
        open_ca(tmp_path, slug)


def test_a_ca_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="no sandbox CA 'ca9'"):
        open_ca(tmp_path, "ca9")


@pytest.mark.parametrize(
    "changes",
    [
        {"shards": 0},
        {"shards": 1001},
        {"crl_interval": timedelta(hours=25)},
        {"crl_interval": -SECOND},
        {"base_url": "ca.example"},
    ],
)
def test_a_profile_that_cannot_be_is_refused(changes: dict):
    with pytest.raises(Refused):
        Profile(**{"common_name": "X", "base_url": "http://ca.example"} | changes)


def test_a_certificate_names_its_shard_and_the_responder_for_life(ca: SandboxCA):
    certificate = ca.issue(wanted())
    certificate.verify_directly_issued_by(ca.certificate)
    (point,) = extension(certificate, x509.CRLDistributionPoints).value
    assert point.full_name[0].value in ca.crl_urls
    assert ca.crl_urls[0] == "http://127.0.0.1:8000/sandbox/ca1/crl/0.crl"
    (access,) = extension(certificate, x509.AuthorityInformationAccess).value
    assert access.access_location.value == "http://127.0.0.1:8000/sandbox/ca1/ocsp"
    names = extension(certificate, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert names == ["www.subscriber.example"]


def test_basic_constraints_are_absent_critical_or_defective_as_asked(ca: SandboxCA):
    with pytest.raises(x509.ExtensionNotFound):
        extension(ca.issue(wanted()), x509.BasicConstraints)
    assert extension(ca.issue(wanted(basic_constraints="critical")), x509.BasicConstraints).critical
    assert not extension(ca.issue(wanted(basic_constraints="not-critical")), x509.BasicConstraints).critical


def test_many_certificates_come_in_order_with_distinct_serial_numbers_on_all_shards(ca: SandboxCA):
    certificates = list(ca.issue_many(wanted(f"h{i}") for i in range(1100)))
    assert [one.subject.rfc4514_string() for one in certificates[::1099]] == [
        "CN=h0.subscriber.example", "CN=h1099.subscriber.example",
    ]  # fmt: skip
    assert len({one.serial_number for one in certificates}) == 1100
    assert len({extension(one, x509.CRLDistributionPoints).value[0].full_name[0].value for one in certificates}) == 3
    assert all(0 < one.serial_number < 2**159 for one in certificates)


def test_a_certificate_that_cannot_be_made_leaves_nothing_in_the_books(ca: SandboxCA):
    with pytest.raises(ValueError, match="A-label"):
        list(ca.issue_many([wanted("a"), wanted("zürich")]))
    with ca.store.reading() as db:
        assert db.execute("SELECT count(*) FROM issued").fetchone() == (0,)


def test_a_batch_says_of_each_certificate_what_became_of_it(ca: SandboxCA):
    (fresh, old) = issue(ca, 2)
    (expired,) = issue(ca, 1, not_after=NOW - SECOND)
    ca.revoke(requests([old]), now=NOW - pki.DAY)
    records = ca.revoke(requests([fresh, old, expired, "abc123", fresh]), now=NOW)
    verdicts = [record.verdict for record in records]
    assert verdicts == [Verdict.REVOKED, Verdict.ALREADY, Verdict.EXPIRED, Verdict.UNKNOWN, Verdict.ALREADY]
    assert [record.revoked_at for record in records] == [NOW, NOW - pki.DAY, None, None, NOW]


def test_a_certificate_can_be_revoked_until_its_last_second(ca: SandboxCA):
    first, second = issue(ca, 2, not_after=NOW)
    assert ca.revoke(requests([first]), now=NOW)[0].verdict is Verdict.REVOKED
    assert ca.revoke(requests([second]), now=NOW + SECOND)[0].verdict is Verdict.EXPIRED


def test_the_first_date_stays_and_the_reason_changes_only_to_key_compromise(ca: SandboxCA):
    (serial,) = issue(ca)
    ca.revoke(requests([serial], "superseded"), now=NOW)
    for reason, kept in (
        ("cessationOfOperation", "superseded"), ("keyCompromise", "keyCompromise"), ("superseded", "keyCompromise"),
    ):  # fmt: skip
        (record,) = ca.revoke(requests([serial], reason), now=NOW + SECOND)
        assert (record.verdict, record.revoked_at, record.reason) == (Verdict.ALREADY, NOW, kept)
        assert ca.lookup([serial])[serial].reason == kept


def test_another_fingerprint_than_the_certificates_is_a_mismatch_and_revokes_nothing(ca: SandboxCA):
    (serial,) = issue(ca)
    (record,) = ca.revoke([Request(serial, "superseded", "00" * 32)], now=NOW)
    assert record.verdict is Verdict.MISMATCH
    assert ca.lookup([serial])[serial].revoked_at is None


@pytest.mark.parametrize(
    "request_", [Request("xyz", "superseded"), Request("", "superseded"), Request("1", "certificateHold")]
)
def test_a_request_that_is_none_is_refused_and_the_whole_batch_with_it(ca: SandboxCA, request_: Request):
    serials = issue(ca, 3)
    with pytest.raises(Refused):
        ca.revoke([*requests(serials), request_], now=NOW)
    assert not any(record.revoked_at for record in ca.lookup(serials).values())


def test_more_than_one_statement_holds_are_revoked_at_once(ca: SandboxCA):
    serials = issue(ca, 2500)
    assert {record.verdict for record in ca.revoke(requests(serials), now=NOW)} == {Verdict.REVOKED}
    found = ca.lookup([*serials, "abc"])
    assert set(found) == set(serials)
    assert {record.revoked_at for record in found.values()} == {NOW}


def test_a_stopped_ca_does_nothing_for_anybody_until_it_is_started(ca: SandboxCA):
    (serial,) = issue(ca)
    ca.stop()
    other = open_ca(ca.folder.parent, "ca1")
    assert other.is_stopped()
    for act in (
        lambda: other.issue(wanted()),
        lambda: other.revoke(requests([serial]), now=NOW),
        lambda: other.lookup([serial]),
        lambda: other.publish_crls(now=NOW),
        lambda: other.crl(0, now=NOW),
        lambda: other.answer(b"", now=NOW),
    ):
        with pytest.raises(Unavailable, match="stopped"):
            act()
    other.start()
    assert ca.revoke(requests([serial]), now=NOW)[0].verdict is Verdict.REVOKED


def _revoke_all(folder: Path, serials: list[str], number: int, verdicts) -> None:
    records = []
    for start in range(0, len(serials), 20):
        batch = requests(serials[start : start + 20])
        records += open_ca(folder, "ca1").revoke(batch, now=NOW + number * SECOND)
        open_ca(folder, "ca1").publish_crls(now=NOW + number * SECOND)
    verdicts.put([record.verdict for record in records])


def test_four_processes_at_once_revoke_each_certificate_once(ca: SandboxCA):
    serials = issue(ca, 200)
    verdicts = FORK.Queue()
    workers = [FORK.Process(target=_revoke_all, args=(ca.folder.parent, serials, i, verdicts)) for i in range(4)]
    for worker in workers:
        worker.start()
    told = [verdicts.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    for each in zip(*told, strict=True):
        assert sorted(each, key=lambda verdict: verdict.value) == [Verdict.ALREADY] * 3 + [Verdict.REVOKED]
    ca.publish_crls(now=NOW + pki.DAY)
    listed = {format(one.serial_number, "x") for crl in _shown(ca) for one in crl}
    assert listed == set(serials)


def _shown(ca: SandboxCA) -> Iterator[x509.CertificateRevocationList]:
    for shard in range(ca.profile.shards):
        yield x509.load_der_x509_crl(ca.crl(shard, now=NOW + pki.DAY).der)


def _revoke_for_ever(folder: Path, serials: list[str]) -> None:
    ca = open_ca(folder, "ca1")
    for serial in serials:
        ca.revoke(requests([serial]), now=NOW)
        ca.publish_crls(now=NOW)


def test_a_process_killed_at_work_leaves_whole_books(ca: SandboxCA):
    serials = issue(ca, 300)
    for i in range(5):
        worker = FORK.Process(target=_revoke_for_ever, args=(ca.folder.parent, serials[i * 60 :]))
        worker.start()
        time.sleep(0.05 + 0.02 * i)
        worker.kill()
        worker.join(10)
        with ca.store.reading() as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    numbers = [ca.crl(shard, now=NOW).number for shard in range(3)]
    assert {record.revoked_at for record in ca.lookup(serials).values()} <= {None, NOW}
    ca.revoke(requests(serials), now=NOW)
    assert all(ca.crl(shard, now=NOW).number >= numbers[shard] for shard in range(3))
    assert sum(len(list(crl)) for crl in _shown(ca)) == 300


def test_a_key_of_another_kind_is_issued_for(ca: SandboxCA):
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    leaf = Leaf(other, ("p384.example",), NOW, NOW + pki.DAY)
    assert ca.issue(leaf).public_key() == other
