"""A confirmation is a claim; a certificate that we have verified is a fact."""

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns.models import AffectedCertificate, Campaign, Replacement
from campaigns.services import (
    add_affected,
    add_replacement,
    confirm_replacement,
    verify_replacements,
    withdraw_replacement,
)
from campaigns.tasks import check_replacements
from core import due
from core.errors import Malformed, Refused
from tests import make, pki
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
FIXED_AT = NOW - DAY


def affected(number=1, **draft):
    return make.affected(number, fixed_at=FIXED_AT, **draft)


def names(row):
    return row.certificate.names


def new(row, **knobs):
    """A certificate that may replace an affected one, which the register does not have."""
    return make.leaf(**{"names": names(row), "not_before": NOW - SECOND, "key_name": "new", **knobs})


def show(owner, *certificates):
    pem = b"\n".join(pki.pem(each) for each in certificates)
    return add_replacement(owner, pem=pem, actor="contact:1", now=NOW)


def states():
    return list(AffectedCertificate.objects.order_by("pk").values_list("state", flat=True))


# Shown by the subscriber


def test_a_good_replacement_that_is_uploaded_makes_the_certificate_replaced():
    owner, (row,) = affected()
    (verdict,) = show(owner, new(row))
    assert verdict.problems == []
    assert verdict.replaces == [row]
    row.refresh_from_db()
    assert (row.state, row.replaced_at, row.due_at) == ("replaced", NOW, None)
    assert row.replacement.fingerprint_sha256 == verdict.fingerprint_sha256
    assert "BEGIN CERTIFICATE" in row.replacement.pem
    assert owner.due_at is None
    assert_event(
        "affectedcertificate.replaced",
        row,
        actor="contact:1",
        replacement=verdict.fingerprint_sha256,
        serial_number=row.certificate.serial_number,
    )


def test_whoever_hands_in_a_certificate_has_read_it():
    owner, (row,) = affected()
    contact = owner.subscriber.contacts.all()[0]
    add_replacement(owner, pem=pki.pem(new(row)), contact=contact, actor="contact:1", now=NOW)
    assert (owner.acknowledged_at, owner.acknowledged_by) == (NOW, contact)


def test_der_is_taken_as_well_as_pem():
    owner, (row,) = affected()
    (verdict,) = add_replacement(owner, pem=pki.der_of(new(row)), actor="contact:1", now=NOW)
    assert verdict.replaces == [row]


def test_one_certificate_with_all_names_replaces_several():
    owner, rows = affected(3)
    (verdict,) = show(owner, new(rows[0], names=[name for row in rows for name in names(row)]))
    assert verdict.replaces == rows
    assert Replacement.objects.count() == 1


def test_a_wildcard_replaces_what_it_covers():
    owner, rows = affected(2)
    (verdict,) = show(owner, new(rows[0], names=["*.subscriber.example"]))
    assert verdict.replaces == rows


def test_each_certificate_gets_its_own_verdict_and_a_chain_does_no_harm():
    owner, rows = affected(2)
    ca = pki.authority("Test CA", key_name="Test CA").certificate
    verdicts = show(owner, new(rows[0]), ca, new(rows[1], not_before=FIXED_AT))
    assert verdicts[0].replaces == rows[:1]
    assert "CA certificate" in verdicts[1].problems[0]
    assert "not after the fault was mended" in verdicts[2].problems[0]
    assert states() == ["replaced", "outstanding"]
    assert owner.due_at == NOW


def test_a_certificate_for_other_names_replaces_nothing():
    owner, (row,) = affected()
    (verdict,) = show(owner, new(row, names=["other.example"]))
    assert (verdict.replaces, states()) == ([], ["outstanding"])
    assert "names of none" in verdict.problems[0]


def test_the_affected_certificate_itself_is_no_replacement():
    owner, (row,) = affected()
    (verdict,) = add_replacement(owner, pem=bytes(row.certificate.der), actor="contact:1", now=NOW)
    assert "itself to be revoked" in verdict.problems[0]


def test_a_certificate_in_the_scope_of_another_open_campaign_is_no_replacement():
    owner, (row,) = affected()
    real = new(row)
    target = make.row_of(real, make.issuer(), make.subscriber())
    target.save()
    make.campaign([target])
    (verdict,) = show(owner, real)
    assert "itself to be revoked" in verdict.problems[0]
    assert not Replacement.objects.exists()


def test_a_certificate_that_the_register_knows_as_revoked_is_no_replacement():
    owner, (row,) = affected()
    real = new(row)
    make.row_of(real, make.issuer(), owner.subscriber, revoked_at=NOW).save()
    assert "is revoked" in show(owner, real)[0].problems[0]


def test_a_compromised_key_needs_a_new_one():
    owner, (row,) = affected(rule="3")
    assert "compromised key" in show(owner, new(row, key_name="leaf"))[0].problems[0]
    assert show(owner, new(row))[0].replaces == [row]


def test_the_same_upload_twice_replaces_once():
    owner, (row,) = affected()
    real = new(row)
    show(owner, real)
    (again,) = show(owner, real)
    assert again.replaces == []
    assert again.problems
    assert len(events("affectedcertificate.replaced")) == 1


def test_the_certificates_of_others_are_not_replaced():
    owner, _ = affected()
    _, (foreign,) = affected()
    (verdict,) = show(owner, new(foreign))
    assert verdict.replaces == []
    assert states() == ["outstanding", "outstanding"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"hello", "not an X.509"),
        (b"\x30\x82\xff\xff", "not an X.509"),
    ],
)
def test_what_is_no_certificate_at_all_is_refused(data, why):
    owner, _ = affected()
    with pytest.raises(Malformed, match=why):
        add_replacement(owner, pem=data, actor="contact:1", now=NOW)


def test_a_truncated_certificate_among_good_ones_is_named_and_the_good_ones_count():
    owner, (row,) = affected()
    broken = pki.pem(new(row))[:200]
    first, second = add_replacement(owner, pem=broken + b"\n" + pki.pem(new(row)), actor="contact:1", now=NOW)
    assert first.title == "certificate 1"
    assert first.problems
    assert second.replaces == [row]


def test_a_private_key_is_refused_and_not_kept():
    owner, (row,) = affected()
    key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    with pytest.raises(Refused, match="private key"):
        add_replacement(owner, pem=pki.pem(new(row)) + key, actor="contact:1", now=NOW)
    assert states() == ["outstanding"]


@pytest.mark.parametrize("data", [b"x" * (1024 * 1024 + 1), b"-----BEGIN CERTIFICATE-----\n" * 201])
def test_too_much_is_refused(data):
    owner, _ = affected()
    with pytest.raises(Refused, match=r"larger than|at a time"):
        add_replacement(owner, pem=data, actor="contact:1", now=NOW)


# Found in the register


def claim(now=NOW):
    return due.claim(AffectedCertificate.objects.to_verify(), now=now, limit=100)


def confirmed(number=1, **draft):
    owner, rows = affected(number, **draft)
    confirm_replacement(owner, certificates=[row.pk for row in rows], actor="contact:1", now=NOW)
    return owner, rows


def register(owner, row, **knobs):
    fields = knobs.pop("fields", {})
    certificate = make.row_of(new(row, **knobs), make.issuer(), owner.subscriber, **fields)
    certificate.save()
    return certificate


@pytest.mark.django_db(transaction=True)
def test_a_confirmed_certificate_whose_replacement_the_register_has_is_replaced():
    owner, (row,) = confirmed()
    certificate = register(owner, row)
    verify_replacements(claim(), now=NOW)
    row.refresh_from_db()
    assert (row.state, row.replacement.certificate, row.due_at) == ("replaced", certificate, None)
    assert_event("affectedcertificate.replaced", row, actor="system", shown_by="register")


@pytest.mark.django_db(transaction=True)
def test_without_a_replacement_it_is_looked_for_again_and_stays_confirmed():
    _, (row,) = confirmed()
    verify_replacements(claim(), now=NOW)
    row.refresh_from_db()
    assert (row.state, row.due_at) == ("confirmed", NOW + MINUTE)
    assert_no_event("affectedcertificate.replaced")
    verify_replacements(claim(NOW + MINUTE), now=NOW + MINUTE)
    row.refresh_from_db()
    assert row.due_at == NOW + 3 * MINUTE


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "knobs",
    [
        {"names": ["other.example"]},
        {"not_before": FIXED_AT},
        {"not_after": NOW - SECOND},
        {"fields": {"revoked_at": NOW}},
        {"fields": {"fingerprint_sha256": ""}},
    ],
)
def test_a_certificate_of_the_register_that_does_not_fit_replaces_nothing(knobs):
    owner, (row,) = confirmed()
    register(owner, row, **knobs)
    verify_replacements(claim(), now=NOW)
    assert states() == ["confirmed"]


@pytest.mark.django_db(transaction=True)
def test_a_certificate_of_another_subscriber_replaces_nothing():
    _, (row,) = confirmed()
    make.row_of(new(row), make.issuer(), make.subscriber()).save()
    verify_replacements(claim(), now=NOW)
    assert states() == ["confirmed"]


@pytest.mark.django_db(transaction=True)
def test_a_certificate_of_the_register_that_is_itself_in_a_scope_replaces_nothing():
    owner, (row,) = confirmed()
    make.campaign([register(owner, row)])
    verify_replacements(claim(), now=NOW)
    assert "replaced" not in states()


@pytest.mark.django_db(transaction=True)
def test_a_compromised_key_in_the_register_replaces_nothing_and_a_new_one_does():
    owner, (row,) = confirmed(rule="3")
    register(owner, row, key_name="leaf")
    verify_replacements(claim(), now=NOW)
    assert states() == ["confirmed"]
    register(owner, row)
    verify_replacements(claim(NOW + MINUTE), now=NOW + MINUTE)
    assert states() == ["replaced"]


@pytest.mark.django_db(transaction=True)
def test_who_has_lost_the_claim_writes_nothing():
    owner, (row,) = confirmed()
    register(owner, row)
    lost = claim()
    claim(NOW + 2 * settings.LEASE)
    verify_replacements(lost, now=NOW)
    assert states() == ["confirmed"]
    assert AffectedCertificate.objects.get().replacement is None


@pytest.mark.django_db(transaction=True)
def test_a_batch_needs_as_many_queries_as_one_row(django_assert_max_num_queries):
    owner, rows = confirmed(60)
    for row in rows:
        register(owner, row)
    taken = claim()
    with django_assert_max_num_queries(20):
        verify_replacements(taken, now=NOW)
    assert set(states()) == {"replaced"}


@pytest.mark.django_db(transaction=True)
def test_the_task_verifies_what_is_due(frozen_clock):
    owner, (row,) = confirmed()
    register(owner, row)
    check_replacements()
    assert states() == ["replaced"]


@pytest.mark.django_db(transaction=True)
def test_a_halt_does_not_stop_looking():
    owner, (row,) = confirmed()
    make.halt(owner.campaign)
    assert [taken.pk for taken in claim()] == [row.pk]


# Taken back


def test_a_replacement_that_is_taken_back_can_be_put_into_a_scope():
    owner, (row,) = affected()
    real = new(row)
    certificate = make.row_of(real, make.issuer(), owner.subscriber)
    certificate.save()
    show(owner, real)
    campaign = make.campaign([])
    with pytest.raises(Refused, match="replacement in the running"):
        add_affected(campaign, [certificate.pk], actor="system", now=NOW)
    withdraw_replacement(Replacement.objects.get(), reason="It has the same fault", actor=make.OPERATOR, now=NOW)
    assert add_affected(campaign, [certificate.pk], actor="system", now=NOW).affected == 1
    row.refresh_from_db()
    assert (row.state, row.replacement) == ("replaced", None)
    assert_event("replacement.withdrawn", reason="It has the same fault", replaced=[row.pk])
    assert Campaign.objects.filter(pk=owner.campaign_id, state="running").exists()
