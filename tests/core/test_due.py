from datetime import timedelta

import pytest

from campaigns.models import AffectedSubscriber, Campaign
from core import due
from subscribers.models import Subscriber
from tests.conftest import NOW

SECOND = timedelta(seconds=1)


@pytest.fixture
def rows(db, django_user_model):
    """Three affected subscribers of a campaign: the smallest due rows that there are."""
    author = django_user_model.objects.create_user("olga")
    campaign = Campaign.objects.create(
        title="t", rule_pack="br-2.2.6", rule="12", window=timedelta(days=5), crl_reason="superseded",
        explanation="e", clock_started_at=NOW, drafted_by=author, drafted_at=NOW,
    )  # fmt: skip
    return [
        AffectedSubscriber.objects.create(
            campaign=campaign, subscriber=Subscriber.objects.create(reference=f"S{n}", name=f"S{n}"), due_at=due_at
        )
        for n, due_at in enumerate([NOW - SECOND, NOW, NOW + SECOND])
    ]


def claim(now=NOW, limit=10):
    return due.claim(AffectedSubscriber.objects.all(), now=now, limit=limit)


def test_a_row_is_due_at_its_second_and_not_one_second_before(rows):
    assert claim() == rows[:2]


def test_a_claim_postpones_by_one_lease_and_counts_the_attempt(rows):
    taken = claim()

    assert [row.attempts for row in taken] == [1, 1]
    assert claim() == []
    assert claim(NOW + due.lease() - SECOND) == [rows[2]]
    assert [row.attempts for row in claim(NOW + due.lease())] == [2, 2]


def test_the_oldest_rows_are_claimed_first_up_to_the_limit(rows):
    assert claim(NOW + SECOND, limit=1) == [rows[0]]
    assert claim(NOW + SECOND, limit=1) == [rows[1]]


def test_who_has_lost_its_lease_settles_nothing(rows):
    mine = claim(limit=1)
    theirs = [row for row in claim(NOW + due.lease()) if row.pk == mine[0].pk]
    assert [row.attempts for row in mine + theirs] == [1, 2]

    assert due.settle(mine, next_step=7) == 0
    assert due.settle(theirs, next_step=3) == 1

    row = AffectedSubscriber.objects.get(pk=rows[0].pk)
    assert (row.next_step, row.due_at) == (3, None)


def test_rows_of_several_tokens_are_settled_together(rows):
    claim(limit=1)
    taken = claim(NOW + due.lease())
    assert sorted(row.attempts for row in taken) == [1, 1, 2]

    assert due.settle(taken, due_at=NOW) == 3


def test_a_batch_that_fails_comes_back_when_its_lease_ends(rows, frozen_clock, caplog):
    def fail(taken, *, now):
        raise RuntimeError("the network is gone")

    assert due.work(AffectedSubscriber.objects.all, fail) == 2
    assert "come back" in caplog.text
    assert due.work(AffectedSubscriber.objects.all, fail) == 0

    frozen_clock.move(due.lease())
    assert due.work(AffectedSubscriber.objects.all, fail) == 3


def test_a_full_batch_wakes_the_next_worker_before_it_acts(rows, frozen_clock):
    told = []

    def act(taken, *, now):
        told.append("act")

    for _ in range(2):
        due.work(AffectedSubscriber.objects.all, act, again=lambda: told.append("again"), limit=2)

    assert told == ["again", "act"]


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (50, 60)])
def test_waiting_doubles_from_a_minute_to_an_hour(attempts, minutes):
    assert due.retry_after(attempts) == timedelta(minutes=minutes)


def test_a_worker_is_dead_before_its_rows_come_back(settings):
    assert timedelta(seconds=settings.TASK_TIME_LIMIT) < settings.LEASE
