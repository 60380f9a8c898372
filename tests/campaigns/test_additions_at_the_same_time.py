"""Several people decide about an addition at the same moment: it is taken in once, and the scope still adds up."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections

from campaigns.models import AffectedCertificate, Campaign, News, ScopeAddition
from campaigns.services import (
    Proposal,
    approve_addition,
    mark_published,
    propose_addition,
    scope_digest,
    withdraw_addition,
)
from core.errors import Refused
from subscribers.models import Certificate
from tests import make
from tests.asserts import events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[], object]


def at_once(acts: Sequence[Act]) -> list[Refused]:
    """Do several things at the same moment, each with a connection of its own; the refusals.

    SQLite in memory has one connection for all: there they are done one after the other.
    """
    if connection.vendor == "sqlite":
        outcomes = [outcome(act) for act in acts]
    else:
        barrier = threading.Barrier(len(acts))
        with ThreadPoolExecutor(len(acts)) as threads:
            outcomes = list(threads.map(lambda act: alone(act, barrier), acts))
    assert [each for each in outcomes if each and not isinstance(each, Refused)] == []
    return [each for each in outcomes if isinstance(each, Refused)]


def outcome(act: Act) -> BaseException | None:
    try:
        act()
    except BaseException as failure:  # noqa: BLE001 - whatever it is belongs to the test
        return failure
    return None


def alone(act: Act, barrier: threading.Barrier) -> BaseException | None:
    """Act by a connection of one's own, when everybody is ready."""
    try:
        barrier.wait(10)
        return outcome(act)
    finally:
        connections.close_all()


def propose(campaign: Campaign, certificates: Sequence[Certificate]) -> ScopeAddition:
    done = propose_addition(
        Campaign.objects.get(pk=campaign.pk),
        Certificate.objects.filter(pk__in=[each.pk for each in certificates]),
        proposal=Proposal(NOW, "Found later"),
        commit=True,
        by=make.user("olga"),
        now=NOW,
    )
    assert done.addition
    return done.addition


def approval(addition: ScopeAddition, by: str) -> Act:
    """Somebody's approval of what was read before anybody else acted."""
    row, approver = ScopeAddition.objects.select_related("campaign").get(pk=addition.pk), make.user(by)
    return lambda: approve_addition(
        row, digest=row.digest, typed_count=row.count, approver=approver, now=NOW + timedelta(hours=1)
    )


def check_sound(campaign: Campaign, count: int) -> None:
    """The scope has so many certificates, and is to the last one what is approved."""
    campaign.refresh_from_db()
    assert campaign.scope_count == AffectedCertificate.objects.filter(campaign=campaign).count() == count
    assert campaign.approved_digest == campaign.scope_digest == scope_digest(campaign)


def test_four_approve_the_same_addition_at_once():
    campaign = make.running_campaign()
    addition = propose(campaign, make.certificates_of(5))
    refusals = at_once([approval(addition, name) for name in ("anton", "berta", "carl", "dora")])
    assert len(refusals) == 3
    assert len(events("campaign.addition_approved")) == 1
    check_sound(campaign, 6)


def test_additions_are_approved_at_once():
    campaign = make.running_campaign()
    additions = [propose(campaign, make.certificates_of(3)) for _ in range(4)]
    assert at_once([approval(each, "anton") for each in additions]) == []
    check_sound(campaign, 13)
    campaign.refresh_from_db()
    assert campaign.scope_version == 5


def test_one_approves_while_another_withdraws():
    campaign = make.running_campaign()
    addition = propose(campaign, make.certificates_of(5))
    row = ScopeAddition.objects.select_related("campaign").get(pk=addition.pk)
    olga = make.user("olga")
    refusals = at_once([approval(addition, "anton"), lambda: withdraw_addition(row, by=olga, now=NOW)])
    assert len(refusals) == 1
    addition.refresh_from_db()
    assert (addition.approved_at is None) == (addition.withdrawn_at is not None)
    check_sound(campaign, 1 if addition.withdrawn_at else 6)


def test_the_same_certificates_are_proposed_at_once():
    campaign = make.running_campaign()
    new = make.certificates_of(3)
    refusals = at_once([lambda: propose(campaign, new)] * 3)
    assert len(refusals) == 2
    assert ScopeAddition.objects.get().count == 3


def test_many_revocations_of_one_subscriber_are_one_piece_of_news():
    _, rows = make.affected(40)
    at_once([lambda part=rows[place::4]: mark_published(part, at=NOW, now=NOW) for place in range(4)])  # type: ignore[misc]
    assert len(events("affectedcertificate.published")) == 40
    news = News.objects.get()
    assert (news.kind, news.due_at) == ("revoked", NOW + timedelta(minutes=30))
