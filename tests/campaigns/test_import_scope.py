"""Importing a scope: every line is classified, counted, and kept (R15, R17, R18)."""

import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from campaigns.models import AffectedCertificate, Campaign, ScopeImport, ScopeLine
from campaigns.scope import digest
from campaigns.services import UNKNOWN, add_affected, expand_by_key, import_scope, remove_affected
from core.errors import Refused
from subscribers.models import Subscriber
from subscribers.sources import Source
from tests import make, pki
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def file(text, name="scope.txt"):
    return Source(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name)


def read(campaign, *texts, commit=True, **more):
    files = [file(text, f"scope{number}.txt") for number, text in enumerate(texts, 1)]
    return import_scope(campaign, files, commit=commit, actor=make.OPERATOR, now=NOW, **more)


def found(report):
    return {name: number for name, number in report.counts.items() if number}


def scope(campaign):
    return set(AffectedCertificate.objects.filter(campaign=campaign).values_list("certificate", flat=True))


@pytest.fixture
def campaign():
    return make.campaign([])


def test_a_fingerprint_finds_its_certificate(campaign):
    row = make.certificate()
    assert found(read(campaign, row.fingerprint_sha256.upper())) == {"affected": 1}
    affected = AffectedCertificate.objects.get(campaign=campaign)
    assert affected.certificate == row
    assert affected.affected_subscriber.subscriber == row.subscriber
    assert affected.not_after == row.not_after
    assert affected.clock_started_at == campaign.clock_started_at
    assert affected.publish_by is None


def test_a_serial_number_finds_its_certificate_by_the_chosen_issuer(campaign):
    row = make.certificate(serial=0xABCDEF)
    assert found(read(campaign, "abcdef", default_issuer=row.issuer)) == {"affected": 1}


def test_a_serial_number_without_an_issuer_is_nobodys(campaign):
    make.certificate(serial=0xABCDEF)
    report = read(campaign, "abcdef")
    assert found(report) == {"not_ours": 1}
    assert "no default issuer" in report.set_aside[0].note


def test_the_same_serial_number_of_two_issuers_is_two_certificates(campaign):
    one = make.certificate(serial=77, of=make.issuer("One CA"))
    other = make.certificate(serial=77, of=make.issuer("Other CA"))
    assert found(read(campaign, "One CA: 4d")) == {"affected": 1}
    assert scope(campaign) == {one.pk}
    assert found(read(campaign, f"serial,issuer\n4d,{other.issuer.key_id}\n")) == {"affected": 1}
    assert scope(campaign) == {one.pk, other.pk}


@pytest.mark.parametrize("encode", [pki.pem, pki.der_of])
def test_a_certificate_itself_finds_its_row(campaign, encode):
    ca = make.issuer()
    real = make.leaf(ca)
    make.row_of(real, ca, make.subscriber()).save()
    assert found(read(campaign, encode(real))) == {"affected": 1}


def test_a_certificate_known_by_given_fields_alone_is_found_by_issuer_and_serial_number(campaign):
    ca = make.issuer()
    real = make.leaf(ca)
    make.row_of(real, ca, make.subscriber(), fingerprint_sha256="", der=None).save()
    assert found(read(campaign, pki.pem(real))) == {"affected": 1}


def test_a_certificate_of_another_ca_is_not_ours(campaign):
    stranger = pki.leaf(pki.authority("Another CA", key_name="another"))
    report = read(campaign, pki.pem(stranger))
    assert found(report) == {"not_ours": 1}
    assert "Another CA" in report.set_aside[0].note


def test_every_line_is_classified_and_the_counts_add_up(campaign):
    good, again = make.certificate(), make.certificate()
    expired = make.certificate(not_after=NOW - SECOND)
    revoked = make.certificate(fields={"revoked_at": NOW - DAY, "revocation_reason": "superseded"})
    day = datetime(2024, 3, 16, tzinfo=UTC)
    short = make.certificate(not_before=day, not_after=day + timedelta(seconds=864_000 - 1))
    rows = [good, again, again, expired, revoked, short]
    lines = [row.fingerprint_sha256 for row in rows] + ["ff" * 32, "-5", "not hex"]
    report = read(campaign, "\n".join(lines))
    assert found(report) == {
        "affected": 2,
        "repeated": 1,
        "expired": 1,
        "already_revoked": 1,
        "short_lived": 1,
        "not_ours": 1,
        "unreadable": 2,
    }
    assert report.lines == len(lines)
    kept = ScopeImport.objects.get()
    assert kept.lines == sum(kept.counts.values()) == len(lines)
    assert kept.file_sha256 == sha256("\n".join(lines).encode()).hexdigest()
    aside = dict(ScopeLine.objects.values_list("line", "classification"))
    assert aside == {
        3: "repeated",
        4: "expired",
        5: "already_revoked",
        6: "short_lived",
        7: "not_ours",
        8: "unreadable",
        9: "unreadable",
    }
    assert [row.line for row in report.set_aside] == [3, 4, 5, 6, 7, 8, 9]
    assert "superseded" in ScopeLine.objects.get(line=5).note


@pytest.mark.parametrize(("seconds", "classification"), [(-1, "expired"), (0, "affected"), (1, "affected")])
def test_a_certificate_is_expired_the_second_after_its_last(campaign, seconds, classification):
    row = make.certificate(not_after=NOW + seconds * SECOND)
    assert found(read(campaign, row.fingerprint_sha256)) == {classification: 1}


def test_a_dry_run_says_the_same_and_writes_nothing(campaign):
    rows = make.certificates(3)
    text = "\n".join([*(row.fingerprint_sha256 for row in rows), rows[0].fingerprint_sha256, "rubbish"])
    dry = read(campaign, text, commit=False)
    assert not dry.is_committed
    assert not ScopeImport.objects.exists()
    assert scope(campaign) == set()
    assert_no_event("campaign.scope_imported")
    wet = read(campaign, text)
    assert (dry.counts, dry.lines, dry.set_aside) == (wet.counts, wet.lines, wet.set_aside)


def test_the_same_file_twice_adds_nothing_and_changes_no_version(campaign):
    text = "\n".join(row.fingerprint_sha256 for row in make.certificates(3))
    read(campaign, text)
    before = (campaign.scope_version, campaign.scope_digest, campaign.scope_count)
    assert found(read(campaign, text)) == {"repeated": 3}
    assert (campaign.scope_version, campaign.scope_digest, campaign.scope_count) == before


def test_a_line_that_comes_again_in_the_next_file_is_repeated(campaign):
    text = make.certificate().fingerprint_sha256
    assert found(read(campaign, text, text)) == {"affected": 1, "repeated": 1}
    assert ScopeImport.objects.count() == 2


def test_an_import_gives_the_scope_its_version_count_and_digest(campaign):
    rows = make.certificates(3)
    read(campaign, "\n".join(row.fingerprint_sha256 for row in rows))
    campaign.refresh_from_db()
    expected = digest([(row.issuer.key_id, row.serial_number) for row in rows])
    assert (campaign.scope_version, campaign.scope_count, campaign.scope_digest) == (1, 3, expected)
    event = assert_event("campaign.scope_imported", campaign, added=3, digest=expected, count=3, scope_version=1)
    assert event.facts["files"][0]["file"] == "scope1.txt"


def test_an_import_voids_an_approval():
    campaign = make.campaign(state="approved")
    read(campaign, make.certificate().fingerprint_sha256)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    assert campaign.approved_digest == ""


def test_an_import_that_adds_nothing_leaves_an_approval_standing():
    row = make.certificate()
    campaign = make.campaign([row], state="approved")
    read(campaign, row.fingerprint_sha256)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.APPROVED


def test_after_the_launch_the_scope_is_frozen():
    campaign = make.running_campaign()
    with pytest.raises(Refused, match="proposed as an addition"):
        read(campaign, make.certificate().fingerprint_sha256)
    assert len(scope(campaign)) == 1


def test_a_certificate_without_a_subscriber_is_affected_all_the_same(campaign):
    row = make.certificate(fields={"subscriber": None})
    report = read(campaign, row.fingerprint_sha256)
    assert (report.affected, report.without_subscriber) == (1, 1)
    assert AffectedCertificate.objects.get().affected_subscriber.subscriber.reference == UNKNOWN
    read(campaign, make.certificate(fields={"subscriber": None}).fingerprint_sha256)
    assert Subscriber.objects.filter(reference=UNKNOWN).count() == 1
    assert campaign.affected_subscribers.count() == 1


def test_a_replacement_of_a_running_campaign_refuses_the_whole_import_with_its_line(campaign):
    row, (certificate,) = make.affected(fixed_at=NOW - DAY)
    new = make.certificate(row.subscriber, names=certificate.certificate.names, not_before=NOW - SECOND)
    make.replaced(row, new)
    text = f"{make.certificate().fingerprint_sha256}\n{new.fingerprint_sha256}\n"
    dry = read(campaign, text, commit=False)
    assert len(dry.errors) == 1
    assert dry.errors[0].startswith("scope1.txt:2: ")
    with pytest.raises(Refused, match="replacement in the running campaign"):
        read(campaign, text)
    assert scope(campaign) == set()
    assert not ScopeImport.objects.filter(campaign=campaign).exists()


def test_a_file_that_is_no_text_refuses_the_whole_import(campaign):
    with pytest.raises(Refused, match=r"scope2\.txt: This file is UTF-16"):
        read(campaign, make.certificate().fingerprint_sha256, "abc".encode("utf-16"))
    assert scope(campaign) == set()


def test_certificates_are_chosen_from_the_register_by_a_query(campaign):
    rows = make.certificates(3)
    report = add_affected(
        campaign, type(rows[0]).objects.filter(subscriber=rows[0].subscriber), actor="system", now=NOW
    )
    assert report.affected == 3
    assert ScopeImport.objects.get().file_name == "selection from the register"


def test_chosen_keys_that_do_not_exist_are_not_ours(campaign):
    assert found(add_affected(campaign, [987654], actor="system", now=NOW)) == {"not_ours": 1}


def test_a_compromised_key_draws_in_every_unexpired_certificate_that_has_it():
    seed = make.certificate(key_name="leaked")
    same = make.certificate(key_name="leaked", of=make.issuer("Other CA"))
    make.certificate(key_name="leaked", not_after=NOW - SECOND)
    make.certificate(key_name="leaked", fields={"revoked_at": NOW})
    make.certificate(key_name="another")
    campaign = make.campaign([seed], rule="3")
    assert found(expand_by_key(campaign, actor="system", now=NOW)) == {"affected": 1}
    assert scope(campaign) == {seed.pk, same.pk}


def test_other_reasons_draw_nothing_in():
    with pytest.raises(Refused, match="superseded"):
        expand_by_key(make.campaign(), actor="system", now=NOW)


def test_certificates_are_taken_out_of_a_draft_with_a_reason(campaign):
    one, other = make.certificate(), make.certificate()
    campaign = make.campaign([one, other], state="approved")
    gone = AffectedCertificate.objects.get(certificate=one)
    key = gone.pk
    assert remove_affected(campaign, [key], reason="listed by mistake", actor=make.OPERATOR, now=NOW) == 1
    campaign.refresh_from_db()
    assert scope(campaign) == {other.pk}
    assert (campaign.state, campaign.scope_version, campaign.scope_count) == ("draft", 2, 1)
    assert campaign.affected_subscribers.count() == 1
    gone.pk = key
    assert_event("affectedcertificate.removed", gone, reason="listed by mistake")
    assert len(events("campaign.scope_reduced", campaign)) == 1


def test_nothing_is_taken_out_without_a_reason_or_after_the_launch():
    campaign = make.running_campaign()
    keys = [AffectedCertificate.objects.get().pk]
    with pytest.raises(Refused, match="reason"):
        remove_affected(campaign, keys, reason=" ", actor="system", now=NOW)
    with pytest.raises(Refused, match="frozen"):
        remove_affected(campaign, keys, reason="a mistake", actor="system", now=NOW)
    assert len(scope(campaign)) == 1
