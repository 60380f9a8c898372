"""Who looks after several subscribers gets one mail about all of them, and each of them is on record as told."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import links
from campaigns.models import AffectedCertificate, AffectedSubscriber
from campaigns.services import acknowledge, confirm_replacement
from core.due import claim
from notices import rendering
from notices.models import Notice
from notices.services import merging, retry_refused, withdraw_notices, write_next, write_notices
from notices.services.rewording import release, write_anew
from subscribers.models import Contact, Subscriber
from subscribers.services import mark_contact_bounced
from tests import make
from tests.asserts import events
from tests.conftest import NOW
from tests.notices.flow import escalate, send
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHARED = "certificates@reseller.example"


def accounts(number: int, *, address: str = SHARED, **fields: str) -> list[Subscriber]:
    """Subscribers whose primary contact is one and the same reseller, each with a backup of its own."""
    found = []
    for _ in range(number):
        holder = make.subscriber(contacts=0)
        make.contact(holder, email=address, **fields)
        make.contact(holder, rank=1)
        found.append(holder)
    return found


def launch(holders: Sequence[Subscriber], **draft: object) -> list[AffectedSubscriber]:
    campaign = make.running_campaign([each for holder in holders for each in make.certificates(2, holder)], **draft)
    return list(campaign.affected_subscribers.order_by("pk"))


def carriers(notices: Sequence[Notice]) -> list[Notice]:
    return [each for each in notices if each.carried_by is None]


def test_three_accounts_of_one_address_get_one_mail_that_lists_all_of_their_certificates():
    rows = launch(accounts(3))
    written = escalate(NOW)
    [carrier] = carriers(written)
    assert {each.affected_subscriber for each in written} == set(rows)
    assert [each.carried_by for each in written if each != carrier] == [carrier, carrier]
    for certificate in AffectedCertificate.objects.select_related("certificate"):
        assert certificate.certificate.serial_number in carrier.body_text
    for notice in written:
        assert links.respond_url(notice.affected_subscriber, notice.contact) in carrier.body_text
        assert notice.affected_subscriber.subscriber.name in carrier.body_text
    assert "6 certificates" in carrier.subject


def test_only_the_carrier_is_ever_due_and_only_it_keeps_the_words():
    launch(accounts(2))
    [carrier] = carriers(escalate(NOW))
    [carried] = Notice.objects.exclude(pk=carrier.pk)
    assert (carrier.due_at, carried.due_at) == (NOW, None)
    assert (carried.body_text, carried.body_html, carried.subject) == ("", "", carrier.subject)
    assert carried.carrier == carrier
    assert carried.message_id != carrier.message_id
    assert list(Notice.objects.sendable()) == [carrier]


def test_the_journal_has_one_notice_for_each_account_with_the_digest_of_the_words_that_went_out():
    launch(accounts(2))
    [carrier] = carriers(escalate(NOW))
    said = [each.facts for each in events("notice.written")]
    assert len({each["words_sha256"] for each in said}) == 1
    assert [each.get("carried_by") for each in said] == [None, carrier.pk]


def test_siblings_that_another_batch_would_have_taken_are_written_along():
    rows = launch(accounts(3))
    [first] = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=1)
    written = write_notices([first], now=NOW)
    assert len(written) == 3
    assert len(carriers(written)) == 1
    assert set(AffectedSubscriber.objects.values_list("next_step", "due_at")) == {(1, NOW + DAY)}
    assert {each.pk for each in rows} == {each.affected_subscriber_id for each in written}


def test_a_sibling_that_another_worker_holds_is_told_by_it_in_a_mail_of_its_own():
    launch(accounts(2))
    [slow] = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=1)
    [quick] = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=1)
    assert [len(carriers(write_notices([each], now=NOW))) for each in (quick, slow)] == [1, 1]


def test_a_claim_lost_while_the_words_were_made_takes_its_account_out_of_them():
    launch(accounts(2))
    rows = claim(AffectedSubscriber.objects.to_escalate(), now=NOW, limit=10)
    AffectedSubscriber.objects.filter(pk=rows[0].pk).update(attempts=9)
    [notice] = write_notices(rows, now=NOW)
    assert notice.affected_subscriber_id == rows[1].pk
    assert rows[0].subscriber.name not in notice.body_text
    assert "2 certificates" in notice.subject


def test_different_languages_do_not_share_a_mail():
    launch([*accounts(2), *accounts(2, language="zh-CN")])
    assert sorted(each.language for each in carriers(escalate(NOW))) == ["en", "zh-hans"]


def test_another_campaign_is_another_mail():
    for _ in range(2):
        launch(accounts(2))
    assert len(carriers(escalate(NOW))) == 2


def test_an_address_of_very_many_accounts_gets_several_mails_and_none_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merging, "MOST_ACCOUNTS", 4)
    rows = launch(accounts(10))
    written = escalate(NOW)
    assert len(carriers(written)) == 3
    texts = "".join(each.body_text for each in carriers(written))
    assert all(links.respond_url(each, each.subscriber.contacts.get(rank=0)) in texts for each in rows)


def test_an_account_that_cannot_be_put_into_words_holds_up_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    first, *others = launch(accounts(3))
    real = rendering.render

    def fails_for_the_first(template: str, facts: rendering.Facts) -> rendering.Letter:
        if any(each.reference == first.subscriber.reference for each in facts.accounts):
            raise ValueError("A fact that no template can tell.")
        return real(template, facts)

    monkeypatch.setattr(rendering, "render", fails_for_the_first)
    written = escalate(NOW)
    assert {each.affected_subscriber for each in written} == set(others)
    assert len(carriers(written)) == 1
    monkeypatch.undo()
    assert [each.affected_subscriber for each in escalate(NOW + HOUR)] == [first]


def test_when_the_mail_bounces_every_account_has_its_own_next_contact_told():
    launch(accounts(3))
    [carrier] = carriers(escalate(NOW))
    for contact in Contact.objects.filter(email=SHARED):
        mark_contact_bounced(contact, note="gone", actor="system", now=NOW)
    following = write_next([carrier], cause="It bounced.", because="bounced", now=NOW)
    assert sorted(each.contact.rank for each in following) == [1, 1, 1]
    assert len({each.address for each in following}) == 3
    assert all(each.carried_by is None for each in following)


def test_the_next_contacts_who_share_an_address_get_one_mail_too():
    holders = accounts(2)
    Contact.objects.filter(subscriber__in=holders, rank=1).update(email="second@reseller.example")
    launch(holders)
    [carrier] = carriers(escalate(NOW))
    assert len(carriers(write_next([carrier], cause="Away.", same_contact=False, now=NOW))) == 1


def test_an_account_manager_is_asked_in_one_mail_to_ring_all_silent_subscribers():
    holders = [make.subscriber(contacts=1) for _ in range(3)]
    for holder in holders:
        make.contact(holder, role=Contact.Role.ACCOUNT_MANAGER, email="manager@ca.example", phone="")
    first, second, answered = launch(holders)
    for hours in (0, 24, 48):
        escalate(NOW + hours * HOUR)
    acknowledge(answered, contact=answered.subscriber.contacts.get(rank=0, role="primary"), actor="c", now=NOW)
    written = escalate(NOW + 60 * HOUR)
    assert {each.affected_subscriber for each in written} == {first, second}
    [carrier] = carriers(written)
    assert carrier.address == "manager@ca.example"
    assert first.subscriber.contacts.get(role="primary").phone in carrier.body_text
    assert f"/campaigns/{second.campaign.public_id}/subscribers/{second.public_id}/" in carrier.body_text
    assert "/respond/" not in carrier.body_text


def test_what_a_withdrawn_mail_would_have_carried_goes_out_in_words_of_its_own():
    first, second, third = launch(accounts(3))
    [carrier] = carriers(escalate(NOW))
    confirm_replacement(first, certificates=_keys(first), actor="contact:1", now=NOW)
    confirm_replacement(third, certificates=_keys(third), actor="contact:1", now=NOW)
    [released] = release([carrier], now=NOW + HOUR)
    assert released.affected_subscriber == second
    assert (released.carried_by, released.due_at) == (None, NOW + HOUR)
    assert first.subscriber.name not in released.body_text
    assert links.respond_url(second, released.contact) in released.body_text
    assert list(carrier.carries.all()) == list(Notice.objects.filter(affected_subscriber=third))
    assert [each.facts["contact"] for each in events("notice.written_anew")] == [released.contact_id]


def test_a_queued_mail_is_put_into_words_anew_without_what_is_settled_meanwhile():
    _, second = launch(accounts(2))
    [carrier] = carriers(escalate(NOW))
    gone = AffectedCertificate.objects.filter(affected_subscriber=second).first()
    assert gone is not None
    confirm_replacement(second, certificates=[gone.pk], actor="contact:1", now=NOW)
    write_anew([carrier], now=NOW)
    fresh = Notice.objects.get(pk=carrier.pk)
    assert gone.certificate.serial_number not in fresh.body_text
    assert "3 certificates" in fresh.subject
    assert Notice.objects.get(affected_subscriber=second).carried_by == fresh


def test_who_still_has_to_be_told_is_told_when_the_carrier_is_answered_before_it_went_out(sink: Sink):
    first, second = launch(accounts(2))
    [carrier] = carriers(escalate(NOW))
    confirm_replacement(first, certificates=_keys(first), actor="contact:1", now=NOW)
    assert send(NOW) == 0
    assert send(NOW) == 1
    states = dict(Notice.objects.values_list("affected_subscriber", "state"))
    assert states == {first.pk: "withdrawn", second.pk: "sent"}
    [mail] = sink.received
    assert first.subscriber.name not in mail.as_string()
    assert carrier.affected_subscriber == first


def test_a_carrier_that_somebody_withdraws_takes_nobody_with_it(sink: Sink):
    first, second, third = launch(accounts(3))
    escalate(NOW)
    withdraw_notices([Notice.objects.get(affected_subscriber=first)], reason="x", actor=make.OPERATOR, now=NOW)
    assert send(NOW) == 1
    states = dict(Notice.objects.values_list("affected_subscriber", "state"))
    assert states == {first.pk: "withdrawn", second.pk: "sent", third.pk: "sent"}


def test_one_mail_goes_out_and_all_whom_it_is_about_count_as_written_to(sink: Sink):
    launch(accounts(3))
    escalate(NOW)
    assert send(NOW) == 1
    assert len(sink.received) == 1
    assert list(Notice.objects.values_list("state", flat=True)) == ["sent"] * 3


def test_refused_notices_that_are_tried_again_have_words_and_are_one_mail_again(sink: Sink):
    launch(accounts(3))
    written = escalate(NOW)
    Notice.objects.update(state="refused", due_at=None)
    retry_refused(list(Notice.objects.filter(pk__in=[each.pk for each in written])), actor=make.OPERATOR, now=NOW)
    assert send(NOW) == 1
    assert "6 certificates" in str(sink.received[0]["Subject"])


def test_sharing_an_address_takes_no_more_queries_than_having_one():
    def queries(holders: Sequence[Subscriber]) -> int:
        launch(holders)
        with CaptureQueriesContext(connection) as captured:
            assert len(escalate(NOW)) == len(holders)
        return len(captured)

    few = queries(accounts(4, address="few@reseller.example"))
    assert queries(accounts(40, address="many@reseller.example")) <= few


def _keys(row: AffectedSubscriber) -> list[int]:
    return list(row.certificates.values_list("pk", flat=True))
