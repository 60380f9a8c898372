"""A second person approves exactly this scope."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import AffectedCertificate, Campaign
from campaigns.services import add_affected, approve_campaign, change_draft, draft_digest, remove_affected
from core.errors import Refused
from subscribers.models import Issuer
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make.campaign(make.certificates(3))


def approve(campaign, **said):
    words = {"digest": campaign.scope_digest, "typed_count": 3, "approver": make.user("anton"), **said}
    return approve_campaign(campaign, now=NOW, **words)


def test_a_second_person_approves_the_digest(campaign):
    approve(campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.APPROVED
    assert campaign.approved_by == make.user("anton")
    assert campaign.approved_at == NOW
    assert campaign.approved_digest == campaign.scope_digest
    assert_event(
        "campaign.approved",
        campaign,
        actor="staff:anton",
        digest=campaign.scope_digest,
        count=3,
        crl_reason="superseded",
    )


def refused(campaign, why, **said):
    with pytest.raises(Refused, match=why):
        approve(campaign, **said)
    campaign.refresh_from_db()
    assert campaign.approved_by is None
    assert_no_event("campaign.approved")


def test_the_author_cannot_approve(campaign):
    refused(campaign, "second person", approver=make.user("olga"))


@pytest.mark.parametrize("hand", ["words", "scope", "removal"])
def test_whoever_had_a_hand_in_it_cannot_approve(campaign, hand):
    if hand == "words":
        change_draft(campaign, title="other words", actor="staff:anton", now=NOW)
    elif hand == "scope":
        add_affected(campaign, [make.certificate().pk], actor="staff:anton", now=NOW)
    else:
        first = AffectedCertificate.objects.filter(campaign=campaign).first()
        remove_affected(campaign, [first.pk], reason="not ours", actor="staff:anton", now=NOW)
    campaign.refresh_from_db()
    refused(campaign, "changed this draft", typed_count=campaign.scope_count)
    approve(campaign, typed_count=campaign.scope_count, approver=make.user("third"))


def test_words_that_have_changed_since_they_were_shown_are_not_approved(campaign):
    seen = draft_digest(campaign)
    change_draft(campaign, rule="3", actor="staff:olga", now=NOW)
    refused(campaign, "read it again", seen=seen)
    approve(campaign, seen=draft_digest(campaign))


def test_not_even_the_database_takes_the_author_as_approver(campaign):
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(approved_by=campaign.drafted_by)


def test_an_account_that_was_closed_cannot_approve(campaign):
    refused(campaign, "not active", approver=make.user("gone", is_active=False))


@pytest.mark.parametrize("count", [2, 4, 0, -3])
def test_another_count_than_that_of_the_scope_is_refused(campaign, count):
    refused(campaign, "You typed", typed_count=count)


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_another_digest_than_that_of_the_scope_is_refused(campaign, digest):
    refused(campaign, "has changed", digest=digest)


def test_the_digest_that_somebody_looked_at_before_a_change_is_refused(campaign):
    seen = campaign.scope_digest
    add_affected(campaign, [make.certificate().pk], actor="system", now=NOW)
    refused(campaign, "has changed", digest=seen, typed_count=4)


def test_a_scope_that_was_changed_behind_our_back_is_refused(campaign):
    AffectedCertificate.objects.filter(campaign=campaign)[0].delete()
    refused(campaign, "not the one that was imported", typed_count=2)


def test_an_empty_scope_is_refused():
    refused(make.campaign([]), "empty", typed_count=0)


@pytest.mark.parametrize(
    ("changed", "why"), [({"backend": ""}, "no backend"), ({"revocations_per_second": 0.0}, "more than 0")]
)
def test_an_issuer_that_cannot_be_asked_is_refused(campaign, changed, why):
    Issuer.objects.update(**changed)
    refused(campaign, why)


def test_an_approved_campaign_is_not_approved_again(campaign):
    approve(campaign)
    with pytest.raises(Refused, match="cannot become approved"):
        approve(campaign, approver=make.user("berta"))


def test_two_pages_that_approve_at_the_same_time_approve_once(campaign):
    other = Campaign.objects.get(pk=campaign.pk)
    approve(campaign)
    with pytest.raises(Refused, match="cannot become approved"):
        approve(other, approver=make.user("berta"))
    assert_event("campaign.approved", campaign, actor="staff:anton")


def test_an_approval_can_be_given_again_after_a_change(campaign):
    approve(campaign)
    add_affected(campaign, [make.certificate().pk], actor="system", now=NOW + timedelta(hours=1))
    assert campaign.state == Campaign.State.DRAFT
    approve(campaign, typed_count=4)
    assert campaign.state == Campaign.State.APPROVED
