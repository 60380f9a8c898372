"""The call list: who is on it, in which order, and what the pages at the telephone do."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import acknowledge, halt_campaign, mark_unreachable
from notices.models import Call, CallTurn, Notice
from notices.services import Agreed, record_call, take_turn
from reports.calls import CallList, call_list, to_ring
from subscribers.models import Contact, Subscriber, SubscriberClass
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LATER = NOW + 21 * HOUR
"""Wednesday, 05:30 UTC: more than a sixth of five days is over."""
CLEO, OTTO = "staff:cleo", "staff:otto"


def running(*names: str, **fields: str) -> tuple[Campaign, list[AffectedSubscriber]]:
    campaign = make.running_campaign([make.certificate(make.subscriber(name, **fields)) for name in names])
    return campaign, list(campaign.affected_subscribers.select_related("campaign", "subscriber").order_by("pk"))


def listed(now: object) -> list[str]:
    return [entry.affected.subscriber.name for entry in found(now).entries]


def found(now: object) -> CallList:
    return call_list(to_ring(now), page=0, now=now)  # type: ignore[arg-type]


def test_the_silent_are_rung_after_a_sixth_of_the_window_and_the_unreachable_at_once():
    _, [_, lost] = running("Silent", "Lost")
    assert listed(NOW) == []
    mark_unreachable(lost, actor="system", now=NOW)
    assert listed(NOW) == ["Lost"]
    assert listed(NOW + 20 * HOUR - timedelta(seconds=1)) == ["Lost"]
    assert listed(NOW + 20 * HOUR) == ["Lost", "Silent"]


def test_whoever_has_answered_or_has_nothing_left_is_not_rung():
    campaign, [told, done, _] = running("Told", "Done", "Silent")
    acknowledge(told, contact=None, actor="contact:1", now=NOW)
    done.certificates.update(published_at=NOW)
    assert listed(LATER) == ["Silent"]
    halt_campaign(campaign, reason="a doubt", actor="system", now=LATER)
    assert listed(LATER) == []


def test_the_order_is_time_left_then_nobody_reached_then_class_then_certificates():
    kinds = {"Plain": "standard", "Town": "government", "Lost": "standard", "Large": "standard", "Soon": "standard"}
    rows = [make.subscriber(name, subscriber_class=SubscriberClass(kind)) for name, kind in kinds.items()]
    campaign = make.running_campaign([*map(make.certificate, rows), make.certificate(rows[3])])
    of = {row.subscriber.name: row for row in campaign.affected_subscribers.select_related("campaign", "subscriber")}
    mark_unreachable(of["Lost"], actor="system", now=NOW)
    of["Soon"].certificates.update(publish_by=NOW + 40 * HOUR)
    assert listed(LATER + 3 * HOUR) == ["Soon", "Lost", "Town", "Large", "Plain"]


def test_everybody_is_rung_once_before_anybody_is_rung_again_in_vain():
    _, [town, _] = running("Town", "Plain")
    Subscriber.objects.filter(name="Town").update(subscriber_class=SubscriberClass.GOVERNMENT)
    assert listed(LATER) == ["Town", "Plain"]
    record_call(town, contact=town.subscriber.contacts.first(), outcome="no_answer", actor="staff:cleo", now=LATER)
    assert listed(LATER) == ["Plain"]
    assert listed(LATER + 6 * HOUR) == ["Plain", "Town"]


def test_those_at_work_come_before_those_asleep_until_the_last_hours():
    _, rows = running("Zurich", "Shanghai")
    for row, zone in zip(rows, ("Europe/Zurich", "Asia/Shanghai"), strict=True):
        row.subscriber.time_zone = zone
        row.subscriber.save()
    assert listed(LATER) == ["Shanghai", "Zurich"]
    [first, second] = found(LATER).entries
    assert (first.is_open, first.case.local_time, second.is_open, second.case.local_time) == (
        True,
        "13:30",
        False,
        "06:30",
    )
    rows[0].certificates.update(publish_by=LATER + HOUR)
    assert listed(LATER) == ["Zurich", "Shanghai"]


def test_a_subscriber_is_left_alone_until_the_next_attempt():
    _, [row] = running("Silent")
    call = record_call(row, contact=row.subscriber.contacts.get(rank=0), outcome="no_answer", actor=CLEO, now=LATER)
    assert call.next_at is not None
    assert listed(call.next_at - timedelta(seconds=1)) == []
    [entry] = found(call.next_at).entries
    assert entry.case.number == row.subscriber.contacts.get(rank=1).phone
    assert entry.case.tried == "call ×1: no answer"


def test_a_promise_is_looked_at_when_it_is_due_and_a_refusal_never():
    _, [promises, refuses] = running("Promises", "Refuses")
    agreed = Agreed(promised_for=LATER + 5 * HOUR)
    record_call(promises, contact=None, outcome="promised", agreed=agreed, actor=CLEO, now=LATER)
    record_call(refuses, contact=None, outcome="refuses", actor=CLEO, now=LATER)
    assert listed(LATER + 4 * HOUR) == []
    assert listed(LATER + 5 * HOUR) == ["Promises"]


def test_a_wrong_number_is_not_offered_again_and_then_nobody_is_left_to_ring(
    sign_in: SignIn, frozen_clock: FrozenClock
):
    _, [row] = running("Silent")
    first, second = row.subscriber.contacts.order_by("rank")
    frozen_clock.now = LATER
    for contact, offered in ((first, second.phone), (second, "")):
        record_call(row, contact=contact, outcome="wrong_number", actor=CLEO, now=LATER)
        assert [entry.case.number for entry in found(LATER).entries] == [offered]
    page = sign_in("carl", role="caller").get("/calls/").content.decode()
    assert "nobody left to ring" in page
    assert "Find a number" in page
    Contact.objects.filter(pk=first.pk).update(phone="+41 44 999 00 11")
    assert [entry.case.number for entry in found(LATER).entries] == ["+41 44 999 00 11"]


def test_those_without_a_number_to_ring_come_last_however_urgent_they_are():
    _, [lost, left, wrong, free] = running("Lost", "Left", "Wrong", "Free")
    mark_unreachable(lost, actor="system", now=NOW)
    lost.subscriber.contacts.update(phone="")
    make.contact(lost.subscriber, rank=7, role=Contact.Role.ACCOUNT_MANAGER)
    left.subscriber.contacts.update(left_at=NOW)
    shared = free.subscriber.contacts.get(rank=0)
    wrong.subscriber.contacts.update(phone=shared.phone)
    record_call(
        wrong, contact=wrong.subscriber.contacts.get(rank=0), outcome="wrong_number", actor=CLEO, now=LATER - HOUR
    )
    assert listed(LATER) == ["Free", "Lost", "Left", "Wrong"]
    assert [entry.case.contact for entry in found(LATER).entries] == [shared, None, None, None]


def test_contacts_who_left_and_the_account_manager_are_not_the_subscriber():
    _, [row] = running("Silent")
    Contact.objects.update(left_at=NOW)
    make.contact(row.subscriber, rank=7, role=Contact.Role.ACCOUNT_MANAGER)
    assert [entry.case.contact for entry in found(LATER).entries] == [None]


def test_what_another_caller_does_is_seen_and_cannot_be_done_twice(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent")
    frozen_clock.now = LATER
    cleo, otto = sign_in("cleo", role="caller"), sign_in("otto", role="caller")
    turn = reverse("admin:notices_call_turn", args=[row.pk]) + "?from=calls"
    call = reverse("admin:notices_call_call", args=[row.pk]) + "?from=calls"
    assert cleo.post(turn)["Location"] == call
    assert "cleo is ringing" in otto.get("/calls/").content.decode()
    refused = otto.post(turn)
    assert refused.status_code == 409
    assert "cleo has been ringing Silent since 05:30 UTC" in refused.content.decode()
    assert "cleo is ringing them" in otto.get(call).content.decode()
    assert "Go on" in cleo.get("/calls/").content.decode()
    done = cleo.post(call, {"outcome": "reached", "contact": row.subscriber.contacts.get(rank=0).pk})
    assert (done.status_code, done["Location"]) == (302, "/calls/")
    assert not CallTurn.objects.filter(until__gt=LATER).exists()
    assert "Nobody is left to ring" in otto.get("/calls/").content.decode()


def test_moments_are_read_by_the_clock_on_their_wall(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent", time_zone="Asia/Shanghai")
    frozen_clock.now = LATER
    carl, url = sign_in("carl", role="caller"), reverse("admin:notices_call_call", args=[row.pk])
    page = carl.get(url).content.decode()
    assert 'value="2024-03-20T18:00"' in page
    assert "13:30" in page
    said = {"outcome": "promised", "promised_for": "2024-03-21T09:00", "next_at": "2024-03-20T17:15"}
    assert carl.post(url, said).status_code == 302
    kept = Call.objects.get()
    assert f"{kept.promised_for:%d %H:%M} {kept.next_at:%d %H:%M}" == "21 01:00 20 09:15"


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ({}, 400, "Choose what came of it"),
        ({"outcome": "shouted"}, 400, "shouted is not one of"),
        ({"outcome": "promised", "promised_for": ""}, 409, "Say by when"),
        ({"outcome": "promised", "promised_for": "2024-03-01T09:00"}, 409, "has passed"),
        ({"outcome": "promised", "promised_for": "soon"}, 400, "Enter a valid date/time"),
        ({"outcome": "reached", "contact": "0"}, 400, "Select a valid choice"),
        ({"outcome": "reached", "note": "x" * 1001}, 400, "at most 1000"),
    ],
)
def test_bad_input_is_explained_and_nothing_is_written(
    sign_in: SignIn, frozen_clock: FrozenClock, said: dict[str, str], status: int, why: str
):
    _, [row] = running("Silent")
    frozen_clock.now = LATER
    answer = sign_in("carl", role="caller").post(reverse("admin:notices_call_call", args=[row.pk]), said)
    assert (answer.status_code, why in answer.content.decode()) == (status, True)
    assert not Call.objects.exists()


def test_a_field_that_is_filled_in_beforehand_is_no_promise(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent")
    frozen_clock.now = LATER
    said = {"outcome": "no_answer", "promised_for": "2024-03-20T18:00"}
    assert (
        sign_in("carl", role="caller").post(reverse("admin:notices_call_call", args=[row.pk]), said).status_code == 302
    )
    assert Call.objects.get().promised_for is None


def test_what_to_say_is_in_the_contacts_language(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent", language="zh-CN", time_zone="Asia/Shanghai")
    row.subscriber.contacts.filter(rank=1).update(language="en")
    frozen_clock.now = LATER
    page = sign_in("carl", role="caller").get(reverse("admin:notices_call_call", args=[row.pk])).content.decode()
    assert "贵方有 1 张证书将于 2024年3月24日" in page
    assert "1 of your certificates will be revoked on Sunday 24 March 2024, 16:30 (Asia/Shanghai" in page
    assert "These certificates were issued with a fault of ours." in page


def test_only_those_who_have_a_notice_are_said_to_have_been_written_to(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent")
    first, second = row.subscriber.contacts.order_by("rank")
    step = row.campaign.steps.first()
    ours = make.contact(row.subscriber, rank=7, role=Contact.Role.ACCOUNT_MANAGER)
    frozen_clock.now = LATER
    client, url = sign_in("carl", role="caller"), reverse("admin:notices_call_call", args=[row.pk])
    assert "Our mail does not reach you" in client.get(url).content.decode()
    for contact, state in ((first, Notice.State.SENT), (second, Notice.State.BOUNCED), (ours, Notice.State.SENT)):
        Notice.objects.create(
            affected_subscriber=row, contact=contact, step=step, state=state, written_at=NOW, sent_at=NOW,
            address=contact.email, message_id=f"<{contact.pk}@ca.example>",
        )  # fmt: skip
    assert f"We have written to {first.email}; the message" in client.get(url).content.decode()


def test_in_a_drill_the_numbers_end_in_dots_and_cannot_be_dialled(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent")
    Campaign.objects.update(kind=Campaign.Kind.DRILL)
    number = row.subscriber.contacts.get(rank=0).phone
    frozen_clock.now = LATER
    carl = sign_in("carl", role="caller")
    of_them = reverse("reports:subscriber", args=[row.campaign.public_id, row.public_id])
    for url in ("/calls/", "/at-risk/", of_them, reverse("admin:notices_call_call", args=[row.pk])):
        page = carl.get(url).content.decode()
        assert number not in page
        assert "+41 44 ••• ••••" in page
        assert "tel:" not in page


def test_the_list_costs_the_same_number_of_queries_however_long_it_is():
    running("One")
    with CaptureQueriesContext(connection) as few:
        found(LATER)
    running(*(f"S{number}" for number in range(60)))
    with CaptureQueriesContext(connection) as many:
        page = found(LATER)
    assert (page.total, len(page.entries), page.has_more) == (61, 50, True)
    assert len(many) <= len(few)
    assert len(call_list(to_ring(LATER), page=1, now=LATER).entries) == 11


def test_an_odd_page_is_an_empty_one(sign_in: SignIn, frozen_clock: FrozenClock):
    client: Client = sign_in("carl", role="caller")
    for page in ("9" * 30, "-1", "x", "7"):
        assert client.get("/calls/", {"page": page, "class": "x\x00"}).status_code == 200


def test_a_turn_is_offered_only_to_callers(sign_in: SignIn, frozen_clock: FrozenClock):
    running("Silent")
    frozen_clock.now = LATER
    page = sign_in("rita", role="auditor").get("/calls/").content.decode()
    assert "Silent" in page
    assert "admin:notices_call_turn" not in page
    assert '<button class="c-button main" aria-label="Ring' not in page
    assert sign_in("nora").get("/calls/").status_code == 403


def test_looking_takes_no_turn(sign_in: SignIn, frozen_clock: FrozenClock):
    _, [row] = running("Silent")
    client = sign_in("carl", role="caller")
    for url in ("/calls/", *(reverse(f"admin:notices_call_{act}", args=[row.pk]) for act in ("turn", "call"))):
        assert client.get(url).status_code == 200
    assert not CallTurn.objects.exists()
    take_turn(row.subscriber, actor=OTTO, now=NOW)
    client.post(reverse("admin:notices_call_give_back", args=[row.pk]))
    assert CallTurn.objects.get().until > NOW
