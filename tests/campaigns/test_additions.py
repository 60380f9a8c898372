"""Certificates found after the launch: two persons, a clock of their own, and nothing else changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import Min, QuerySet
from pytest_django import Settings

from campaigns.models import (
    AffectedCertificate,
    Campaign,
    News,
    ScopeAddition,
    ScopeLine,
)
from campaigns.services import (
    Proposal,
    Proposed,
    approve_addition,
    cancel_campaign,
    confirm_replacement,
    counts,
    propose_addition,
    request_cancel,
    scope_digest,
    withdraw_addition,
)
from core.errors import Refused
from subscribers.models import Certificate
from subscribers.sources import open_source
from tests import make
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LATER = NOW + 24 * HOUR
WINDOW = timedelta(days=5)


def rows_of(certificates: Sequence[Certificate]) -> QuerySet[Certificate]:
    return Certificate.objects.filter(pk__in=[each.pk for each in certificates])


def propose(campaign: Campaign, certificates: Sequence[Certificate], *, now: datetime = LATER) -> ScopeAddition:
    """Olga proposes certificates of the register, of which the CA became aware an hour ago."""
    proposal = Proposal(now - HOUR, "A second profile had the fault.")
    done = propose_addition(
        campaign, rows_of(certificates), proposal=proposal, commit=True, by=make.user("olga"), now=now
    )
    assert done.addition
    return done.addition


def approve(addition: ScopeAddition, *, by: str = "anton", now: datetime = LATER) -> ScopeAddition:
    """Anton approves what he sees."""
    return approve_addition(
        addition, digest=addition.digest, typed_count=addition.count, approver=make.user(by), now=now
    )


def read(campaign: Campaign, path: Path, *, commit: bool, clock: datetime = LATER) -> Proposed:
    return propose_addition(
        campaign,
        [open_source(path)],
        proposal=Proposal(clock, "Found", make.issuer()),
        commit=commit,
        by=make.user("olga"),
        now=LATER,
    )


def scope_of(campaign: Campaign) -> set[int]:
    return set(AffectedCertificate.objects.filter(campaign=campaign).values_list("certificate", flat=True))


def test_an_approved_addition_is_in_the_scope_with_its_own_clock():
    campaign = make.running_campaign(make.certificates_of(3))
    old = list(AffectedCertificate.objects.order_by("pk").values())
    before = campaign.approved_digest
    new = make.certificates_of(2)
    approve(propose(campaign, new))
    campaign.refresh_from_db()
    added = AffectedCertificate.objects.filter(certificate__in=new)
    facts = set(added.values_list("added_at", "clock_started_at", "publish_by", "state"))
    assert facts == {(LATER, LATER - HOUR, LATER - HOUR + WINDOW, "outstanding")}
    assert list(AffectedCertificate.objects.exclude(certificate__in=new).order_by("pk").values()) == old
    assert (campaign.scope_count, campaign.scope_version) == (5, 2)
    assert campaign.approved_digest == campaign.scope_digest == scope_digest(campaign) != before
    told = assert_event("campaign.addition_approved", actor="staff:anton", proposed_by="olga", count=2)
    assert (told.facts["scope_digest_before"], told.facts["scope_digest"]) == (before, campaign.approved_digest)
    assert counts(campaign, LATER).check().scope == 5
    assert campaign.snapshots.latest().scope == 5


def test_a_new_subscriber_stands_on_the_ladder_at_once():
    campaign = make.running_campaign()
    new = make.certificates_of(2)
    approve(propose(campaign, new))
    affected = campaign.affected_subscribers.get(subscriber=new[0].subscriber)
    assert (affected.due_at, affected.next_step, affected.certificates.count()) == (LATER, 0, 2)
    assert not News.objects.exists()


def test_a_subscriber_who_was_there_gets_news_and_its_ladder_looks_again():
    owner, rows = make.affected(1)
    confirm_replacement(owner, certificates=[rows[0].pk], actor="contact:1", now=NOW + HOUR)
    owner.refresh_from_db()
    assert owner.due_at is None
    approve(propose(owner.campaign, make.certificates(2, owner.subscriber)))
    owner.refresh_from_db()
    assert (owner.due_at, owner.certificates.count()) == (LATER, 3)
    news = News.objects.get()
    assert (news.affected_subscriber, news.kind, news.since, news.due_at) == (owner, "addition", LATER, LATER)


def test_a_new_subscriber_without_a_contact_is_unreachable_from_the_start():
    campaign = make.running_campaign()
    new = make.certificates_of(1, contacts=0)
    approve(propose(campaign, new))
    affected = campaign.affected_subscribers.get(subscriber=new[0].subscriber)
    assert affected.unreachable_since == LATER
    assert_event("affectedsubscriber.unreachable", affected)


def test_certificates_of_nobody_are_added_like_others():
    campaign = make.running_campaign()
    orphan = make.certificate(fields={"subscriber": None})
    approve(propose(campaign, [orphan]))
    row = AffectedCertificate.objects.get(certificate=orphan)
    assert (row.affected_subscriber.subscriber.reference, row.campaign) == ("UNKNOWN", campaign)


def test_a_proposal_changes_nothing_of_the_scope():
    campaign = make.running_campaign(make.certificates_of(2))
    before, scope = campaign.approved_digest, scope_of(campaign)
    addition = propose(campaign, make.certificates_of(3))
    campaign.refresh_from_db()
    assert (campaign.approved_digest, campaign.scope_digest, campaign.scope_count) == (before, before, 2)
    assert scope_of(campaign) == scope
    assert (addition.count, len(addition.digest), addition.approved_at) == (3, 64, None)
    assert_event("campaign.addition_proposed", addition, actor="staff:olga", count=3)


def test_every_line_of_a_file_is_classified_and_kept(tmp_path: Path):
    there = make.certificate()
    campaign = make.running_campaign([there])
    waiting, new = make.certificates_of(2)
    propose(campaign, [waiting])
    expired = make.certificate(not_before=NOW - WINDOW * 9, not_after=NOW - HOUR)
    gone = make.certificate(fields={"revoked_at": NOW, "revocation_reason": "superseded"})
    known = [there, waiting, new, expired, gone, new]
    path = tmp_path / "found.txt"
    path.write_text("\n".join([*(each.fingerprint_sha256 for each in known), "f" * 64, "?"]))
    look = read(campaign, path, commit=False)
    assert look.addition is None
    done = read(campaign, path, commit=True)
    assert look.report.counts == done.report.counts
    expected = {"affected": 1, "repeated": 3, "expired": 1, "already_revoked": 1, "not_ours": 1, "unreadable": 1}
    assert {name: count for name, count in done.report.counts.items() if count} == expected
    assert done.addition
    assert list(done.addition.lines.values_list("certificate", flat=True)) == [new.pk]
    kept = campaign.scope_imports.latest("pk")
    assert (kept.lines, sum(kept.counts.values())) == (8, 8)
    assert ScopeLine.objects.filter(scope_import=kept).count() == 7


def test_a_proposal_of_nothing_new_is_refused_and_leaves_nothing(tmp_path: Path):
    there = make.certificate()
    campaign = make.running_campaign([there])
    path = tmp_path / "found.txt"
    path.write_text(there.fingerprint_sha256)
    with pytest.raises(Refused, match="1 repeated"):
        read(campaign, path, commit=True)
    assert not ScopeAddition.objects.exists()
    assert_no_event("campaign.addition_proposed")


@pytest.mark.parametrize(
    ("clock", "message"),
    [(LATER + timedelta(seconds=1), "still to come"), (datetime(2024, 3, 20), "time zone")],  # noqa: DTZ001
)
@pytest.mark.parametrize("commit", [True, False])
def test_a_clock_that_cannot_be_is_refused(tmp_path: Path, clock: datetime, message: str, commit: bool):
    path = tmp_path / "found.txt"
    path.write_text(make.certificate().fingerprint_sha256)
    with pytest.raises(Refused, match=message):
        read(make.running_campaign(), path, commit=commit, clock=clock)
    assert not ScopeAddition.objects.exists()


@pytest.mark.parametrize("state", ["draft", "approved", "cancelled"])
def test_only_a_running_campaign_takes_additions(state: str):
    campaign = make.campaign(state="approved" if state == "approved" else "draft")
    if state == "cancelled":
        campaign = make.running_campaign()
        request_cancel(campaign, ground="A drill", by=make.user("olga"), now=NOW)
        cancel_campaign(campaign, by=make.user("anton"), now=NOW)
    with pytest.raises(Refused, match="addition to its scope"):
        propose(campaign, make.certificates_of(1))
    assert not ScopeAddition.objects.exists()


def test_nothing_is_added_to_a_campaign_that_has_ended_meanwhile():
    campaign = make.running_campaign()
    addition = propose(campaign, make.certificates_of(1))
    request_cancel(campaign, ground="A drill", by=make.user("olga"), now=LATER)
    cancel_campaign(campaign, by=make.user("anton"), now=LATER)
    with pytest.raises(Refused, match="ended"):
        approve(addition)
    assert AffectedCertificate.objects.count() == 1


def test_whoever_proposed_an_addition_cannot_approve_it():
    addition = propose(make.running_campaign(), make.certificates_of(1))
    with pytest.raises(Refused, match="second person"):
        approve(addition, by="olga")
    assert AffectedCertificate.objects.count() == 1


@pytest.mark.parametrize(("digest", "count", "message"), [("0" * 64, 2, "looked at"), ("", 3, "You typed 3")])
def test_another_digest_or_count_is_refused(digest: str, count: int, message: str):
    addition = propose(make.running_campaign(), make.certificates_of(2))
    with pytest.raises(Refused, match=message):
        approve_addition(
            addition, digest=digest or addition.digest, typed_count=count, approver=make.user("anton"), now=LATER
        )
    assert AffectedCertificate.objects.count() == 1


def test_a_line_that_was_slipped_in_after_the_proposal_is_never_approved():
    addition = propose(make.running_campaign(), make.certificates_of(2))
    addition.lines.create(certificate=make.certificate())
    for count in (2, 3):
        with pytest.raises(Refused):
            approve_addition(
                addition, digest=addition.digest, typed_count=count, approver=make.user("anton"), now=LATER
            )
    assert AffectedCertificate.objects.count() == 1


def test_a_certificate_that_was_slipped_into_the_scope_does_not_become_approved_with_an_addition():
    owner, (row,) = make.affected()
    before = owner.campaign.approved_digest
    addition = propose(owner.campaign, make.certificates_of(1))
    slipped = make.certificate(owner.subscriber)
    AffectedCertificate.objects.create(
        campaign=owner.campaign,
        affected_subscriber=owner,
        certificate=slipped,
        not_after=slipped.not_after,
        clock_started_at=NOW,
        publish_by=row.publish_by,
    )
    with pytest.raises(Refused, match="not the one that was approved"):
        approve(addition)
    owner.campaign.refresh_from_db()
    assert owner.campaign.approved_digest == before
    assert ScopeAddition.objects.get().approved_at is None


def test_an_addition_is_approved_once():
    campaign = make.running_campaign()
    addition = propose(campaign, make.certificates_of(1))
    approve(addition)
    with pytest.raises(Refused, match="was approved"):
        approve(ScopeAddition.objects.get())
    assert (AffectedCertificate.objects.count(), len(events("campaign.addition_approved"))) == (2, 1)


def test_a_withdrawn_addition_is_never_approved_and_its_certificates_can_be_proposed_again():
    campaign = make.running_campaign()
    new = make.certificates_of(1)
    addition = propose(campaign, new)
    withdraw_addition(addition, by=make.user("anton"), now=LATER)
    withdraw_addition(addition, by=make.user("anton"), now=LATER)
    assert len(events("campaign.addition_withdrawn")) == 1
    with pytest.raises(Refused, match="withdrawn"):
        approve(addition)
    approve(propose(campaign, new))
    assert AffectedCertificate.objects.filter(certificate=new[0]).exists()


def test_an_approved_addition_cannot_be_withdrawn():
    addition = approve(propose(make.running_campaign(), make.certificates_of(1)))
    with pytest.raises(Refused, match="part of the scope"):
        withdraw_addition(addition, by=make.user("olga"), now=LATER)


def test_what_has_become_a_replacement_meanwhile_is_not_added():
    owner, (row,) = make.affected()
    new = make.certificate(owner.subscriber, names=tuple(row.certificate.names), not_before=NOW + timedelta(seconds=1))
    addition = propose(owner.campaign, [new])
    make.replaced(owner, new, now=LATER)
    with pytest.raises(Refused, match="recorded as a replacement"):
        approve(addition)


def test_a_drill_takes_no_certificates_of_a_live_ca(settings: Settings):
    settings.DRILL_EMAIL_URL = "smtp://127.0.0.1:2525"
    campaign = make.running_campaign(kind="drill")
    live = make.issuer("Live CA", backend="manual")
    addition = propose(campaign, make.certificates(1, of=live))
    with pytest.raises(Refused, match="sandbox CA"):
        approve(addition)
    assert AffectedCertificate.objects.count() == 1


def test_two_additions_each_have_their_own_clock():
    campaign = make.running_campaign()
    first, second = make.certificates_of(2)
    one = propose(campaign, [first])
    other = propose(campaign, [second], now=LATER + 5 * HOUR)
    approve(other, now=LATER + 6 * HOUR)
    approve(one, now=LATER + 7 * HOUR)
    campaign.refresh_from_db()
    assert campaign.scope_digest == scope_digest(campaign) == campaign.approved_digest
    clocks = AffectedCertificate.objects.filter(certificate__in=[first, second]).order_by("certificate")
    assert list(clocks.values_list("clock_started_at", flat=True)) == [LATER - HOUR, LATER + 4 * HOUR]
    assert AffectedCertificate.objects.aggregate(first=Min("publish_by"))["first"] == NOW + WINDOW
