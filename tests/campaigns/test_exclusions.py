"""Exclusions: two persons, a ground, an end."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import AffectedCertificate, Exclusion
from campaigns.services import approve_exclusion, mark_published, request_exclusion, withdraw_exclusion
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def row():
    return make.affected()[1][0]


def ask(row, *, now=NOW, **said):
    words = {"ground": "legal_order", "until": NOW + DAY, "justification": "Order 17 of a court", **said}
    return request_exclusion(row, by=make.user("olga"), now=now, **words)


def approve(exclusion, *, by="anton", now=NOW):
    return approve_exclusion(exclusion, by=make.user(by), now=now)


def remains(row, now=NOW):
    return AffectedCertificate.objects.remaining(now).filter(pk=row.pk).exists()


def test_an_exclusion_stands_when_a_second_person_has_approved_it(row):
    exclusion = ask(row)
    assert remains(row)
    approve(exclusion)
    assert not remains(row)
    assert_event("exclusion.requested", exclusion, actor="staff:olga", justification="Order 17 of a court")
    assert_event("exclusion.approved", exclusion, actor="staff:anton", ground="legal_order")


@pytest.mark.parametrize(("seconds", "is_held"), [(-1, True), (0, False), (1, False)])
def test_an_exclusion_ends_in_its_last_second(row, seconds, is_held):
    approve(ask(row))
    assert remains(row, NOW + DAY + seconds * SECOND) is not is_held


def test_one_who_was_never_affected_is_excluded_for_good(row):
    approve(ask(row, ground="not_affected", until=None))
    assert not remains(row, NOW + 1000 * DAY) or row.not_after < NOW + 1000 * DAY
    assert AffectedCertificate.objects.excluded(NOW + 1000 * DAY).count() == 1


def test_the_person_who_asked_cannot_approve(row):
    exclusion = ask(row)
    with pytest.raises(Refused, match="yourself"):
        approve(exclusion, by="olga")
    with pytest.raises(IntegrityError), transaction.atomic():
        Exclusion.objects.update(approved_by=make.user("olga"))
    assert remains(row)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"justification": " "}, "justification"),
        ({"ground": "kindness"}, "no ground"),
        ({"ground": ""}, "no ground"),
        ({"until": None}, "say when"),
        ({"until": NOW}, "passed"),
        ({"ground": "not_affected"}, "leave the end empty"),
    ],
)
def test_an_exclusion_without_its_parts_is_refused(row, said, why):
    with pytest.raises(Refused, match=why):
        ask(row, **said)
    assert not Exclusion.objects.exists()


def test_there_is_one_exclusion_at_a_time(row):
    ask(row)
    with pytest.raises(Refused, match="already"):
        ask(row)


def test_after_one_has_ended_another_can_be_asked_for(row):
    approve(ask(row))
    second = ask(row, now=NOW + DAY, until=NOW + 2 * DAY)
    approve(second, now=NOW + DAY)
    assert not remains(row, NOW + DAY + SECOND)


def test_what_is_published_cannot_be_excluded_any_more(row):
    exclusion = ask(row)
    mark_published([row], at=NOW, now=NOW)
    with pytest.raises(Refused, match="cannot be undone"):
        approve(exclusion)
    withdraw_exclusion(exclusion, by=make.user("olga"), now=NOW)
    with pytest.raises(Refused, match="cannot be undone"):
        ask(row)


def test_an_approval_that_comes_after_the_end_is_refused(row):
    exclusion = ask(row)
    with pytest.raises(Refused, match="passed"):
        approve(exclusion, now=NOW + DAY)


def test_a_withdrawn_exclusion_holds_nothing_back_and_cannot_be_approved(row):
    exclusion = approve(ask(row))
    withdraw_exclusion(exclusion, by=make.user("olga"), now=NOW)
    withdraw_exclusion(exclusion, by=make.user("olga"), now=NOW)
    assert remains(row)
    assert len(events("exclusion.withdrawn")) == 1
    with pytest.raises(Refused, match="withdrawn"):
        approve(exclusion, by="berta")


def test_approving_twice_is_quiet(row):
    exclusion = approve(ask(row))
    approve(exclusion, by="berta")
    assert exclusion.approved_by == make.user("anton")
    assert len(events("exclusion.approved")) == 1


def test_notices_stop_while_everything_is_excluded_and_go_on_when_it_is_not(row):
    exclusion = approve(ask(row))
    affected = row.affected_subscriber
    affected.refresh_from_db()
    assert affected.due_at == NOW + DAY, "when the order ends"
    withdraw_exclusion(exclusion, by=make.user("olga"), now=NOW + SECOND)
    affected.refresh_from_db()
    assert affected.due_at == NOW + SECOND


def test_before_the_launch_nothing_is_excluded():
    make.campaign()
    with pytest.raises(Refused, match="not been launched"):
        ask(AffectedCertificate.objects.get())
