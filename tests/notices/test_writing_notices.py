from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import links
from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.services import (
    acknowledge,
    cancel_campaign,
    confirm_replacement,
    halt_campaign,
    name_contact,
    request_cancel,
    request_revocation,
    resume_campaign,
)
from core.due import claim
from notices import rendering, texts
from notices.models import Notice
from notices.services import write_notices
from notices.vocabulary import LINKS
from subscribers.models import Contact
from subscribers.services import mark_contact_bounced
from tests import make
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW
from tests.notices.flow import escalate

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def fresh(row: AffectedSubscriber) -> AffectedSubscriber:
    return AffectedSubscriber.objects.select_related("campaign", "subscriber").get(pk=row.pk)


def ranks(notices: list[Notice]) -> list[int]:
    return sorted(notice.contact.rank for notice in notices)


def test_the_launch_writes_one_notice_to_the_primary_contact():
    row, _ = make.affected(3)
    [notice] = escalate(NOW)
    primary = row.subscriber.contacts.get(rank=0)
    assert (notice.contact, notice.address, notice.step.order) == (primary, primary.email, 0)
    assert notice.state == Notice.State.QUEUED
    assert Notice.objects.get().due_at == NOW
    assert "3 certificates of" in notice.subject
    assert fresh(row).next_step == 1
    assert fresh(row).due_at == NOW + DAY


def test_what_was_written_is_in_the_journal_with_the_digest_of_its_words():
    make.affected()
    [notice] = escalate(NOW)
    event = assert_event("notice.written", notice, actor="system", step=0, address=notice.address)
    assert len(event.facts["words_sha256"]) == 64


def test_the_link_in_a_notice_identifies_its_subscriber_and_contact():
    row, _ = make.affected(contacts=3)
    escalate(NOW)
    for notice in escalate(NOW + DAY):
        url = links.respond_url(row, notice.contact)
        assert url in notice.body_text
        assert url in notice.body_html
        assert not LINKS.search(notice.body_text + notice.body_html)
        assert links.read(url.rstrip("/").rpartition("/")[2]) == (row, notice.contact)


def test_the_message_id_is_ours_and_of_the_senders_domain(settings: LazySettings):
    settings.NOTICE_FROM = "Example CA <revocation@ca.example>"
    make.affected()
    [notice] = escalate(NOW)
    assert notice.message_id == f"<{notice.public_id}@ca.example>"


def test_steps_fall_by_share_of_the_time_to_the_deadline():
    row, _ = make.affected(contacts=3)
    times = [NOW + 5 * DAY * share for share in (0, 0.2, 0.4, 0.6, 0.8, 0.95)]
    audiences = [ranks(escalate(at)) for at in times]
    assert audiences == [[0], [1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2]]
    assert fresh(row).due_at is None
    assert Notice.objects.count() == 15


def test_a_step_is_not_written_a_second_early():
    make.affected()
    escalate(NOW)
    assert escalate(NOW + DAY - SECOND) == []
    assert len(escalate(NOW + DAY)) == 1


def test_writing_the_same_step_twice_writes_it_once():
    row, _ = make.affected()
    escalate(NOW)
    AffectedSubscriber.objects.filter(pk=row.pk).update(due_at=NOW, next_step=0)
    assert escalate(NOW) == []
    assert Notice.objects.count() == 1
    assert len(events("notice.written")) == 1


def test_reminders_list_what_is_outstanding_then():
    row, certificates = make.affected(3)
    escalate(NOW)
    confirm_replacement(row, certificates=[certificates[0].pk], actor="contact:1", now=NOW + SECOND)
    reminder = escalate(NOW + 2 * DAY)[0]
    assert "2 certificates of" in reminder.subject
    assert "(reminder 2, 3 days left)" in reminder.subject
    assert certificates[0].certificate.serial_number not in reminder.body_text
    assert certificates[1].certificate.serial_number in reminder.body_text
    assert "1 more that you have told us are replaced" in reminder.body_text


def test_when_all_is_confirmed_nothing_more_is_written():
    row, certificates = make.affected(2)
    escalate(NOW)
    confirm_replacement(row, certificates=[each.pk for each in certificates], actor="contact:1", now=NOW)
    assert escalate(NOW + 4 * DAY) == []
    assert fresh(row).due_at is None


def test_a_claimed_subscriber_with_nothing_outstanding_is_let_go():
    row, _ = make.affected()
    AffectedCertificate.objects.update(state="confirmed")
    assert escalate(NOW) == []
    assert fresh(row).due_at is None


def test_what_the_subscriber_asked_to_be_revoked_is_not_listed_again():
    row, certificates = make.affected(2)
    request_revocation(row, certificates=[certificates[0].pk], at=None, reason="superseded", actor="contact:1", now=NOW)
    [notice] = escalate(NOW)
    assert "1 certificate of" in notice.subject
    assert "Sun 24 Mar 2024 08:30 UTC" in notice.subject


def test_an_acknowledgement_keeps_the_backups_out_and_the_reminders_going():
    row, _ = make.affected(contacts=3)
    escalate(NOW)
    acknowledge(row, contact=row.subscriber.contacts.get(rank=0), actor="contact:1", now=NOW + SECOND)
    assert escalate(NOW + DAY) == []
    assert_event(
        "affectedsubscriber.step_skipped",
        row,
        step=1,
        reason="The subscriber has acknowledged, so its backups are not called in.",
    )
    assert ranks(escalate(NOW + 2 * DAY)) == [0, 1, 2]


def test_of_missed_steps_only_the_latest_is_written_and_the_others_are_recorded():
    row, _ = make.affected(contacts=2)
    written = escalate(NOW + 3 * DAY + SECOND)
    assert {notice.step.order for notice in written} == {4}
    skipped = events("affectedsubscriber.step_skipped", row)
    assert [each.facts["step"] for each in skipped] == [0, 1, 2, 3]
    reasons = {each.facts["step"]: each.facts["reason"] for each in skipped}
    assert {reasons[step] for step in (0, 1, 2)} == {"Its time passed before it could be written."}
    assert reasons[3] == "The subscriber has no account manager who could be told."
    assert fresh(row).due_at == NOW + 4 * DAY


def test_nothing_is_written_at_the_deadline_and_it_is_said_why():
    row, _ = make.affected()
    assert escalate(NOW + 5 * DAY) == []
    assert [each.facts["reason"] for each in events("affectedsubscriber.step_skipped")] == [
        "The deadline had passed."
    ] * 7
    assert fresh(row).due_at is None
    assert fresh(row).next_step == 7


def test_one_second_before_the_deadline_the_last_step_is_still_written():
    make.affected()
    assert {notice.step.order for notice in escalate(NOW + 5 * DAY - SECOND)} == {6}


def test_a_certificate_past_its_deadline_does_not_silence_the_others():
    _, certificates = make.affected(2)
    AffectedCertificate.objects.filter(pk=certificates[0].pk).update(publish_by=NOW)
    [notice] = escalate(NOW + SECOND)
    assert "[Action by Sun 24 Mar 2024 08:30 UTC] 2 certificates" in notice.subject


def test_the_first_backup_is_told_when_the_primary_has_bounced_before():
    row, _ = make.affected(contacts=3)
    mark_contact_bounced(row.subscriber.contacts.get(rank=0), note="gone", actor="system", now=NOW)
    assert ranks(escalate(NOW)) == [1]


def test_nobody_to_be_reached_makes_a_subscriber_unreachable_and_the_clock_runs_on():
    row, _ = make.affected(contacts=1)
    mark_contact_bounced(row.subscriber.contacts.get(), note="gone", actor="system", now=NOW)
    assert escalate(NOW) == []
    assert fresh(row).unreachable_since == NOW
    assert_event("affectedsubscriber.unreachable", row)
    assert_event(
        "affectedsubscriber.step_skipped", row, step=0, reason="No contact can be reached by mail or chat or webhook."
    )
    assert fresh(row).due_at == NOW + DAY


def test_a_contact_that_is_verified_again_ends_being_unreachable():
    row, _ = make.affected(contacts=1)
    contact = row.subscriber.contacts.get()
    mark_contact_bounced(contact, note="gone", actor="system", now=NOW)
    escalate(NOW)
    Contact.objects.update(bounced_at=None)
    assert len(escalate(NOW + DAY)) == 1
    assert fresh(row).unreachable_since is None


def test_a_contact_named_later_is_told_the_present_step_at_once():
    row, _ = make.affected(contacts=2)
    escalate(NOW)
    later = NOW + timedelta(hours=3)
    named = name_contact(row, name="Wei", email="wei@bank.example", phone="", actor="contact:1", now=later)
    [notice] = escalate(later)
    assert (notice.contact, notice.step.order) == (named, 0)
    assert fresh(row).due_at == NOW + DAY
    assert fresh(row).next_step == 1


def test_a_contact_named_when_a_step_is_due_is_told_once():
    row, _ = make.affected(contacts=2)
    escalate(NOW)
    name_contact(row, name="Wei", email="wei@bank.example", phone="", actor="contact:1", now=NOW + DAY)
    assert ranks(escalate(NOW + DAY)) == [1, 2]
    assert escalate(NOW + DAY) == []


def test_a_contact_named_while_its_subscriber_is_being_written_to_is_not_forgotten():
    row, _ = make.affected(contacts=2)
    rows = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    asked = NOW + SECOND
    AffectedSubscriber.objects.filter(pk=row.pk).update(due_at=asked)
    write_notices(rows, now=NOW)
    assert (fresh(row).due_at, fresh(row).next_step) == (asked, 1)


def test_a_confirmation_while_its_subscriber_is_being_written_to_stands():
    row, certificates = make.affected()
    rows = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    confirm_replacement(row, certificates=[certificates[0].pk], actor="contact:1", now=NOW)
    write_notices(rows, now=NOW)
    assert fresh(row).due_at is None


def test_a_worker_that_lost_its_lease_writes_nothing():
    row, _ = make.affected()
    slow = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    quick = claim(AffectedSubscriber.objects.to_escalate(), now=NOW + timedelta(hours=1), limit=10)
    assert write_notices(slow, now=NOW) == []
    assert Notice.objects.count() == 0
    assert len(write_notices(quick, now=NOW + timedelta(hours=1))) == 1
    assert fresh(row).next_step == 1


def test_a_halted_campaign_writes_nothing_until_it_is_resumed():
    row, _ = make.affected()
    claimed = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    halt_campaign(row.campaign, reason="wrong scope", actor="staff:olga", now=NOW)
    assert write_notices(claimed, now=NOW) == []
    assert escalate(NOW + SECOND) == []
    resume_campaign(row.campaign, reason="right after all", actor="staff:olga", now=NOW + DAY)
    assert ranks(escalate(NOW + DAY)) == [0, 1]


def test_a_cancelled_campaign_writes_nothing():
    row, _ = make.affected()
    claimed = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    request_cancel(row.campaign, ground="not affected", by=make.user("olga"), now=NOW)
    cancel_campaign(row.campaign, by=make.user("anton"), now=NOW)
    assert write_notices(claimed, now=NOW) == []
    assert_no_event("notice.written")


def test_words_that_cannot_be_made_hold_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    certificates = [*make.certificates_of(1), *make.certificates_of(1)]
    campaign = make.running_campaign(certificates)
    first = campaign.affected_subscribers.order_by("pk").first()
    assert first is not None
    real = rendering.render

    def fails_for_the_first(template: str, facts: rendering.Facts) -> rendering.Letter:
        if facts.accounts[0].reference == first.subscriber.reference:
            raise ValueError("A fact that no template can tell.")
        return real(template, facts)

    monkeypatch.setattr(rendering, "render", fails_for_the_first)
    assert len(escalate(NOW)) == 1
    assert "cannot be written" in caplog.text
    monkeypatch.undo()
    [notice] = escalate(NOW + timedelta(hours=1))
    assert notice.affected_subscriber_id == first.pk


def test_a_notice_of_2000_certificates_is_written_by_as_many_queries_as_one_of_one():
    def queries(number: int) -> tuple[int, Notice]:
        make.affected(number)
        texts.forget()
        with CaptureQueriesContext(connection) as captured:
            [notice] = escalate(NOW)
        return len(captured), notice

    few, _ = queries(1)
    many, notice = queries(2000)
    assert many == few
    assert "2,000 certificates of" in notice.subject
    assert notice.body_text.count("serial number ") == rendering.LISTED
    assert "and 1980 more" in notice.body_text


def test_a_hundred_subscribers_take_no_more_queries_than_ten():
    def queries(number: int, at: datetime) -> int:
        holders = [make.subscriber() for _ in range(number)]
        make.running_campaign([make.certificate(holder) for holder in holders], now=at)
        texts.forget()
        with CaptureQueriesContext(connection) as captured:
            assert len(escalate(at)) == number
        return len(captured)

    assert queries(100, NOW) <= queries(10, NOW) + 2
