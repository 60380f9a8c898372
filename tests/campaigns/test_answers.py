"""What subscribers say stops what it should, and nothing else; and it counts once."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.services import (
    acknowledge,
    complete_campaign,
    confirm_replacement,
    mark_published,
    mark_reached,
    mark_unreachable,
    name_contact,
    request_revocation,
)
from core.errors import Malformed, Refused
from tests import make
from tests.asserts import assert_event, assert_no_event, events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
DEADLINE = NOW + 5 * DAY


@pytest.fixture
def three():
    return make.affected(3)


def keys(rows):
    return [row.pk for row in rows]


def confirm(affected, rows, now=NOW):
    return confirm_replacement(affected, certificates=keys(rows), actor="contact:1", now=now)


def ask(affected, rows, at=None, reason="unspecified", now=NOW):
    return request_revocation(affected, certificates=keys(rows), at=at, reason=reason, actor="contact:1", now=now)


# Acknowledgement


def test_an_acknowledgement_is_a_date_and_stops_no_notice_while_something_is_outstanding(three):
    affected, _ = three
    contact = affected.subscriber.contacts.first()
    acknowledge(affected, contact=contact, actor="contact:1", now=NOW + HOUR)
    assert (affected.acknowledged_at, affected.acknowledged_by) == (NOW + HOUR, contact)
    assert affected.due_at == NOW
    assert_event("affectedsubscriber.acknowledged", affected, actor="contact:1", contact=contact.pk)


def test_an_acknowledgement_postpones_nothing(three):
    affected, _ = three
    before = list(AffectedCertificate.objects.order_by("pk").values())
    acknowledge(affected, contact=None, actor="contact:1", now=NOW)
    assert list(AffectedCertificate.objects.order_by("pk").values()) == before


def test_acknowledging_twice_records_one_acknowledgement(three):
    affected, _ = three
    other = AffectedSubscriber.objects.select_related("campaign").get(pk=affected.pk)
    acknowledge(affected, contact=None, actor="contact:1", now=NOW)
    acknowledge(other, contact=None, actor="contact:2", now=NOW + HOUR)
    assert other.acknowledged_at == NOW
    assert len(events("affectedsubscriber.acknowledged")) == 1


def test_whoever_acknowledges_has_been_reached(three):
    affected, _ = three
    mark_unreachable(affected, actor="system", now=NOW)
    acknowledge(affected, contact=None, actor="contact:1", now=NOW)
    assert affected.unreachable_since is None
    assert_event("affectedsubscriber.reached", affected)


def test_nobody_answers_before_the_launch_or_after_the_end():
    make.campaign()
    affected = AffectedSubscriber.objects.select_related("campaign").get()
    with pytest.raises(Refused, match="not been launched"):
        acknowledge(affected, contact=None, actor="contact:1", now=NOW)
    affected, rows = make.affected()
    mark_published(rows, at=NOW, now=NOW)
    complete_campaign(affected.campaign, actor="system", now=NOW)
    for answer in (
        lambda: acknowledge(affected, contact=None, actor="contact:1", now=NOW),
        lambda: confirm(affected, rows),
        lambda: ask(affected, rows),
    ):
        with pytest.raises(Refused, match="ended"):
            answer()


# Confirmation


def test_a_confirmation_is_a_claim_that_is_to_be_verified_at_once(three):
    affected, rows = three
    assert confirm(affected, rows[:1]) == rows[:1]
    row = AffectedCertificate.objects.get(pk=rows[0].pk)
    assert (row.state, row.confirmed_at, row.confirmed_by, row.due_at) == ("confirmed", NOW, "contact:1", NOW)
    assert_event("affectedcertificate.confirmed", row, actor="contact:1", serial_number=row.certificate.serial_number)


def test_some_confirmed_is_not_all_and_notices_go_on(three):
    affected, rows = three
    confirm(affected, rows[:2])
    assert affected.due_at == NOW


def test_when_the_last_is_confirmed_no_further_notice_is_written(three):
    affected, rows = three
    confirm(affected, rows[:2])
    confirm(affected, rows[2:], now=NOW + HOUR)
    assert affected.due_at is None


def test_a_confirmation_moves_no_deadline(three):
    affected, rows = three
    confirm(affected, rows)
    assert set(AffectedCertificate.objects.values_list("publish_by", flat=True)) == {DEADLINE}
    assert AffectedCertificate.objects.remaining(NOW).count() == 3


def test_confirming_twice_records_one_confirmation(three):
    affected, rows = three
    other = AffectedSubscriber.objects.select_related("campaign").get(pk=affected.pk)
    assert confirm(affected, rows[:1])
    assert confirm(other, rows[:1], now=NOW + HOUR) == []
    assert len(events("affectedcertificate.confirmed")) == 1
    assert AffectedCertificate.objects.get(pk=rows[0].pk).confirmed_at == NOW


def test_whoever_confirms_has_read_it(three):
    affected, rows = three
    confirm(affected, rows[:1])
    assert affected.acknowledged_at == NOW
    assert len(events("affectedsubscriber.acknowledged")) == 1


def test_a_certificate_of_another_subscriber_is_refused_and_nothing_is_confirmed(three):
    affected, rows = three
    _, foreign = make.affected()
    with pytest.raises(Refused, match="not in your list"):
        confirm(affected, [*rows, *foreign])
    assert not AffectedCertificate.objects.filter(state="confirmed").exists()


def test_a_confirmation_of_nothing_is_refused(three):
    with pytest.raises(Refused, match="at least one"):
        confirm(three[0], [])


def test_what_is_revoked_already_is_not_confirmed_any_more(three):
    affected, rows = three
    mark_published(rows[:1], at=NOW, now=NOW)
    assert confirm(affected, rows) == rows[1:]


def test_a_halt_does_not_keep_subscribers_from_answering(three):
    affected, rows = three
    make.halt(affected.campaign)
    assert confirm(affected, rows) == rows


# Requests for revocation


def test_a_request_for_now_is_written_with_its_24_hours(three):
    affected, rows = three
    assert ask(affected, rows[:1], reason="superseded") == rows[:1]
    row = AffectedCertificate.objects.get(pk=rows[0].pk)
    assert (row.revocation_requested_at, row.revocation_requested_for) == (NOW, NOW)
    assert (row.requested_reason, row.publish_by) == ("superseded", NOW + DAY)
    assert_event("affectedcertificate.revocation_requested", row, reason="superseded")
    assert {other.publish_by for other in AffectedCertificate.objects.exclude(pk=row.pk)} == {DEADLINE}


def test_a_request_for_later_keeps_the_deadline_where_the_24_hours_would_end_after_it(three):
    affected, rows = three
    ask(affected, rows, at=DEADLINE - HOUR)
    assert set(AffectedCertificate.objects.values_list("revocation_requested_for", "publish_by")) == {
        (DEADLINE - HOUR, DEADLINE)
    }


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (NOW - SECOND, "has passed"),
        (NOW, "has passed"),
        (DEADLINE, "before that"),
        (DEADLINE + SECOND, "before that"),
    ],
)
def test_a_request_for_the_past_or_not_before_the_deadline_is_refused(three, at, why):
    with pytest.raises(Refused, match=why):
        ask(three[0], three[1], at=at)
    assert_no_event("affectedcertificate.revocation_requested")


@pytest.mark.parametrize("at", [NOW + SECOND, DEADLINE - SECOND])
def test_a_request_may_be_for_any_second_in_between(three, at):
    assert len(ask(three[0], three[1], at=at)) == 3


def test_a_second_request_makes_it_earlier_and_never_later(three):
    affected, rows = three
    ask(affected, rows, at=NOW + 2 * DAY)
    assert ask(affected, rows, at=NOW + 2 * DAY + HOUR, now=NOW + HOUR) == []
    assert len(ask(affected, rows, at=NOW + DAY, now=NOW + HOUR)) == 3
    assert set(AffectedCertificate.objects.values_list("revocation_requested_for", flat=True)) == {NOW + DAY}


def test_a_compromised_key_cannot_wait_and_raises_an_earlier_reason(three):
    affected, rows = three
    ask(affected, rows, at=NOW + 2 * DAY, reason="superseded")
    with pytest.raises(Refused, match="cannot wait"):
        ask(affected, rows, at=NOW + HOUR, reason="keyCompromise")
    ask(affected, rows, reason="keyCompromise", now=NOW + HOUR)
    row = AffectedCertificate.objects.all()[0]
    assert (row.requested_reason, row.revocation_requested_for) == ("keyCompromise", NOW + HOUR)
    assert row.publish_by == NOW + HOUR + DAY


def test_a_reason_never_falls_from_key_compromise(three):
    affected, rows = three
    ask(affected, rows, reason="keyCompromise")
    assert ask(affected, rows, reason="superseded", now=NOW + HOUR) == []
    assert set(AffectedCertificate.objects.values_list("requested_reason", flat=True)) == {"keyCompromise"}


@pytest.mark.parametrize("reason", ["privilegeWithdrawn", "certificateHold", "", "KeyCompromise"])
def test_a_reason_that_is_not_the_subscribers_to_give_is_refused(three, reason):
    with pytest.raises(Refused, match="cannot be asked for"):
        ask(three[0], three[1], reason=reason)


def test_a_request_for_all_is_an_answer_and_stops_the_notices(three):
    affected, rows = three
    ask(affected, rows)
    assert affected.due_at is None
    assert affected.acknowledged_at == NOW
    assert AffectedCertificate.objects.remaining(NOW).count() == 3


def test_a_request_sent_twice_is_recorded_once(three):
    affected, rows = three
    ask(affected, rows[:1], at=NOW + DAY)
    ask(affected, rows[:1], at=NOW + DAY, now=NOW + SECOND)
    assert len(events("affectedcertificate.revocation_requested")) == 1


# Contacts


def test_a_colleague_who_is_named_is_a_backup_and_is_told_at_the_next_tick(three):
    affected, _ = three
    AffectedSubscriber.objects.update(due_at=NOW + DAY)
    contact = name_contact(
        affected, name="Cora", email="Cora@bank.example", phone="", actor="contact:1", now=NOW + HOUR
    )
    assert (contact.email, contact.role) == ("cora@bank.example", "backup")
    assert affected.due_at == NOW + HOUR


def test_a_colleague_named_when_all_is_answered_wakes_nobody(three):
    affected, rows = three
    confirm(affected, rows)
    name_contact(affected, name="Cora", email="cora@bank.example", phone="", actor="contact:1", now=NOW)
    assert affected.due_at is None


def test_a_new_contact_makes_an_unreachable_subscriber_reachable():
    affected, _ = make.affected(contacts=0)
    assert AffectedSubscriber.objects.filter(unreachable_since=NOW).exists()
    contact = name_contact(affected, name="Cora", email="cora@bank.example", phone="", actor="staff:olga", now=NOW)
    assert affected.unreachable_since is None
    assert contact.role == "primary"


def test_a_telephone_number_alone_makes_nobody_reachable_by_mail():
    affected, _ = make.affected(contacts=0)
    name_contact(affected, name="Cora", email="", phone="+41 44 000 0000", actor="staff:olga", now=NOW)
    assert affected.unreachable_since == NOW


@pytest.mark.parametrize(("email", "phone"), [("", ""), ("not an address", ""), ("", "call me")])
def test_a_contact_that_cannot_be_told_anything_is_refused(three, email, phone):
    with pytest.raises(Malformed):
        name_contact(three[0], name="Cora", email=email, phone=phone, actor="contact:1", now=NOW)
    assert three[0].subscriber.contacts.count() == 2


def test_a_link_names_ten_people_and_no_more_but_staff_may(three):
    affected, _ = three

    def name(number: int, actor: str) -> None:
        name_contact(affected, name="", email=f"c{number}@bank.example", phone="", actor=actor, now=NOW)

    for number in range(10):
        name(number, "contact:1")
    with pytest.raises(Refused, match="10 people have been named"):
        name(10, "contact:1")
    name(10, "staff:olga")
    assert affected.subscriber.contacts.count() == 2 + 11


def test_unreachable_is_recorded_once_and_stops_no_clock(three):
    affected, _ = three
    mark_unreachable(affected, actor="system", now=NOW)
    mark_unreachable(affected, actor="system", now=NOW + HOUR)
    affected.refresh_from_db()
    assert affected.unreachable_since == NOW
    assert affected.due_at == NOW
    assert len(events("affectedsubscriber.unreachable")) == 1
    mark_reached(affected, actor="system", now=NOW)
    mark_reached(affected, actor="system", now=NOW)
    assert len(events("affectedsubscriber.reached")) == 1
