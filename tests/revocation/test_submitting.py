"""Handing orders to a CA: only what may be ordered, whatever happens on the way."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import pytest

from campaigns.models import Replacement
from campaigns.services import resume_campaign
from core import clock
from core.crl_reason import CRLReason
from core.due import claim
from core.errors import Refused, Unavailable
from revocation import backends, services
from revocation.backends.base import (
    Accepted,
    Backend,
    Capabilities,
    Expired,
    NotFound,
    Order,
    Outcome,
    PendingApproval,
    Refusal,
    Status,
    TryLater,
)
from revocation.models import Gate, Revocation
from revocation.sandbox import Request
from revocation.services.outcomes import Outcomes
from tests import make
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, MINUTE, Scene, SetUp

State = Revocation.State
DEADLINE = NOW + 5 * DAY
LAST_HOUR = DEADLINE - HOUR


class ScriptedCA(Backend):
    """A live CA that answers as a test has written: `script` is asked for each order, in turn."""

    name = "scripted"
    capabilities = Capabilities(reasons=frozenset(CRLReason.values))
    script: ClassVar[Any] = None
    asked: ClassVar[list[str]] = []

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        return cls()

    def revoke(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Outcome]:
        for order in orders:
            self.asked.append(order.serial_number)
            yield type(self).script(order, now)

    def lookup(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Status]:
        yield from (Status(order, exists=True) for order in orders)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedCA]:
    monkeypatch.setitem(backends.BACKENDS, "scripted", ScriptedCA)
    monkeypatch.setattr(ScriptedCA, "asked", [])
    monkeypatch.setattr(ScriptedCA, "script", staticmethod(accepted))
    return ScriptedCA


def accepted(order: Order, now: datetime) -> Outcome:
    return Accepted(order, now, order.reason, already=False)


def let_all_through(it: Scene) -> list[Revocation]:
    """Skip the canaries, as after a proven second wave; everything is released, the rows are claimed."""
    it.clock.now = LAST_HOUR
    services.plan_campaign(it.campaign, now=LAST_HOUR)
    Gate.objects.update(wave=3)
    it.schedule()
    return claim(Revocation.objects.submittable(), now=LAST_HOUR, limit=1000)


def states(it: Scene) -> dict[str, int]:
    found = list(it.rows.values_list("state", flat=True))
    return {state: found.count(state) for state in sorted(set(found))}


def revoked_at_ca(it: Scene) -> int:
    return sum(record.revoked_at is not None for record in it.ca.lookup(map(str, it.rows)).values())


def test_an_accepted_order_is_written_down_with_the_cas_date(scene: SetUp):
    it = scene(3)
    claimed = let_all_through(it)
    assert services.submit(claimed, now=LAST_HOUR) == 3
    row = it.rows.order_by("pk")[0]
    assert (row.state, row.accepted_at, row.revoked_at, row.was_revoked_before) == (
        State.ACCEPTED, LAST_HOUR, LAST_HOUR, False,
    )  # fmt: skip
    assert row.due_at == LAST_HOUR + MINUTE
    assert_event("revocation.accepted", row, actor="ca:Issuer ca1", serial_number=str(row), reason="superseded")


def test_already_revoked_is_success_and_keeps_the_cas_first_date(scene: SetUp):
    it = scene(3)
    claimed = let_all_through(it)
    it.ca.revoke([Request(str(claimed[0]), CRLReason.SUPERSEDED)], now=NOW + DAY)
    services.submit(claimed, now=LAST_HOUR)
    row = Revocation.objects.get(pk=claimed[0].pk)
    assert (row.state, row.revoked_at, row.was_revoked_before) == (State.ACCEPTED, NOW + DAY, True)


def test_a_worker_that_dies_between_the_answer_and_the_settling_loses_nothing(scene: SetUp, monkeypatch):
    it = scene(3)
    claimed = let_all_through(it)
    with monkeypatch.context() as dying:
        dying.setattr(Outcomes, "write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.submit(claimed, now=LAST_HOUR)
    assert (revoked_at_ca(it), states(it)) == (3, {"scheduled": 3})
    later = LAST_HOUR + timedelta(minutes=5)
    again = claim(Revocation.objects.submittable(), now=later, limit=10)
    assert len(again) == 3
    services.submit(again, now=later)
    assert set(it.rows.values_list("state", "revoked_at", "was_revoked_before")) == {("accepted", LAST_HOUR, True)}


def test_a_worker_that_has_lost_its_rows_writes_nothing(scene: SetUp):
    it = scene(3)
    claimed = let_all_through(it)
    later = LAST_HOUR + timedelta(minutes=6)
    second = claim(Revocation.objects.submittable(), now=later, limit=10)
    services.submit(claimed, now=LAST_HOUR)
    assert states(it) == {"scheduled": 3}
    services.submit(second, now=later)
    assert states(it) == {"accepted": 3}


def test_a_ca_that_is_away_is_asked_again_without_end_and_it_is_said_once(scene: SetUp):
    it = scene(3)
    it.ca.stop()
    it.clock.now = LAST_HOUR
    for _ in range(60):
        it.tick(MINUTE / 2)
    assert states(it) == {"scheduled": 3}
    assert len(events("revocation.ca_away")) == 1
    assert [alarm.kind for alarm in services.alarms(now=it.clock.now)] == ["unavailable"]
    it.ca.start()
    it.tick_until(DEADLINE, every=MINUTE)
    assert it.counts().revoked == 3
    assert it.counts().late == 0
    assert len(events("revocation.ca_back")) == 1
    assert it.campaign.state == "completed"


def test_a_ca_that_goes_away_in_the_middle_keeps_what_it_has_done(scene: SetUp, scripted):
    it = scene(5, issuer={"backend": "scripted"})
    claimed = let_all_through(it)

    def goes_away(order: Order, now: datetime) -> Outcome:
        if len(scripted.asked) > 3:
            raise Unavailable("The line is cut.")
        return accepted(order, now)

    scripted.script = staticmethod(goes_away)
    assert services.submit(claimed, now=LAST_HOUR) == 3
    assert states(it) == {"accepted": 3, "scheduled": 2}
    assert set(it.rows.filter(state="scheduled").values_list("last_error", "due_at")) == {
        ("The line is cut.", LAST_HOUR + MINUTE)
    }
    assert_no_event("revocation.ca_away")


def test_a_backend_that_breaks_down_is_treated_like_a_ca_that_is_away(scene: SetUp, scripted):
    it = scene(2, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: 1 / 0)
    services.submit(claimed, now=LAST_HOUR)
    assert set(it.rows.values_list("state", "last_error")) == {("scheduled", "The backend failed: ZeroDivisionError.")}
    assert_event("revocation.ca_away")


def test_refusals_in_a_row_halt_the_campaign(scene: SetUp, scripted, settings):
    settings.BREAKER_LIMIT = 3
    it = scene(10, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: Refusal(order, "not today"))
    services.submit(claimed, now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert len(scripted.asked) == 3
    assert states(it) == {"rejected": 3, "scheduled": 7}
    assert "refused 3 in a row" in it.campaign.halt_reason
    assert "not today" in it.campaign.halt_reason


def test_refusals_with_successes_between_them_do_not_halt(scene: SetUp, scripted, settings):
    settings.BREAKER_LIMIT = 3
    it = scene(10, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(
        lambda order, now: NotFound(order) if len(scripted.asked) % 3 else accepted(order, now)
    )
    services.submit(claimed, now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert it.campaign.halted_at is None
    assert states(it) == {"accepted": 3, "rejected": 7}


def test_refusals_are_counted_across_batches(scene: SetUp, scripted, settings):
    settings.BREAKER_LIMIT = 3
    it = scene(4, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: NotFound(order))
    services.submit(claimed[:2], now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert it.campaign.halted_at is None
    services.submit(claimed[2:], now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert it.campaign.halted_at == LAST_HOUR


def test_rejected_ones_can_be_tried_again_by_a_person(scene: SetUp, scripted):
    it = scene(1, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: Refusal(order, "locked"))
    services.submit(claimed, now=LAST_HOUR)
    row = it.rows.get()
    assert services.retry_rejected([row], actor=make.OPERATOR, now=LAST_HOUR) == [row]
    scripted.script = staticmethod(accepted)
    it.tick(MINUTE)
    assert states(it) == {"accepted": 1}
    with pytest.raises(Refused):
        services.retry_rejected(it.rows, actor=make.OPERATOR, now=LAST_HOUR)


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (lambda order, now: TryLater(order, "busy"), "The CA says later: busy"),
        (lambda order, now: PendingApproval(order), "The CA waits for the approval of one of its own people."),
    ],
)
def test_what_the_ca_puts_off_is_asked_again_sooner_the_less_time_is_left(scene: SetUp, scripted, outcome, text):
    it = scene(1, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(outcome)
    services.submit(claimed, now=LAST_HOUR)
    row = it.rows.get()
    assert (row.state, row.last_error, row.due_at) == (State.SCHEDULED, text, LAST_HOUR + MINUTE)
    late = DEADLINE + DAY
    services.submit(claim(Revocation.objects.submittable(), now=late, limit=1), now=late)
    assert it.rows.get().due_at == late + timedelta(seconds=15)


def test_expired_at_the_ca_is_cancelled_only_if_the_register_agrees(scene: SetUp, scripted):
    it = scene(1, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: Expired(order))
    services.submit(claimed, now=LAST_HOUR)
    row = it.rows.get()
    assert row.state == State.REJECTED
    assert row.last_error == "The CA says that it has expired; the register says that it has not."


def test_a_certificate_that_is_recorded_as_a_replacement_is_never_revoked(scene: SetUp):
    it = scene(3)
    claimed = let_all_through(it)
    wrong = claimed[0].affected_certificate.certificate
    Replacement.objects.create(
        affected_subscriber=it.campaign.affected_subscribers.get(), fingerprint_sha256=wrong.fingerprint_sha256,
        spki_sha256="", issuer_name="", serial_number=wrong.serial_number, not_before=NOW, not_after=NOW + DAY,
        shown_at=NOW, shown_by="contact:1",
    )  # fmt: skip
    services.submit(claimed, now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert "is recorded as the replacement" in it.campaign.halt_reason
    assert revoked_at_ca(it) == 0
    assert states(it) == {"rejected": 1, "scheduled": 2}


def test_a_drill_never_meets_a_live_ca(scene: SetUp, scripted, settings):
    settings.DRILL_EMAIL_URL = "smtp://127.0.0.1:1"
    it = scene(3, kind="drill")
    it.issuer.backend = "scripted"
    it.issuer.save()
    services.submit(let_all_through(it), now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert it.campaign.halt_reason == "This is a drill, and Issuer ca1 is no sandbox CA."
    assert scripted.asked == []
    assert states(it) == {"scheduled": 3}


def test_a_rehearsals_clock_never_meets_a_live_ca(scene: SetUp, scripted, settings, tmp_path):
    it = scene(3, issuer={"backend": "scripted"})
    clock.set_anchor(tmp_path / "clock.json", shown=LAST_HOUR, speed=1)
    settings.CLOCK_FILE = str(tmp_path / "clock.json")
    services.submit(let_all_through(it), now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert "The clock is a rehearsal's" in it.campaign.halt_reason
    assert scripted.asked == []


def test_a_ca_that_nobody_knows_halts_the_campaign(scene: SetUp):
    it = scene(3, issuer={"backend": "unheard-of"})
    services.submit(let_all_through(it), now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert "There is no CA backend 'unheard-of'" in it.campaign.halt_reason


def test_a_scope_that_was_changed_behind_the_approval_lets_nothing_through(scene: SetUp):
    it = scene(3)
    smuggled = make.certificate(of=it.issuer)
    it.affected.create(
        campaign=it.campaign, certificate=smuggled, affected_subscriber=it.campaign.affected_subscribers.get(),
        not_after=smuggled.not_after, clock_started_at=NOW, publish_by=DEADLINE,
    )  # fmt: skip
    it.clock.now = LAST_HOUR
    it.tick()
    assert "not the one that was approved" in it.campaign.halt_reason
    assert revoked_at_ca(it) == 0


def test_an_approval_that_no_longer_fits_stops_even_released_orders(scene: SetUp):
    it = scene(3)
    claimed = let_all_through(it)
    it.campaign.scope_digest = "0" * 64
    it.campaign.save()
    services.submit(claimed, now=LAST_HOUR)
    it.campaign.refresh_from_db()
    assert it.campaign.halt_reason == "The scope is not the one that was approved."
    assert revoked_at_ca(it) == 0


def test_an_operator_may_revoke_before_the_deadline_behind_the_same_gate(scene: SetUp):
    it = scene(13)
    chosen = list(it.affected.order_by("pk")[:2])
    planned = services.revoke_early(chosen, actor=make.OPERATOR, now=NOW)
    assert [(row.planned_at, row.trigger) for row in planned] == [(NOW, "operator")] * 2
    assert [event.actor for event in events("revocation.brought_forward")] == [make.OPERATOR] * 2
    it.tick()
    assert states(it) == {"accepted": 1, "scheduled": 12}
    it.tick(MINUTE)
    it.tick(MINUTE)
    assert states(it) == {"accepted": 1, "published": 1, "scheduled": 11}
    assert services.revoke_early(chosen, actor=make.OPERATOR, now=it.clock.now) == []


def test_an_operator_revokes_nothing_of_a_campaign_that_is_not_running(scene: SetUp):
    it = scene(2, launch=False)
    with pytest.raises(Refused, match="approved"):
        services.revoke_early(list(it.affected), actor=make.OPERATOR, now=NOW)


def test_the_measured_rate_moves_the_estimate(scene: SetUp):
    it = scene(300, issuer={"revocations_per_second": 1.0})
    services.submit(let_all_through(it), now=LAST_HOUR)
    it.issuer.refresh_from_db()
    assert it.issuer.revocations_per_second > 2


def test_a_resumed_campaign_goes_on_where_it_was(scene: SetUp, scripted, settings):
    settings.BREAKER_LIMIT = 2
    it = scene(4, issuer={"backend": "scripted"})
    claimed = let_all_through(it)
    scripted.script = staticmethod(lambda order, now: Refusal(order, "locked"))
    services.submit(claimed, now=LAST_HOUR)
    scripted.script = staticmethod(accepted)
    resume_campaign(it.campaign, reason="Unlocked.", actor=make.OPERATOR, now=LAST_HOUR)
    it.tick(MINUTE)
    assert states(it) == {"accepted": 2, "rejected": 2}
