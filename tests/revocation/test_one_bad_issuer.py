"""What is wrong with one issuer or one campaign is told of, and holds up no other."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedSubscriber, Campaign, EscalationStep
from campaigns.plan import LONGEST, lead
from campaigns.services import confirm_replacement, verify_replacements
from core.due import claim
from notices.services import write_notices
from revocation import services
from revocation.models import Gate, Revocation
from subscribers.models import Certificate, Issuer
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock
from tests.revocation.scene import DAY, HOUR, Scene, issue, make_ca, make_issuer

pytestmark = pytest.mark.django_db
LAST_HOUR = NOW + 5 * DAY - HOUR
State = Revocation.State


@pytest.fixture
def bad_and_good(site_url: str, frozen_clock: FrozenClock) -> tuple[Issuer, Issuer]:
    """Two issuers in one campaign in its last hour, all of it claimed to be handed over, the bad one's rows first."""
    cas = [make_ca(slug, url=site_url) for slug in ("bad", "good")]
    issuers = [make_issuer(ca) for ca in cas]
    rows = [row for ca, of in zip(cas, issuers, strict=True) for row in issue(ca, of, 2, holder=make.subscriber())]
    it = Scene(cas[1], issuers[1], make.running_campaign(rows), frozen_clock)
    it.clock.now = LAST_HOUR
    services.plan_campaign(it.campaign, now=LAST_HOUR)
    Gate.objects.update(wave=3)
    it.schedule()
    return issuers[0], issuers[1]


def states(issuer: Issuer) -> list[str]:
    return sorted(Revocation.objects.filter(issuer=issuer).values_list("state", flat=True))


def test_options_that_no_backend_can_read_hold_up_no_other_issuer(bad_and_good: tuple[Issuer, Issuer]) -> None:
    bad, good = bad_and_good
    Issuer.objects.filter(pk=bad.pk).update(backend_options={"root": 5, "slug": "bad"})
    services.submit(claim(Revocation.objects.submittable(), now=LAST_HOUR, limit=100), now=LAST_HOUR)
    assert states(good) == ["accepted", "accepted"]
    assert states(bad) == ["scheduled", "scheduled"]
    assert Gate.objects.get(issuer=bad).unavailable_since == LAST_HOUR
    assert "TypeError" in assert_event("revocation.ca_away").facts["problem"]


def test_crl_addresses_that_are_none_hold_up_no_other_issuer(bad_and_good: tuple[Issuer, Issuer]) -> None:
    bad, good = bad_and_good
    services.submit(claim(Revocation.objects.submittable(), now=LAST_HOUR, limit=100), now=LAST_HOUR)
    Issuer.objects.filter(pk=bad.pk).update(crl_urls=[5])
    Certificate.objects.filter(issuer=bad).update(crl_url="")
    later = LAST_HOUR + timedelta(minutes=10)
    claimed = claim(Revocation.objects.unverified(), now=later, limit=100)
    assert len(claimed) == 4
    services.verify_published(claimed, now=later)
    assert states(good) == ["published", "published"]
    assert states(bad) == ["accepted", "accepted"]
    for row in Revocation.objects.filter(issuer=bad):
        assert "failed" in row.last_error
        assert row.due_at is not None


def test_a_rate_of_almost_nothing_gives_a_lead_that_can_be_reckoned() -> None:
    found = lead(3_000_000, per_second=1e-9, crl_interval=HOUR, margin=HOUR)
    assert LONGEST < found < LONGEST + DAY
    assert NOW - found < NOW


def test_a_campaign_without_steps_holds_up_no_other(frozen_clock: FrozenClock) -> None:
    broken, whole = make.running_campaign(title="broken"), make.running_campaign(title="whole", now=NOW + DAY)
    EscalationStep.objects.filter(campaign=broken).delete()
    after = NOW + 5 * DAY + HOUR
    written = write_notices(claim(AffectedSubscriber.objects.to_escalate(), now=after, limit=10), now=after)
    assert {notice.affected_subscriber.campaign.title for notice in written} == {whole.title}


def test_names_that_are_none_hold_up_the_replacements_of_no_other_campaign(frozen_clock: FrozenClock) -> None:
    broken, whole = (make.running_campaign(make.certificates_of(1), title=title) for title in ("broken", "whole"))
    rows = [_confirmed(campaign) for campaign in (broken, whole)]
    Certificate.objects.filter(pk=rows[0].certificate_id).update(names=5)
    later = NOW + HOUR
    verify_replacements(claim(type(rows[0]).objects.to_verify(), now=later, limit=10), now=later)
    whole_row = whole.affected_certificates.get()
    assert whole_row.due_at is not None
    assert whole_row.due_at < later + timedelta(minutes=2)  # settled, not merely leased


def _confirmed(campaign: Campaign):
    affected = campaign.affected_subscribers.select_related("campaign", "subscriber").get()
    [row] = affected.certificates.all()
    confirm_replacement(affected, certificates=[row.pk], actor="contact:1", now=NOW)
    return row
