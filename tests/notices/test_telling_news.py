"""Later news goes to whoever has been told or has answered, lists the change alone, and no list is out of date."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, News
from campaigns.services import (
    Proposal,
    acknowledge,
    approve_addition,
    complete_campaign,
    halt_campaign,
    mark_published,
    move_deadline_earlier,
    propose_addition,
    withdraw_exclusion,
)
from core.due import claim
from notices.models import Notice
from notices.services import tell_news
from subscribers.models import Certificate
from subscribers.services import mark_contact_bounced
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW
from tests.notices.flow import escalate, send, tell
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = 24 * HOUR


@pytest.fixture
def told(sink: Sink) -> AffectedSubscriber:
    """A subscriber of three certificates whose primary contact has been written to."""
    owner, _ = make.affected(3)
    escalate(NOW)
    send(NOW)
    return owner


def rows_of(owner: AffectedSubscriber) -> list[AffectedCertificate]:
    return list(owner.certificates.select_related("campaign", "certificate__issuer").order_by("pk"))


def add(campaign: Campaign, certificates: Sequence[Certificate], *, now: datetime) -> None:
    """Take certificates in by the two persons that it takes."""
    done = propose_addition(
        campaign,
        Certificate.objects.filter(pk__in=[each.pk for each in certificates]),
        proposal=Proposal(now, "Found later"),
        commit=True,
        by=make.user("olga"),
        now=now,
    )
    assert done.addition
    approve_addition(
        done.addition,
        digest=done.addition.digest,
        typed_count=done.addition.count,
        approver=make.user("anton"),
        now=now,
    )


def serials(text: str, of: Sequence[AffectedCertificate]) -> list[bool]:
    """Which of the certificates a text names."""
    return [row.certificate.serial_number in text for row in of]


def test_an_addition_is_told_as_what_has_come_to_it(told: AffectedSubscriber, sink: Sink):
    add(told.campaign, make.certificates(2, told.subscriber), now=NOW + HOUR)
    [notice] = tell(NOW + HOUR)
    assert send(NOW + HOUR) == 1
    assert serials(notice.body_text, rows_of(told)) == [False] * 3 + [True] * 2
    assert "Sun 24 Mar 2024 09:30" in notice.body_text
    assert "5 certificates" in notice.body_text
    primary = told.subscriber.contacts.get(rank=0)
    assert (notice.kind, notice.contact, notice.channel, notice.step) == ("addition", primary, "mail", None)
    assert [mail["To"] for mail in sink.received] == [primary.email] * 2
    assert_event("notice.written", notice, kind="addition")
    news = News.objects.get()
    assert (news.told_at, news.due_at) == (NOW + HOUR, None)
    assert tell(NOW + 2 * HOUR) == []


def test_whoever_has_answered_is_told_as_well(told: AffectedSubscriber):
    backup = told.subscriber.contacts.get(rank=1)
    acknowledge(told, contact=backup, actor=f"contact:{backup.pk}", now=NOW + HOUR)
    make.excluded(rows_of(told)[0], now=NOW + HOUR)
    assert {notice.contact.rank for notice in tell(NOW + HOUR)} == {0, 1}


def test_where_nobody_was_told_nothing_is_corrected(sink: Sink):
    owner, rows = make.affected(2)
    make.excluded(rows[0], now=NOW)
    assert tell(NOW) == []
    assert (News.objects.get().told_at, Notice.objects.count()) == (NOW, 0)
    [first] = escalate(NOW)
    assert serials(first.body_text, rows_of(owner)) == [False, True]


def test_contacts_who_bounced_or_left_hear_nothing(told: AffectedSubscriber):
    primary = told.subscriber.contacts.get(rank=0)
    mark_contact_bounced(primary, note="gone", actor="system", now=NOW)
    make.excluded(rows_of(told)[0], now=NOW + HOUR)
    assert tell(NOW + HOUR) == []


def test_a_correction_tells_each_kind_of_change(told: AffectedSubscriber):
    first, second, third = rows_of(told)
    held = make.excluded(first, ground="legal_order", until=NOW + 30 * DAY, now=NOW + MINUTE)
    make.excluded(second, now=NOW + HOUR)
    move_deadline_earlier([third], to=NOW + DAY, actor=make.OPERATOR, now=NOW + HOUR)
    withdraw_exclusion(held, by=make.user("olga"), now=NOW + HOUR)
    [notice] = tell(NOW + HOUR)
    text = notice.body_text
    assert serials(text, [first, second, third]) == [True] * 3
    said = [text.partition(row.certificate.serial_number)[2][:60] for row in (first, second, third)]
    assert "will be revoked by Sun 24 Mar 2024" in said[0]
    assert "will not be revoked" in said[1]
    assert "another deadline: revoked by Wed 20 Mar 2024" in said[2]


def test_what_was_excluded_and_taken_back_before_anybody_heard_is_no_news(told: AffectedSubscriber):
    made = make.excluded(rows_of(told)[0], now=NOW + HOUR)
    withdraw_exclusion(made, by=make.user("olga"), now=NOW + HOUR + MINUTE)
    assert tell(NOW + 2 * HOUR) == []
    assert News.objects.get().told_at == NOW + 2 * HOUR


def test_revocations_are_told_in_one_message_when_it_is_quiet(told: AffectedSubscriber):
    rows = rows_of(told)
    for place, row in enumerate(rows[:2]):
        mark_published([row], at=NOW + place * HOUR / 3, now=NOW + place * HOUR / 3)
    assert tell(NOW + 40 * MINUTE) == []
    [notice] = tell(NOW + 50 * MINUTE)
    assert serials(notice.body_text, rows) == [True, True, False]
    assert "now revoked" in notice.body_text
    assert "1 certificate of yours" in notice.body_text


def test_revocations_are_told_after_the_campaign_has_been_completed(told: AffectedSubscriber, sink: Sink):
    mark_published(rows_of(told), at=NOW + HOUR, now=NOW + HOUR)
    complete_campaign(told.campaign, actor="system", now=NOW + HOUR)
    [notice] = tell(NOW + 2 * HOUR)
    assert send(NOW + 2 * HOUR) == 1
    assert "Nothing of yours is outstanding any more." in sink.received[-1].get_body(("plain",)).get_content()
    notice.refresh_from_db()
    assert notice.state == "sent"


def test_a_halted_campaign_tells_nothing_until_it_goes_on(told: AffectedSubscriber):
    make.excluded(rows_of(told)[0], now=NOW + HOUR)
    halt_campaign(told.campaign, reason="A doubt", actor=make.OPERATOR, now=NOW + HOUR)
    assert tell(NOW + HOUR) == []
    assert News.objects.get().told_at is None


def test_a_list_of_very_many_is_shortened_and_counted(told: AffectedSubscriber):
    add(told.campaign, make.certificates(30, told.subscriber), now=NOW + HOUR)
    [notice] = tell(NOW + HOUR)
    assert serials(notice.body_text, rows_of(told)).count(True) == 20
    assert "and 10 more" in notice.body_text
    assert "30 certificates" in notice.body_text


def test_each_reader_gets_a_language_and_a_webhook_of_their_own(told: AffectedSubscriber):
    backup = told.subscriber.contacts.get(rank=1)
    backup.language, backup.webhook_url = "zh-CN", "https://hooks.subscriber.example/recall"
    backup.save()
    acknowledge(told, contact=backup, actor=f"contact:{backup.pk}", now=NOW + HOUR)
    make.excluded(rows_of(told)[0], now=NOW + HOUR)
    written = sorted((each.contact.rank, each.channel, each.language) for each in tell(NOW + HOUR))
    assert written == [(0, "mail", "en"), (1, "mail", "zh-hans"), (1, "webhook", "zh-hans")]


def test_news_to_which_something_is_added_while_they_are_written_are_told_next_time(told: AffectedSubscriber):
    first, second, _ = rows_of(told)
    make.excluded(first, now=NOW + HOUR)
    rows = claim(News.objects.to_tell(), now=NOW + HOUR, limit=10)
    make.excluded(second, now=NOW + HOUR)
    assert tell_news(rows, now=NOW + HOUR) == []
    [notice] = tell(NOW + HOUR)
    assert serials(notice.body_text, [first, second]) == [True, True]


def test_the_same_news_told_by_two_workers_goes_out_once(told: AffectedSubscriber):
    make.excluded(rows_of(told)[0], now=NOW + HOUR)
    rows = claim(News.objects.to_tell(), now=NOW + HOUR, limit=10)
    assert len(tell_news(rows, now=NOW + HOUR)) == 1
    assert tell_news(rows, now=NOW + HOUR) == []
    assert Notice.objects.exclude(kind="step").count() == 1


def test_a_queued_list_is_put_into_words_anew_before_it_goes(sink: Sink):
    owner, rows = make.affected(3)
    [notice] = escalate(NOW)
    assert serials(notice.body_text, rows) == [True] * 3
    make.excluded(rows[0], now=NOW + MINUTE)
    add(owner.campaign, make.certificates(1, owner.subscriber), now=NOW + 2 * MINUTE)
    assert tell(NOW + 2 * MINUTE) == []
    assert send(NOW + 3 * MINUTE) == 1
    [mail] = sink.received
    assert serials(mail.get_body(("plain",)).get_content(), rows_of(owner)) == [False, True, True, True]
    notice.refresh_from_db()
    assert (notice.state, notice.written_at) == ("sent", NOW + 3 * MINUTE)
    assert len(events("notice.written_anew", notice)) == 1


def test_a_list_that_waits_for_another_attempt_is_put_into_words_anew_too(sink: Sink):
    owner, rows = make.affected(2)
    escalate(NOW)
    sink.data_reply = "451 4.3.0 Later"
    assert send(NOW) == 0
    sink.data_reply = ""
    make.excluded(rows[0], now=NOW + HOUR)
    assert send(NOW + HOUR + MINUTE) == 1
    assert serials(sink.received[-1].get_body(("plain",)).get_content(), rows_of(owner)) == [False, True]


def test_one_mail_for_several_accounts_is_put_into_words_anew_as_a_whole(sink: Sink):
    one, other = make.subscriber(contacts=1), make.subscriber(contacts=1)
    one.contacts.update(email="shared@reader.example")
    other.contacts.update(email="shared@reader.example")
    make.running_campaign([*make.certificates(2, one), *make.certificates(2, other)])
    assert len(escalate(NOW)) == 2
    carried = Notice.objects.exclude(carried_by=None).get()
    rows = rows_of(carried.affected_subscriber)
    make.excluded(rows[0], now=NOW + MINUTE)
    assert send(NOW + 2 * MINUTE) == 1
    [mail] = sink.received
    assert serials(mail.get_body(("plain",)).get_content(), rows) == [False, True]
    assert list(Notice.objects.values_list("state", flat=True)) == ["sent", "sent"]
    assert send(NOW + HOUR) == 0


def test_a_list_of_which_nothing_is_left_is_withdrawn(sink: Sink):
    _, rows = make.affected(1)
    [notice] = escalate(NOW)
    make.excluded(rows[0], now=NOW + MINUTE)
    assert send(NOW + 2 * MINUTE) == 0
    notice.refresh_from_db()
    assert (notice.state, sink.received) == ("withdrawn", [])
