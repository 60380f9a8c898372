"""From the launch to the end."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.services import (
    cancel_campaign,
    complete_campaign,
    halt_campaign,
    launch_campaign,
    mark_published,
    request_cancel,
    resume_campaign,
)
from core.errors import Refused
from tests import make
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


def launch(campaign, now=NOW):
    return launch_campaign(campaign, actor=make.OPERATOR, now=now)


def test_the_launch_freezes_the_deadline_counted_from_the_clock_and_not_from_the_launch():
    campaign = make.campaign(make.certificates(2), state="approved", clock_started_at=NOW - 3 * HOUR)
    launch(campaign)
    assert campaign.state == Campaign.State.RUNNING
    assert campaign.launched_at == NOW
    deadlines = set(AffectedCertificate.objects.values_list("publish_by", flat=True))
    assert deadlines == {NOW - 3 * HOUR + timedelta(seconds=432_000)}
    assert_event("campaign.running", campaign, actor=make.OPERATOR, count=2, digest=campaign.scope_digest)


def test_a_certificate_with_its_own_clock_has_its_own_deadline():
    campaign = make.campaign(make.certificates(2), state="approved")
    early = AffectedCertificate.objects.order_by("pk")[0]
    AffectedCertificate.objects.filter(pk=early.pk).update(clock_started_at=NOW - DAY)
    launch(campaign)
    deadlines = list(AffectedCertificate.objects.order_by("publish_by").values_list("publish_by", flat=True))
    assert deadlines == [NOW + 4 * DAY, NOW + 5 * DAY]


def test_the_launch_makes_the_first_notice_due_and_takes_the_first_snapshot():
    campaign = make.campaign([make.certificate(), make.certificate()], state="approved")
    assert not AffectedSubscriber.objects.exclude(due_at=None).exists()
    launch(campaign)
    assert set(AffectedSubscriber.objects.values_list("due_at", "next_step")) == {(NOW, 0)}
    assert campaign.snapshots.get().remaining == 2


def test_a_subscriber_without_a_contact_is_unreachable_from_the_start():
    reached, silent = make.subscriber(), make.subscriber(contacts=0)
    bounced = make.subscriber(contacts=0)
    make.contact(bounced, bounced_at=NOW - DAY)
    make.contact(bounced, rank=1, email="")
    make.running_campaign([make.certificate(one) for one in (reached, silent, bounced)])
    unreachable = AffectedSubscriber.objects.filter(unreachable_since=NOW)
    assert {row.subscriber for row in unreachable} == {silent, bounced}
    assert len(events("affectedsubscriber.unreachable")) == 2


@pytest.mark.parametrize("state", ["draft", "running"])
def test_only_an_approved_campaign_is_launched(state):
    campaign = make.campaign(state=state)
    with pytest.raises(Refused, match="only an approved one"):
        launch(campaign)


def test_two_launches_at_the_same_time_launch_once():
    campaign = make.campaign(state="approved")
    other = Campaign.objects.get(pk=campaign.pk)
    launch(campaign)
    with pytest.raises(Refused, match="only an approved one"):
        launch(other)
    assert_event("campaign.running", campaign)


def test_a_drill_is_launched_when_it_can_reach_nothing_real(settings):
    settings.DRILL_EMAIL_URL = "smtp://127.0.0.1:2525"
    assert launch(make.campaign(state="approved", kind="drill")).state == Campaign.State.RUNNING


def test_a_drill_without_a_sink_for_its_mail_is_refused(settings):
    settings.DRILL_EMAIL_URL = ""
    campaign = make.campaign(state="approved", kind="drill")
    with pytest.raises(Refused, match="DRILL_EMAIL_URL"):
        launch(campaign)
    assert_no_event("campaign.running")


def test_a_drill_with_a_certificate_of_a_live_ca_is_refused(settings):
    settings.DRILL_EMAIL_URL = "smtp://127.0.0.1:2525"
    rows = [make.certificate(), make.certificate(of=make.issuer("Live CA", backend="command"))]
    campaign = make.campaign(rows, state="approved", kind="drill")
    with pytest.raises(Refused, match="Live CA"):
        launch(campaign)


def test_a_live_campaign_under_a_rehearsals_clock_is_refused(settings):
    campaign = make.campaign(state="approved")
    settings.CLOCK_FILE = "/var/clock.json"
    with pytest.raises(Refused, match="rehearsal"):
        launch(campaign)


def test_a_scope_that_is_not_the_approved_one_is_refused():
    campaign = make.campaign(state="approved")
    Campaign.objects.update(scope_digest="0" * 64)
    with pytest.raises(Refused, match="not the one that was approved"):
        launch(campaign)


# Halt and resume


def test_a_halt_stops_outward_acts_and_no_clock():
    campaign = make.running_campaign()
    before = AffectedCertificate.objects.get().publish_by
    halt_campaign(campaign, reason="Wrong reason on the CRL", actor="system", now=NOW + HOUR)
    assert campaign.halted_at == NOW + HOUR
    assert not Campaign.objects.acting().exists()
    assert Campaign.objects.running().exists()
    assert AffectedCertificate.objects.get().publish_by == before
    left = int((5 * DAY - HOUR).total_seconds())
    assert_event("campaign.halted", campaign, reason="Wrong reason on the CRL", seconds_to_deadline=left)


def test_a_second_halt_keeps_the_first_reason():
    campaign = make.running_campaign()
    other = Campaign.objects.get(pk=campaign.pk)
    halt_campaign(campaign, reason="first", actor="system", now=NOW)
    halt_campaign(other, reason="second", actor="system", now=NOW + HOUR)
    assert (other.halt_reason, other.halted_at) == ("first", NOW)
    assert len(events("campaign.halted")) == 1


def test_a_long_text_of_a_breaker_still_halts():
    campaign = make.running_campaign()
    halt_campaign(campaign, reason="x" * 5000, actor="system", now=NOW)
    assert len(campaign.halt_reason) == 500


def test_after_a_resume_everything_is_where_it_was():
    campaign = make.running_campaign()
    before = AffectedCertificate.objects.values().get()
    halt_campaign(campaign, reason="stop", actor="system", now=NOW)
    resume_campaign(campaign, reason="it was nothing", actor=make.OPERATOR, now=NOW + HOUR)
    campaign.refresh_from_db()
    assert (campaign.halted_at, campaign.halt_reason) == (None, "")
    assert AffectedCertificate.objects.values().get() == before
    assert_event("campaign.resumed", campaign, reason="it was nothing", halted_seconds=3600.0)


@pytest.mark.parametrize("verb", [halt_campaign, resume_campaign])
def test_halt_and_resume_need_a_reason_and_a_running_campaign(verb):
    campaign = make.running_campaign()
    with pytest.raises(Refused, match="reason"):
        verb(campaign, reason="  ", actor="system", now=NOW)
    with pytest.raises(Refused, match="not been launched"):
        verb(make.campaign(), reason="because", actor="system", now=NOW)


def test_what_is_not_halted_is_not_resumed():
    with pytest.raises(Refused, match="not halted"):
        resume_campaign(make.running_campaign(), reason="because", actor="system", now=NOW)


# The end


def test_it_takes_two_persons_and_a_ground_to_leave_a_campaign_unfinished():
    campaign = make.running_campaign()
    with pytest.raises(Refused, match="Nobody has asked"):
        cancel_campaign(campaign, by=make.user("anton"), now=NOW)
    with pytest.raises(Refused, match="ground"):
        request_cancel(campaign, ground="", by=make.user("olga"), now=NOW)
    request_cancel(campaign, ground="The report was wrong", by=make.user("olga"), now=NOW)
    with pytest.raises(Refused, match="yourself"):
        cancel_campaign(campaign, by=make.user("olga"), now=NOW)
    assert campaign.state == Campaign.State.RUNNING
    cancel_campaign(campaign, by=make.user("anton"), now=NOW + HOUR)
    assert (campaign.state, campaign.ended_at) == (Campaign.State.CANCELLED, NOW + HOUR)
    assert not AffectedSubscriber.objects.exclude(due_at=None).exists()
    assert_event("campaign.cancel_requested", campaign, actor="staff:olga", ground="The report was wrong")
    assert_event("campaign.cancelled", campaign, actor="staff:anton", ground="The report was wrong")


def test_a_draft_is_left_by_two_persons_as_well():
    campaign = make.campaign()
    request_cancel(campaign, ground="Superseded", by=make.user("olga"), now=NOW)
    assert cancel_campaign(campaign, by=make.user("anton"), now=NOW).state == Campaign.State.CANCELLED
    with pytest.raises(Refused, match="ended"):
        request_cancel(campaign, ground="Again", by=make.user("olga"), now=NOW)


def test_a_campaign_is_complete_when_nothing_remains():
    campaign = make.running_campaign(make.certificates(2))
    rows = list(AffectedCertificate.objects.all())
    mark_published(rows[:1], at=NOW, now=NOW)
    with pytest.raises(Refused, match="1 certificates remain"):
        complete_campaign(campaign, actor="system", now=NOW)
    mark_published(rows[1:], at=NOW + HOUR, now=NOW + HOUR)
    complete_campaign(campaign, actor="system", now=NOW + 2 * HOUR)
    assert (campaign.state, campaign.ended_at) == (Campaign.State.COMPLETED, NOW + 2 * HOUR)
    assert campaign.snapshots.latest().revoked == 2
    with pytest.raises(Refused, match="ended"):
        complete_campaign(campaign, actor="system", now=NOW + 3 * HOUR)


def test_what_has_expired_does_not_hold_up_the_end():
    campaign = make.running_campaign([make.certificate(not_after=NOW + HOUR)])
    with pytest.raises(Refused, match="remain"):
        complete_campaign(campaign, actor="system", now=NOW + HOUR)
    complete_campaign(campaign, actor="system", now=NOW + HOUR + SECOND)
    assert campaign.state == Campaign.State.COMPLETED


def test_an_exclusion_that_ends_holds_up_the_end_and_one_for_good_does_not():
    campaign = make.running_campaign(make.certificates(2))
    first, second = AffectedCertificate.objects.order_by("pk")
    make.excluded(first)
    make.excluded(second, ground="legal_order", until=NOW + DAY)
    with pytest.raises(Refused, match="1 certificates are held back"):
        complete_campaign(campaign, actor="system", now=NOW)
    mark_published([second], at=NOW + HOUR, now=NOW + HOUR)
    assert complete_campaign(campaign, actor="system", now=NOW + HOUR).state == Campaign.State.COMPLETED
