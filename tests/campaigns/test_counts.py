"""Every number adds up, at every moment (R18)."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import AffectedCertificate, Snapshot
from campaigns.services import (
    Counts,
    acknowledge,
    confirm_replacement,
    counts,
    latest_counts,
    mark_published,
    mark_unreachable,
    request_revocation,
    take_snapshot,
)
from campaigns.tasks import snapshot
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
DEADLINE = NOW + 5 * DAY


def test_a_fresh_campaign_has_everything_outstanding():
    campaign = make.running_campaign([*make.certificates_of(2), make.certificate()])
    assert counts(campaign, NOW) == Counts(scope=3, remaining=3, outstanding=3, subscribers=2, at_risk=2)


def test_an_empty_draft_counts_nothing():
    assert counts(make.campaign([]), NOW) == Counts()


def test_each_certificate_is_in_exactly_one_part():
    owner, rows = make.affected(6)
    expiring = make.certificate(owner.subscriber, not_after=NOW + HOUR)
    campaign = make.running_campaign([*(row.certificate for row in rows), expiring])
    first, second, third, fourth, *_ = AffectedCertificate.objects.filter(campaign=campaign).order_by("pk")
    mark_published([first, second], at=NOW, now=NOW)
    make.excluded(third)
    make.excluded(AffectedCertificate.objects.get(campaign=campaign, certificate=expiring))
    mine = campaign.affected_subscribers.select_related("campaign").get()
    confirm_replacement(mine, certificates=[fourth.pk], actor="contact:1", now=NOW)
    found = counts(campaign, NOW + 2 * HOUR)
    assert (found.scope, found.revoked, found.excluded, found.expired, found.remaining) == (7, 2, 2, 0, 3)
    assert (found.confirmed, found.outstanding) == (1, 2)


@pytest.mark.parametrize(("seconds", "part"), [(-1, "remaining"), (0, "remaining"), (1, "expired")])
def test_a_certificate_expires_the_second_after_its_last(seconds, part):
    campaign = make.running_campaign([make.certificate(not_after=NOW + HOUR)])
    assert asdict(counts(campaign, NOW + HOUR + seconds * SECOND))[part] == 1


def test_an_exclusion_that_has_ended_counts_as_remaining_again():
    campaign = make.running_campaign()
    make.excluded(AffectedCertificate.objects.get(), ground="legal_order", until=NOW + DAY)
    assert counts(campaign, NOW + DAY - SECOND).excluded == 1
    assert counts(campaign, NOW + DAY).remaining == 1


@pytest.mark.parametrize(("seconds", "late"), [(-1, 0), (0, 0), (1, 1)])
def test_late_begins_the_second_after_the_deadline_and_stays(seconds, late):
    campaign = make.running_campaign()
    at = DEADLINE + seconds * SECOND
    assert (counts(campaign, at).late, counts(campaign, at).overdue) == (late, late)
    (row,) = mark_published(list(AffectedCertificate.objects.all()), at=at, now=at)
    assert (counts(campaign, at + DAY).late, counts(campaign, at + DAY).overdue) == (late, 0)
    assert_event("affectedcertificate.published", row, late=bool(late), at=at.isoformat())


def test_a_certificate_for_which_revocation_was_asked_is_not_outstanding():
    owner, rows = make.affected(2)
    keys = [rows[0].pk]
    request_revocation(owner, certificates=keys, at=None, reason="unspecified", actor="contact:1", now=NOW)
    found = counts(owner.campaign, NOW)
    assert (found.remaining, found.outstanding) == (2, 1)


def test_subscribers_are_at_risk_while_silent_or_unreachable_with_something_outstanding():
    campaign = make.running_campaign([make.certificate() for _ in range(4)])
    silent, read, lost, done = campaign.affected_subscribers.select_related("campaign").order_by("pk")
    acknowledge(read, contact=None, actor="contact:1", now=NOW)
    acknowledge(lost, contact=None, actor="contact:1", now=NOW)
    mark_unreachable(lost, actor="system", now=NOW)
    confirm_replacement(done, certificates=[done.certificates.get().pk], actor="contact:1", now=NOW)
    found = counts(campaign, NOW)
    assert (found.subscribers, found.acknowledged, found.unreachable) == (4, 3, 1)
    assert (found.at_risk, found.answered) == (2, 1)
    assert set(campaign.affected_subscribers.at_risk(NOW)) == {silent, lost}


def test_counting_takes_two_queries(django_assert_num_queries):
    campaign = make.running_campaign(make.certificates(5))
    with django_assert_num_queries(2):
        counts(campaign, NOW)


def test_counts_that_do_not_add_up_are_refused():
    sound = Counts(scope=3, revoked=1, remaining=1, excluded=1)
    assert sound.check() == sound
    with pytest.raises(Refused, match="add up"):
        replace(sound, expired=1).check()


def test_a_snapshot_keeps_the_counts_and_the_same_moment_twice_is_one():
    campaign = make.running_campaign(make.certificates(2))
    kept = take_snapshot(campaign, now=NOW + HOUR)
    assert take_snapshot(campaign, now=NOW + HOUR) == kept
    assert (kept.scope, kept.remaining, kept.subscribers, kept.at_risk) == (2, 2, 1, 1)
    assert latest_counts(campaign, NOW + DAY) == (counts(campaign, NOW + HOUR), NOW + HOUR)


def test_before_the_first_snapshot_a_campaign_is_counted():
    campaign = make.campaign(make.certificates(2))
    assert latest_counts(campaign, NOW) == (counts(campaign, NOW), NOW)


def test_the_database_takes_no_snapshot_that_does_not_add_up():
    campaign = make.running_campaign()
    with pytest.raises(IntegrityError), transaction.atomic():
        Snapshot.objects.create(campaign=campaign, at=NOW + HOUR, **asdict(Counts(scope=2, remaining=1)))


def test_the_task_keeps_the_numbers_of_running_campaigns_and_of_no_other(frozen_clock):
    running, draft = make.running_campaign(), make.campaign()
    frozen_clock.move(HOUR)
    snapshot()
    assert running.snapshots.latest().at == NOW + HOUR
    assert not draft.snapshots.exists()


# Published


def test_published_is_recorded_once_and_never_overwritten():
    _, (row,) = make.affected()
    assert mark_published([row], at=NOW + HOUR, now=NOW + HOUR) == [row]
    assert mark_published([row], at=NOW + DAY, now=NOW + DAY) == []
    row.refresh_from_db()
    assert row.published_at == NOW + HOUR
    assert len(events("affectedcertificate.published")) == 1


def test_the_register_learns_of_the_revocation_with_the_reason_of_the_campaign():
    _, (row,) = make.affected()
    mark_published([row], at=NOW, now=NOW)
    row.certificate.refresh_from_db()
    assert (row.certificate.revoked_at, row.certificate.revocation_reason) == (NOW, "superseded")


def test_the_register_learns_of_a_key_that_the_subscriber_called_compromised():
    owner, (row,) = make.affected()
    keys = [row.pk]
    request_revocation(owner, certificates=keys, at=None, reason="keyCompromise", actor="contact:1", now=NOW)
    mark_published([row], at=NOW, now=NOW)
    row.certificate.refresh_from_db()
    assert row.certificate.revocation_reason == "keyCompromise"


def test_when_the_last_is_published_no_further_notice_is_written():
    owner, rows = make.affected(2)
    mark_published(rows[:1], at=NOW, now=NOW)
    owner.refresh_from_db()
    assert owner.due_at == NOW
    mark_published(rows[1:], at=NOW, now=NOW)
    owner.refresh_from_db()
    assert owner.due_at is None
