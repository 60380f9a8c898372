"""By which channels a step goes out, and what follows where one of them fails."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from campaigns.models import AffectedSubscriber
from campaigns.plan import StepPlan
from campaigns.services import acknowledge
from notices.models import Notice
from notices.services import write_next
from subscribers.models import Contact
from subscribers.services import mark_contact_bounced
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW
from tests.notices.flow import escalate

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAIL_SMS = ("mail", "sms")


@pytest.fixture(autouse=True)
def _with_telephones(settings: Settings) -> None:
    settings.SMS_URLS = ["json://127.0.0.1/{number}"]
    settings.VOICE_URLS = []


def affected(*steps: StepPlan, contacts: int = 2, **fields: Any) -> AffectedSubscriber:
    row, _ = make.affected(contacts=contacts, steps=steps)
    row.subscriber.contacts.update(takes_sms=True, takes_voice=True, **fields)
    return row


def said(notices: list[Notice]) -> list[tuple[int, str]]:
    return [(each.contact.rank, each.channel) for each in notices]


def test_a_contact_is_told_by_the_first_channel_of_the_step_that_it_has():
    affected(StepPlan(0, "primary", channels=MAIL_SMS), email="")
    [notice] = escalate(NOW)
    assert (notice.channel, notice.address) == ("sms", notice.contact.phone)
    assert notice.body_text.count("/respond/") == 1
    assert len(notice.body_text) <= 300
    assert notice.body_html == ""


def test_a_channel_that_is_not_set_up_is_passed_over():
    affected(StepPlan(0, "primary", channels=("voice", "sms", "mail")))
    assert said(escalate(NOW)) == [(0, "sms")]


def test_a_step_by_a_channel_that_nobody_has_set_up_is_skipped_and_people_are_told():
    row = affected(StepPlan(0, "primary", channels=("voice",)))
    assert escalate(NOW) == []
    reason = "No contact can be reached by voice: no such channel is set up."
    assert_event("affectedsubscriber.step_skipped", row, step=0, reason=reason)
    assert_event("affectedsubscriber.unreachable", row)


def test_a_step_on_every_channel_goes_out_by_all_that_the_contact_has():
    row = affected(StepPlan(0, "all", channels=("mail", "sms", "chat"), on_every_channel=True))
    row.subscriber.contacts.filter(rank=1).update(takes_sms=False)
    assert sorted(said(escalate(NOW))) == [(0, "mail"), (0, "sms"), (1, "mail")]


def test_a_channel_that_fails_is_followed_by_the_same_contacts_next_one_and_then_by_the_next_contact():
    affected(StepPlan(0, "primary", channels=MAIL_SMS))
    by_mail = escalate(NOW)
    by_sms = write_next(by_mail, cause="The message expired.", now=NOW)
    assert said(by_sms) == [(0, "sms")]
    following = write_next(by_sms, cause="The provider did not take the message.", now=NOW)
    assert said(following) == [(1, "mail")]
    assert_event("notice.written", by_sms[0], channel="sms", cause="The message expired.")


def test_when_mail_bounces_the_next_contact_hears_of_it_as_well_as_the_telephone():
    row = affected(StepPlan(0, "primary", channels=MAIL_SMS))
    bounced = escalate(NOW)
    mark_contact_bounced(row.subscriber.contacts.get(rank=0), note="gone", actor="system", now=NOW)
    following = write_next(bounced, cause="It bounced.", because="bounced", now=NOW)
    assert said(following) == [(0, "sms"), (1, "mail")]
    assert "came back" in following[1].body_text


def test_an_automatic_reply_brings_in_the_next_contact_and_not_the_absent_ones_telephone():
    affected(StepPlan(0, "primary", channels=MAIL_SMS))
    following = write_next(escalate(NOW), cause="Away.", because="away", same_contact=False, now=NOW)
    assert said(following) == [(1, "mail")]
    assert "automatic reply" in following[0].body_text


def test_the_same_failure_told_twice_brings_in_nobody_twice():
    affected(StepPlan(0, "primary", channels=("mail",)), contacts=2)
    failed = escalate(NOW)
    assert said(write_next(failed, cause="It bounced.", now=NOW)) == [(1, "mail")]
    assert write_next(failed, cause="It bounced.", now=NOW) == []


def test_who_has_left_is_not_tried_by_telephone_either():
    row = affected(StepPlan(0, "primary", channels=MAIL_SMS))
    failed = escalate(NOW)
    row.subscriber.contacts.filter(rank=0).update(left_at=NOW)
    assert said(write_next(failed, cause="It bounced.", now=NOW)) == [(1, "mail")]


def test_when_nobody_is_left_by_any_channel_the_subscriber_is_unreachable():
    row = affected(StepPlan(0, "primary", channels=("mail",)), contacts=1)
    failed = escalate(NOW)
    mark_contact_bounced(row.subscriber.contacts.get(), note="gone", actor="system", now=NOW)
    assert write_next(failed, cause="It bounced.", now=NOW) == []
    row.refresh_from_db()
    assert row.unreachable_since == NOW


def test_a_manager_whose_mail_bounces_makes_no_subscriber_unreachable():
    row = affected(StepPlan(0, "primary"), StepPlan(0.5, "account_manager", "account_manager"), contacts=1)
    manager = make.contact(row.subscriber, role=Contact.Role.ACCOUNT_MANAGER, email="manager@ca.example")
    escalate(NOW)
    [notice] = escalate(NOW + 2.5 * DAY)
    assert notice.contact == manager
    mark_contact_bounced(manager, note="gone", actor="system", now=NOW)
    assert write_next([notice], cause="It bounced.", now=NOW + 2.5 * DAY) == []
    row.refresh_from_db()
    assert row.unreachable_since is None


def test_an_account_manager_is_not_called_in_for_a_subscriber_who_has_acknowledged():
    row = affected(StepPlan(0, "primary"), StepPlan(0.5, "account_manager", "account_manager"))
    make.contact(row.subscriber, role=Contact.Role.ACCOUNT_MANAGER, email="manager@ca.example")
    escalate(NOW)
    acknowledge(row, contact=row.subscriber.contacts.get(role="primary"), actor="contact:1", now=NOW)
    assert escalate(NOW + 2.5 * DAY) == []
    [event] = events("affectedsubscriber.step_skipped", row)
    assert event.facts["reason"] == "The subscriber has acknowledged, so its account manager is not called in."


def test_backups_who_hear_of_it_because_others_are_silent_read_that():
    affected(StepPlan(0, "primary"), StepPlan(0.2, "next_backup"), contacts=3)
    escalate(NOW)
    [notice] = escalate(NOW + DAY)
    assert said([notice]) == [(1, "mail")]
    assert "none of your other contacts has answered" in " ".join(notice.body_text.split())


def test_a_step_that_may_be_caught_up_goes_out_beside_the_later_one_and_to_nobody_twice():
    row = affected(
        StepPlan(0, "primary"),
        StepPlan(0.2, "backups", lapses_after=3 * DAY),
        StepPlan(0.4, "primary"),
    )
    escalate(NOW)
    written = escalate(NOW + 2 * DAY + HOUR)
    assert sorted((each.step.order, each.contact.rank) for each in written if each.step) == [(1, 1), (2, 0)]
    assert events("affectedsubscriber.step_skipped", row) == []


def test_a_step_that_has_lapsed_does_not_go_out_and_the_reason_is_kept():
    row = affected(StepPlan(0, "primary"), StepPlan(0.2, "backups", lapses_after=2 * HOUR), StepPlan(0.8, "all"))
    escalate(NOW)
    assert escalate(NOW + DAY + 2 * HOUR + timedelta(seconds=1)) == []
    reason = "It was due more than 2 h ago, and lapses then."
    assert_event("affectedsubscriber.step_skipped", row, step=1, reason=reason)
    row.refresh_from_db()
    assert (row.next_step, row.due_at) == (2, NOW + 4 * DAY)
