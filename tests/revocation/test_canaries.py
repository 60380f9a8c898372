"""One, ten, the rest: nothing more is let through before the reason has been read back from a CRL."""

from collections import Counter
from datetime import timedelta

from audit.models import Event
from campaigns.services import halt_campaign, resume_campaign, scope_digest
from core.crl_reason import CRLReason
from revocation import services, waves
from revocation.models import Revocation
from revocation.sandbox import Request
from tests import make
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, MINUTE, Scene, SetUp

LAST_DAY = NOW + 5 * DAY - HOUR


def standing(it: Scene) -> Counter[tuple[int | None, str]]:
    return Counter(it.rows.values_list("wave", "state"))


def test_one_then_ten_then_the_rest(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    it.tick()
    assert standing(it) == {(1, "accepted"): 1, (None, "scheduled"): 12}
    it.tick(MINUTE)
    assert standing(it) == {(1, "published"): 1, (None, "scheduled"): 12}
    it.tick(MINUTE)
    assert standing(it) == {(1, "published"): 1, (2, "accepted"): 10, (None, "scheduled"): 2}
    it.tick(MINUTE)
    it.tick(MINUTE)
    assert standing(it) == {(1, "published"): 1, (2, "published"): 10, (3, "accepted"): 2}
    it.tick(MINUTE)
    assert it.campaign.state == "completed"
    assert it.counts().revoked == 13
    assert it.counts().late == 0


def test_the_second_wave_waits_until_all_of_it_is_on_a_crl(scene: SetUp):
    it = scene(13, crl_interval=HOUR, shards=1)
    it.clock.now = LAST_DAY
    for _ in range(30):
        it.tick(MINUTE)
    assert standing(it) == {(1, "published"): 1, (2, "accepted"): 10, (None, "scheduled"): 2}
    for _ in range(60):
        it.tick(MINUTE)
    assert standing(it)[2, "published"] == 10


def test_the_canary_is_one_whose_subscriber_has_replaced_it(scene: SetUp):
    it = scene(13, revokes_replaced_early=False)
    chosen = it.affected.select_related("certificate", "affected_subscriber__campaign").order_by("-pk")[0]
    it.replace([chosen])
    it.clock.now = LAST_DAY
    it.schedule()
    assert [row.affected_certificate for row in it.rows.filter(wave=1)] == [chosen]


def test_a_wrong_reason_on_the_crl_halts_the_campaign_and_nothing_more_leaves(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    it.schedule()
    canary = it.rows.get(wave=1)
    it.ca.revoke([Request(str(canary), CRLReason.CESSATION_OF_OPERATION)], now=LAST_DAY)
    it.submit()
    for _ in range(20):
        it.tick(MINUTE)
    canary.refresh_from_db()
    assert canary.state == Revocation.State.REJECTED
    assert canary.last_error == "The CRL gives the reason cessationOfOperation, ordered was superseded."
    assert "wrong reason" in it.campaign.halt_reason
    assert standing(it) == {(1, "rejected"): 1, (None, "scheduled"): 12}


def test_a_canary_that_the_ca_refuses_halts_the_campaign(scene: SetUp):
    it = scene(13)
    first = it.affected.order_by("pk")[0].certificate
    first.serial_number = "1234567890abcdef"
    first.save()
    it.campaign.scope_digest = it.campaign.approved_digest = scope_digest(it.campaign)
    it.campaign.save()
    it.clock.now = LAST_DAY
    it.tick()
    assert standing(it) == {(1, "rejected"): 1, (None, "scheduled"): 12}
    assert "The CA does not know this serial number." in it.campaign.halt_reason


def test_another_canary_goes_first_after_a_person_has_resumed(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    it.schedule()
    it.ca.revoke([Request(str(it.rows.get(wave=1)), CRLReason.CESSATION_OF_OPERATION)], now=LAST_DAY)
    it.tick()
    it.tick(MINUTE)
    resume_campaign(it.campaign, reason="The one was our mistake.", actor=make.OPERATOR, now=it.clock.now)
    it.tick(MINUTE)
    assert standing(it) == {(1, "rejected"): 1, (1, "accepted"): 1, (None, "scheduled"): 11}


def test_an_expired_canary_is_replaced_by_another(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    it.schedule()
    canary = it.rows.get(wave=1)
    it.affected.filter(revocation=canary).update(not_after=LAST_DAY + MINUTE)
    it.clock.move(2 * MINUTE)
    it.submit()
    it.tick()
    canary.refresh_from_db()
    assert canary.state == Revocation.State.CANCELLED
    assert standing(it) == {(None, "cancelled"): 1, (1, "accepted"): 1, (None, "scheduled"): 11}


def test_a_halt_holds_everything_back_and_planning_goes_on(scene: SetUp):
    it = scene(13)
    halt_campaign(it.campaign, reason="Wait.", actor=make.OPERATOR, now=NOW)
    it.clock.now = LAST_DAY
    it.tick()
    assert standing(it) == {(None, "scheduled"): 13}
    assert not it.ca.lookup(map(str, it.rows)) or all(
        record.revoked_at is None for record in it.ca.lookup(map(str, it.rows)).values()
    )


def test_a_halt_between_release_and_order_is_heeded(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    it.schedule()
    claimed = list(Revocation.objects.submittable())
    halt_campaign(it.campaign, reason="Wait.", actor=make.OPERATOR, now=LAST_DAY)
    assert services.submit(claimed, now=LAST_DAY) == 0
    assert all(record.revoked_at is None for record in it.ca.lookup(map(str, it.rows)).values())


def test_the_gate_says_in_the_journal_what_it_let_through(scene: SetUp):
    it = scene(13)
    it.clock.now = LAST_DAY
    for _ in range(6):
        it.tick(MINUTE)
    told = Event.objects.filter(verb="gate.released", stream=it.campaign.stream).order_by("pk")
    assert [(event.facts["wave"], event.facts["count"]) for event in told] == [(1, 1), (2, 10), (3, 2)]


def test_waves_hold_one_and_ten_and_all():
    assert [waves.room(1, released=0), waves.room(2, released=3), waves.room(3, released=9)] == [1, 7, None]
    assert waves.room(1, released=1) == 0
    assert [waves.is_proven(2, published=count) for count in (9, 10)] == [False, True]
    assert not waves.is_proven(3, published=1000)
    assert [waves.canaries_left(wave) for wave in (1, 2, 3)] == [2, 1, 0]


def test_nothing_is_released_before_its_time(scene: SetUp):
    it = scene(13)
    it.tick()
    planned = NOW + 5 * DAY - timedelta(hours=2, minutes=1)
    assert set(it.rows.values_list("planned_at", flat=True)) == {planned}
    it.clock.now = planned - timedelta(seconds=1)
    assert it.schedule() == 0
    it.clock.now = planned
    assert it.schedule() == 1
