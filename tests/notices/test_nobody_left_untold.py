"""Nobody with certificates is left without a notice by an odd coincidence of steps, addresses and answers."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedSubscriber
from campaigns.services import (
    acknowledge,
    approve_addition,
    cancel_campaign,
    request_cancel,
    resume_campaign,
    withdraw_exclusion,
)
from core.due import claim
from notices.models import Notice
from notices.services import Report, record_delivery, send_notices, withdraw_notices
from subscribers.models import Contact
from subscribers.services import mark_contact_left
from tests import make
from tests.conftest import NOW
from tests.notices.flow import escalate, send, tell
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHARED = "certificates@reseller.example"


def test_a_step_for_the_account_manager_does_not_stand_in_for_the_subscribers_own_notice():
    row, _ = make.affected(rule="3", contacts=1)
    make.halt(row.campaign)
    resume_campaign(row.campaign, reason="Found", actor="staff:olga", now=NOW + 9 * HOUR)
    assert [each.contact.role for each in escalate(NOW + 9 * HOUR)] == [Contact.Role.PRIMARY]


def test_who_is_added_while_the_account_managers_step_is_due_is_told_at_once():
    row, _ = make.affected(contacts=1)
    escalate(NOW)
    late = NOW + 2.6 * 5 * 24 * HOUR / 5
    added = make.addition(row.campaign, make.certificates_of(1, contacts=1), now=late, aware_at=NOW)
    approve_addition(added, digest=added.digest, typed_count=1, approver=make.user("anton"), now=late)
    newcomer = AffectedSubscriber.objects.exclude(pk=row.pk).get()
    assert [each.affected_subscriber for each in escalate(late) if each.affected_subscriber == newcomer] == [newcomer]


def shared(number: int = 2, *, backups: int = 0) -> list[AffectedSubscriber]:
    """Affected subscribers whose primary contacts have one address."""
    certificates = []
    for _ in range(number):
        holder = make.subscriber(contacts=0)
        make.contact(holder, email=SHARED)
        for rank in range(1, backups + 1):
            make.contact(holder, rank=rank)
        certificates += make.certificates(1, holder)
    return list(make.running_campaign(certificates).affected_subscribers.order_by("pk"))


def report(notice: Notice, kind: str, *, now: object = NOW, is_permanent: bool = True) -> None:
    record_delivery(
        Report("test", f"{kind}-{notice.pk}", kind, NOW, notice=str(notice.public_id), is_permanent=is_permanent),
        now=NOW,
    )


def test_a_bounce_of_one_mail_for_several_marks_the_contact_of_each(sink: Sink):
    rows = shared()
    [lead, _] = sorted(escalate(NOW), key=lambda each: each.carried_by is not None)
    send(NOW)
    report(lead, "bounced")
    assert not Contact.objects.filter(email=SHARED, bounced_at=None).exists()
    assert not AffectedSubscriber.objects.filter(pk__in=[each.pk for each in rows], unreachable_since=None).exists()


def test_an_automatic_reply_brings_in_the_backups_of_those_who_have_not_acknowledged(sink: Sink):
    rows = shared(backups=1)
    [lead, carried] = sorted(escalate(NOW), key=lambda each: each.carried_by is not None)
    send(NOW)
    acknowledge(lead.affected_subscriber, contact=lead.contact, actor="contact:1", now=NOW)
    report(lead, "autoresponded")
    told = Notice.objects.filter(contact__role=Contact.Role.BACKUP)
    assert [each.affected_subscriber for each in told] == [carried.affected_subscriber]
    assert len(rows) == 2


def test_what_a_withdrawn_mail_carried_for_somebody_with_nothing_left_does_not_stay_queued():
    shared()
    [lead, carried] = sorted(escalate(NOW), key=lambda each: each.carried_by is not None)
    for row in carried.affected_subscriber.certificates.all():
        make.excluded(row)
    withdraw_notices([lead], reason="Wrong", actor="staff:olga", now=NOW)
    assert not Notice.objects.filter(state=Notice.State.QUEUED).exists()


def test_when_an_exclusion_ends_by_itself_its_subscriber_is_told_again():
    row, [certificate] = make.affected(rule="3")
    make.excluded(certificate, ground="legal_order", until=NOW + HOUR, now=NOW)
    assert escalate(NOW + HOUR - MINUTE) == []
    assert [each.affected_subscriber for each in escalate(NOW + HOUR)] == [row]


def test_an_exclusion_that_is_withdrawn_before_its_end_lets_the_ladder_go_on_at_once():
    row, [certificate] = make.affected(rule="3")
    made = make.excluded(certificate, ground="legal_order", until=NOW + 9 * HOUR, now=NOW)
    withdraw_exclusion(made, by=make.user("olga"), now=NOW + MINUTE)
    assert [each.affected_subscriber for each in escalate(NOW + MINUTE) if each.step_id] == [row]


def test_who_comes_in_when_a_step_is_for_backups_is_told_with_its_primary():
    row, _ = make.affected(contacts=2)
    make.halt(row.campaign)
    resume_campaign(row.campaign, reason="Found", actor="staff:olga", now=NOW + 30 * HOUR)
    assert [each.contact.rank for each in escalate(NOW + 30 * HOUR)] == [0, 1]


def test_what_is_queued_when_its_campaign_ends_is_withdrawn(sink: Sink):
    row, _ = make.affected()
    escalate(NOW)
    request_cancel(row.campaign, ground="Wrong", by=make.user("olga"), now=NOW)
    cancel_campaign(row.campaign, by=make.user("anton"), now=NOW)
    send_notices(claim(Notice.objects.left_over(), now=NOW, limit=9), now=NOW)
    assert list(Notice.objects.values_list("state", flat=True)) == ["withdrawn"]
    assert sink.received == []


def test_further_certificates_are_told_to_a_colleague_when_whoever_was_told_has_left(sink: Sink):
    row, _ = make.affected(contacts=2)
    primary, backup = row.subscriber.contacts.order_by("rank")
    escalate(NOW)
    send(NOW)
    acknowledge(row, contact=primary, actor="contact:1", now=NOW)
    mark_contact_left(primary, actor="staff:olga", now=NOW)
    added = make.addition(row.campaign, make.certificates(1, row.subscriber), now=NOW + HOUR)
    approve_addition(added, digest=added.digest, typed_count=1, approver=make.user("anton"), now=NOW + HOUR)
    assert [each.contact for each in tell(NOW + HOUR)] == [backup]


def test_news_of_further_certificates_that_bounces_goes_to_the_next_colleague_once(sink: Sink):
    row, _ = make.affected(contacts=2)
    primary, backup = row.subscriber.contacts.order_by("rank")
    escalate(NOW)
    send(NOW)
    acknowledge(row, contact=primary, actor="contact:1", now=NOW)
    added = make.addition(row.campaign, make.certificates(1, row.subscriber), now=NOW)
    approve_addition(added, digest=added.digest, typed_count=1, approver=make.user("anton"), now=NOW)
    [news] = tell(NOW)
    send(NOW)
    report(news, "bounced")
    report(news, "rejected")
    told = Notice.objects.filter(news=news.news).exclude(pk=news.pk)
    assert [(each.contact, each.state) for each in told] == [(backup, "queued")]
    assert added.lines.get().certificate.serial_number in told[0].body_text
