"""Certificates that come into a campaign after its gate was opened: approved ones are revoked, others never."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedCertificate, ScopeAddition
from campaigns.services import Proposal, approve_addition, propose_addition
from revocation import waves
from revocation.models import Revocation
from subscribers.models import Certificate
from tests import make
from tests.asserts import events
from tests.conftest import NOW
from tests.revocation.scene import DAY, HOUR, MINUTE, Scene, SetUp, issue

LAST_DAY = NOW + 5 * DAY - 2 * HOUR


@pytest.fixture
def opened(scene: SetUp) -> Scene:
    """A campaign whose gate is wide open, with all published but what an order of a court holds back."""
    it = scene(13)
    make.excluded(it.affected.order_by("-pk")[0], ground="legal_order", until=NOW + 30 * DAY)
    it.clock.now = LAST_DAY
    for _ in range(6):
        it.tick(MINUTE)
    assert (it.counts().revoked, it.gate.wave, it.campaign.state) == (12, waves.REST, "running")
    return it


def further(it: Scene, number: int) -> list[Certificate]:
    """Certificates of the same CA that are in no scope, of a new subscriber."""
    return issue(it.ca, it.issuer, number, holder=make.subscriber())


def propose(it: Scene, certificates: list[Certificate], *, aware: timedelta) -> ScopeAddition:
    """Propose certificates of which the CA became aware so long ago."""
    done = propose_addition(
        it.campaign,
        Certificate.objects.filter(pk__in=[each.pk for each in certificates]),
        proposal=Proposal(it.clock.now - aware, "Found in an older profile"),
        commit=True,
        by=make.user("olga"),
        now=it.clock.now,
    )
    assert done.addition
    return done.addition


def approve(it: Scene, addition: ScopeAddition) -> None:
    approve_addition(
        addition, digest=addition.digest, typed_count=addition.count, approver=make.user("anton"), now=it.clock.now
    )


def test_an_approved_addition_is_revoked_before_its_own_deadline(opened: Scene):
    new = further(opened, 3)
    approve(opened, propose(opened, new, aware=HOUR))
    opened.tick(MINUTE)
    planned = opened.rows.filter(affected_certificate__certificate__in=new)
    assert set(planned.values_list("state", flat=True)) == {"scheduled"}
    deadline = opened.affected.filter(certificate__in=new)[0].publish_by
    assert deadline == opened.clock.now - MINUTE - HOUR + 5 * DAY
    opened.clock.now = deadline - 3 * HOUR
    opened.tick_until(deadline, every=10 * MINUTE)
    found = opened.affected.filter(certificate__in=new)
    assert found.revoked().count() == 3
    assert not any(row.is_late for row in found)
    assert opened.campaign.halted_at is None


def test_a_proposal_that_nobody_approved_is_never_revoked(opened: Scene):
    new = further(opened, 2)
    propose(opened, new, aware=6 * DAY)
    for _ in range(4):
        opened.tick(MINUTE)
    assert not Revocation.objects.filter(affected_certificate__certificate__in=new).exists()
    assert opened.campaign.halted_at is None
    assert opened.counts().scope == 13


def test_a_certificate_slipped_into_the_scope_behind_the_open_gate_halts_the_campaign(opened: Scene):
    (slipped,) = further(opened, 1)
    owner = opened.campaign.affected_subscribers.get()
    row = AffectedCertificate.objects.create(
        campaign=opened.campaign,
        affected_subscriber=owner,
        certificate=slipped,
        not_after=slipped.not_after,
        clock_started_at=NOW,
        publish_by=NOW + 5 * DAY,
    )
    for _ in range(4):
        opened.tick(MINUTE)
    assert "not the one that was approved" in opened.campaign.halt_reason
    assert Revocation.objects.get(affected_certificate=row).state == "scheduled"
    assert opened.ca.lookup([slipped.serial_number])[slipped.serial_number].revoked_at is None
    assert len(events("campaign.halted")) == 1


def test_an_overdue_addition_is_revoked_at_once(opened: Scene):
    new = further(opened, 2)
    approve(opened, propose(opened, new, aware=6 * DAY))
    for _ in range(3):
        opened.tick(MINUTE)
    found = opened.affected.filter(certificate__in=new)
    assert found.revoked().count() == 2
    assert all(row.is_late for row in found)
