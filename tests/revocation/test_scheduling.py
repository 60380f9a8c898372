"""When each revocation is planned, and what makes it earlier."""

from datetime import timedelta

import pytest

from audit.models import Event
from campaigns.models import AffectedCertificate, Exclusion
from campaigns.services import (
    approve_exclusion,
    cancel_campaign,
    move_deadline_earlier,
    request_cancel,
    request_exclusion,
    request_revocation,
    withdraw_exclusion,
)
from core.crl_reason import CRLReason
from revocation import services
from revocation.models import Gate, Revocation
from revocation.services import leads
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, MINUTE, Scene, SetUp

State, Trigger = Revocation.State, Revocation.Trigger
DEADLINE = NOW + 5 * DAY
PLANNED = DEADLINE - 2 * HOUR - MINUTE
"""The deadline less the margin, and the time for a small backlog in whole minutes."""


def affected(it: Scene, index: int = 0) -> AffectedCertificate:
    rows = it.affected.select_related("certificate", "affected_subscriber__campaign", "campaign")
    return rows.order_by("pk")[index]


def plan(it: Scene, row: AffectedCertificate) -> Revocation:
    return Revocation.objects.get(affected_certificate=row)


def exclude(row: AffectedCertificate, *, until=None, now=NOW) -> Exclusion:
    ground = "legal_order" if until else "not_affected"
    asked = request_exclusion(
        row, ground=ground, until=until, justification="Order 12 O 3/24.", by=make.user("olga"), now=now
    )
    return approve_exclusion(asked, by=make.user("anton"), now=now)


def request(row: AffectedCertificate, *, at=None, reason=CRLReason.SUPERSEDED, now=NOW) -> None:
    request_revocation(row.affected_subscriber, certificates=[row.pk], at=at, reason=reason, actor="contact:1", now=now)


def test_every_affected_certificate_gets_one_revocation_however_often_it_is_planned(scene: SetUp):
    it = scene(5)
    for _ in range(3):
        it.schedule()
    assert it.rows.count() == 5
    assert set(it.rows.values_list("planned_at", "trigger", "crl_reason", "state", "due_at")) == {
        (PLANNED, "deadline", "superseded", "scheduled", None)
    }
    assert_event("revocation.planned", it.gate, count=5)


def test_nothing_is_planned_before_the_launch(scene: SetUp):
    it = scene(5, launch=False)
    it.schedule()
    assert not Revocation.objects.exists()
    assert not Gate.objects.exists()


def test_the_lead_is_the_backlog_handed_over_and_proven_and_three_crls_and_the_margin(scene: SetUp):
    it = scene(2, crl_interval=HOUR, issuer={"revocations_per_second": 0.5})
    margin = leads.margin(it.campaign, it.issuer)
    assert margin == 2 * HOUR + 3 * HOUR / 8
    hand_over, prove = timedelta(seconds=6000), timedelta(seconds=30)
    assert leads.lead(it.campaign, it.issuer, backlog=3000) == hand_over + prove + 3 * HOUR + margin
    assert leads.lead(it.campaign, it.issuer, backlog=3000, wave=3) == hand_over + prove + HOUR + margin


def test_the_margin_never_takes_more_than_a_quarter_of_the_window(scene: SetUp, settings):
    settings.LEASE = timedelta(days=30)
    it = scene(2)
    assert leads.margin(it.campaign, it.issuer) == 5 * DAY / 4


def test_a_slower_ca_makes_the_plan_earlier_and_a_faster_one_does_not_make_it_later(scene: SetUp):
    it = scene(5)
    it.schedule()
    it.issuer.revocations_per_second = 0.001
    it.issuer.save()
    it.schedule()
    earlier = {row.planned_at for row in it.rows}
    assert earlier == {DEADLINE - 2 * HOUR - timedelta(seconds=5040)}
    it.issuer.revocations_per_second = 100
    it.issuer.save()
    it.schedule()
    assert {row.planned_at for row in it.rows} == earlier


def test_an_earlier_deadline_makes_only_its_own_plan_earlier(scene: SetUp):
    it = scene(3)
    it.schedule()
    move_deadline_earlier([affected(it)], to=NOW + 2 * DAY, actor=make.OPERATOR, now=NOW)
    it.schedule()
    assert plan(it, affected(it)).planned_at == NOW + 2 * DAY - 2 * HOUR - MINUTE
    assert plan(it, affected(it, 1)).planned_at == PLANNED


def test_a_replaced_certificate_is_revoked_at_once(scene: SetUp):
    it = scene(3)
    it.schedule()
    it.replace([affected(it)])
    it.tick(HOUR)
    row = plan(it, affected(it))
    assert (row.planned_at, row.trigger, row.state) == (NOW + HOUR, "replaced", "accepted")
    assert {plan(it, affected(it, index)).planned_at for index in (1, 2)} == {PLANNED}


def test_a_replaced_certificate_waits_for_the_deadline_where_the_campaign_says_so(scene: SetUp):
    it = scene(3, revokes_replaced_early=False)
    it.replace([affected(it)])
    it.tick(HOUR)
    assert plan(it, affected(it)).planned_at == PLANNED


def test_a_subscriber_may_ask_for_a_moment_before_the_deadline(scene: SetUp):
    it = scene(3)
    request(affected(it), at=NOW + DAY / 2)
    it.schedule()
    row = plan(it, affected(it))
    assert (row.planned_at, row.trigger, row.crl_reason) == (NOW + DAY / 2, "subscriber", "superseded")


def test_a_request_for_a_moment_is_not_carried_out_before_it_however_long_the_lead(scene: SetUp, settings):
    settings.REVOCATION_MARGIN = 30 * HOUR
    it = scene(3)
    row, soon = affected(it), NOW + 2 * DAY
    request(row, at=soon)
    it.schedule()
    assert (plan(it, row).planned_at, plan(it, row).trigger) == (soon, Trigger.SUBSCRIBER)


def test_a_request_for_a_moment_after_the_forced_start_comes_too_late_to_matter(scene: SetUp, settings):
    settings.REVOCATION_MARGIN = 30 * HOUR
    it = scene(3)
    row = affected(it)
    request(row, at=DEADLINE - HOUR)
    it.schedule()
    assert plan(it, row).planned_at < DEADLINE - 30 * HOUR
    assert plan(it, row).trigger == Trigger.DEADLINE


def test_a_subscriber_who_asks_for_now_is_heard_now(scene: SetUp):
    it = scene(3)
    it.schedule()
    it.clock.move(HOUR)
    request(affected(it), now=NOW + HOUR)
    it.tick()
    assert plan(it, affected(it)).state == State.ACCEPTED


def test_a_compromised_key_raises_the_reason_and_goes_first(scene: SetUp):
    it = scene(13)
    it.schedule()
    it.clock.now = PLANNED
    request(affected(it, 12), reason=CRLReason.KEY_COMPROMISE, now=PLANNED - MINUTE)
    it.tick()
    canary = it.rows.get(wave=1)
    assert (canary.affected_certificate, canary.crl_reason) == (affected(it, 12), "keyCompromise")
    it.tick(MINUTE)
    canary.refresh_from_db()
    assert canary.state == State.PUBLISHED
    assert canary.affected_certificate.certificate.revocation_reason == "keyCompromise"


def test_an_order_of_a_court_holds_only_its_certificate_and_then_it_is_revoked_at_once(scene: SetUp):
    it = scene(3)
    it.schedule()
    end = DEADLINE + 3 * DAY
    exclude(affected(it), until=end)
    it.clock.now = PLANNED - HOUR
    it.tick_until(DEADLINE, every=10 * MINUTE)
    assert plan(it, affected(it)).planned_at == end
    assert it.counts().revoked == 2
    assert it.campaign.state == "running"
    it.clock.now = end - timedelta(seconds=1)
    it.tick()
    assert plan(it, affected(it)).state == State.SCHEDULED
    it.tick(timedelta(seconds=1))
    it.tick(MINUTE)
    assert plan(it, affected(it)).state == State.PUBLISHED
    assert it.campaign.state == "completed"
    assert it.counts().late == 1


def test_a_withdrawn_order_no_longer_holds(scene: SetUp):
    it = scene(3)
    order = exclude(affected(it), until=DEADLINE + 3 * DAY)
    it.schedule()
    withdraw_exclusion(order, by=make.user("olga"), now=NOW + HOUR)
    it.schedule()
    assert plan(it, affected(it)).planned_at == PLANNED


def test_what_was_never_affected_is_cancelled_and_taken_up_again_if_that_was_wrong(scene: SetUp):
    it = scene(3)
    it.schedule()
    exclusion = exclude(affected(it))
    it.schedule()
    row = plan(it, affected(it))
    assert row.state == State.CANCELLED
    assert_event("revocation.cancelled", row, because="it was never affected")
    withdraw_exclusion(exclusion, by=make.user("olga"), now=NOW + HOUR)
    it.schedule()
    row.refresh_from_db()
    assert (row.state, row.planned_at) == (State.SCHEDULED, PLANNED)


def test_the_excluded_and_the_expired_are_never_handed_over(scene: SetUp):
    it = scene(13)
    it.schedule()
    exclude(affected(it))
    it.affected.filter(pk=affected(it, 1).pk).update(not_after=NOW + DAY)
    it.clock.now = PLANNED - HOUR
    it.tick_until(DEADLINE, every=10 * MINUTE)
    untouched = [str(affected(it, index)) for index in (0, 1)]
    assert all(record.revoked_at is None for record in it.ca.lookup(untouched).values())
    assert it.campaign.state == "completed"
    counts = it.counts()
    assert (counts.revoked, counts.excluded, counts.expired, counts.late) == (11, 1, 1, 0)


@pytest.mark.parametrize("until", [None, DEADLINE + DAY])
def test_an_exclusion_between_release_and_order_is_heeded(scene: SetUp, until):
    it = scene(1)
    it.clock.now = PLANNED
    it.schedule()
    claimed = list(Revocation.objects.submittable())
    exclude(affected(it), until=until, now=PLANNED)
    services.submit(claimed, now=PLANNED)
    assert it.ca.lookup([str(affected(it))])[str(affected(it))].revoked_at is None
    row = plan(it, affected(it))
    assert (row.state, row.due_at, row.wave) == (State.SCHEDULED, None, None)


def test_a_campaign_left_unfinished_leaves_nothing_scheduled(scene: SetUp):
    it = scene(3)
    it.schedule()
    request_cancel(it.campaign, ground="The report was wrong.", by=make.user("olga"), now=NOW)
    cancel_campaign(it.campaign, by=make.user("anton"), now=NOW)
    it.schedule()
    assert set(it.rows.values_list("state", flat=True)) == {"cancelled"}


def test_a_start_that_is_too_late_is_said_once_and_everything_is_due_behind_its_canary(scene: SetUp):
    it = scene(13, clock_started_at=NOW - 5 * DAY + HOUR)
    for _ in range(3):
        it.tick()
    assert_event("revocation.too_late_start", it.gate)
    assert it.rows.filter(wave=1).count() == 1
    assert it.rows.filter(wave=None).count() == 12


def test_a_start_in_time_is_not_called_too_late(scene: SetUp):
    it = scene(13)
    it.schedule()
    assert_no_event("revocation.too_late_start")


def test_one_campaign_that_fails_does_not_stop_another(scene: SetUp):
    it = scene(3)
    it.schedule()
    slow = make.issuer("Slow")
    broken = make.running_campaign([make.certificate(of=slow)])
    slow.revocations_per_second = -1
    slow.save()
    it.clock.now = PLANNED
    it.schedule()
    assert it.rows.filter(wave=1).count() == 1
    assert not Revocation.objects.filter(affected_certificate__campaign=broken).exists()


def test_planning_leaves_no_event_for_each_certificate(scene: SetUp):
    it = scene(50)
    before = Event.objects.count()
    it.schedule()
    assert Event.objects.count() == before + 1
