"""The subscriber answers: reads, confirms, asks for revocation, names a colleague. POST acts, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from audit.models import Event
from campaigns.models import AffectedCertificate
from campaigns.services import complete_campaign, mark_published
from tests.campaigns import visitors
from tests.campaigns.visitors import DEADLINE, keys, link, states
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def _told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def _events(verb: str) -> int:
    return Event.objects.filter(verb__endswith=verb).count()


def test_acknowledging_is_recorded_with_who_did_it(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    response = client.post(link(of, "acknowledge/"))
    assert response.status_code == 302
    assert response.headers["Location"] == link(of)
    of.refresh_from_db()
    contact = of.subscriber.contacts.get()
    assert (of.acknowledged_at, of.acknowledged_by) == (NOW, contact)
    assert Event.objects.filter(verb__endswith="acknowledged").get().actor == f"contact:{contact.pk}"
    assert "We have read this" not in client.get(link(of)).content.decode()


def test_acknowledging_twice_is_recorded_once(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    client.post(link(of, "acknowledge/"))
    frozen_clock.move(HOUR)
    assert client.post(link(of, "acknowledge/")).status_code == 302
    of.refresh_from_db()
    assert of.acknowledged_at == NOW
    assert _events("acknowledged") == 1


def test_the_ticked_certificates_are_confirmed_and_no_others(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(3)
    response = client.post(link(of, "confirm/"), {"certificates": keys(of)[:2]})
    assert "2 certificates are noted as replaced" in _told(response)
    assert states(of) == ["confirmed", "confirmed", "outstanding"]
    assert "1 outstanding, 2 confirmed by you" in client.get(link(of)).content.decode()


def test_all_outstanding_certificates_can_be_confirmed_by_one_button(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.many(600)
    client.post(link(of, "confirm/"), {"which": "all"})
    assert set(states(of)) == {"confirmed"}


def test_ticks_count_for_more_than_the_button_for_all(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    client.post(link(of, "confirm/"), {"which": "all", "certificates": keys(of)[:1]})
    assert states(of) == ["confirmed", "outstanding"]


def test_confirming_twice_is_recorded_once(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    for _ in range(2):
        response = client.post(link(of, "confirm/"), {"certificates": keys(of)})
        assert response.status_code == 302
    assert _events("affectedcertificate.confirmed") == 2


@pytest.mark.parametrize("act", ["confirm/", "request/"])
def test_certificates_of_others_are_refused_and_nothing_changes(
    client: Client, frozen_clock: FrozenClock, act: str
) -> None:
    of, other = visitors.affected(1), visitors.affected(1, reference="S2")
    before = visitors.everything()
    data = {"certificates": keys(of) + keys(other), "when": "now", "reason": "unspecified"}
    response = client.post(link(of, act), data)
    assert "not in your list" in _told(response)
    assert visitors.everything() == before


@pytest.mark.parametrize("chosen", ["x", "-1", "1e3", "9" * 40, "٣", "0"])
@pytest.mark.parametrize("act", ["confirm/", "request/"])
def test_choices_that_no_page_has_offered_are_refused(
    client: Client, frozen_clock: FrozenClock, act: str, chosen: str
) -> None:
    of = visitors.affected(1)
    before = visitors.everything()
    response = client.post(link(of, act), {"certificates": [chosen], "when": "now"})
    assert response.status_code == 302
    assert "Nothing was changed" in _told(response)
    assert visitors.everything() == before


def test_no_choice_is_told_and_changes_nothing(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    before = visitors.everything()
    assert "No certificate was chosen" in _told(client.post(link(of, "confirm/")))
    assert "No certificate was chosen" in _told(client.post(link(of, "request/"), {"when": "now"}))
    assert visitors.everything() == before


def test_choosing_for_revocation_asks_when_and_why_and_changes_nothing(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(3)
    before = visitors.everything()
    response = client.post(link(of, "request/"), {"certificates": keys(of)[:2]})
    page = response.content.decode()
    assert response.status_code == 200
    assert "Revoke 2 certificates early" in page
    assert "cannot be undone" in page
    assert "privilegeWithdrawn" not in page
    assert "superseded (4)" in page
    assert 'value="unspecified" id="id_reason_0" checked' in page
    assert page.count('type="hidden" name="certificates"') == 2
    assert 'min="2024-03-19T16:30" max="2024-03-24T16:30"' in " ".join(sorted(page.split('"datetime-local"')))
    assert visitors.everything() == before


def test_revocation_can_be_asked_for_now(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    data = {"certificates": keys(of)[:1], "when": "now", "at": "rubbish", "reason": "superseded"}
    response = client.post(link(of, "request/"), data)
    assert response.status_code == 302
    assert "We will revoke 1 certificate: now" in _told(response)
    first, second = AffectedCertificate.objects.order_by("pk")
    assert (first.revocation_requested_for, first.requested_reason) == (NOW, "superseded")
    assert second.revocation_requested_at is None
    assert "revocation asked for" in client.get(link(of)).content.decode()


def test_the_time_of_revocation_is_meant_in_the_subscribers_time_zone(
    client: Client, frozen_clock: FrozenClock
) -> None:
    of = visitors.affected(1)
    response = client.post(link(of, "request/"), {"which": "all", "when": "at", "at": "2024-03-23T02:00"})
    assert "Saturday 23 March 2024, 02:00 (Asia/Shanghai), Friday 22 March, 18:00 UTC" in _told(response)
    row = AffectedCertificate.objects.get()
    assert row.revocation_requested_for == visitors.moment("2024-03-22T18:00:00+00:00")
    assert row.requested_reason == "unspecified"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("", "Give the date and time"),
        ("soon", "Write the time as"),
        ("2024-03-19T16:30", "This time has passed"),
        ("2024-03-24T16:30", "This is not before the deadline"),
        ("9999-12-31T23:59", "This is not before the deadline"),
        ("0001-01-01T00:00", "This time has passed"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_the_choice_is_kept(
    client: Client, frozen_clock: FrozenClock, at: str, told: str
) -> None:
    of = visitors.affected(2)
    before = visitors.everything()
    response = client.post(link(of, "request/"), {"certificates": keys(of)[:1], "when": "at", "at": at})
    page = response.content.decode()
    assert response.status_code == 400
    assert told in page
    assert f'name="certificates" value="{keys(of)[0]}"' in page
    assert visitors.everything() == before


@pytest.mark.parametrize("at", ["2024-03-19T16:31", "2024-03-24T16:29"])
def test_the_first_and_the_last_possible_minute_are_taken(client: Client, frozen_clock: FrozenClock, at: str) -> None:
    of = visitors.affected(1)
    assert client.post(link(of, "request/"), {"which": "all", "when": "at", "at": at}).status_code == 302
    assert AffectedCertificate.objects.get().revocation_requested_for is not None


def test_an_hour_that_the_clock_skips_is_refused(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1, time_zone="Asia/Beirut", clock_started_at=NOW)
    frozen_clock.now = NOW
    AffectedCertificate.objects.update(publish_by=visitors.moment("2024-04-02T00:00:00+00:00"))
    response = client.post(link(of, "request/"), {"which": "all", "when": "at", "at": "2024-03-31T00:30"})
    assert response.status_code == 400
    assert "may be ambiguous or it may not exist" in response.content.decode()


@pytest.mark.parametrize("reason", ["privilegeWithdrawn", "certificateHold", "6", "x"])
def test_reasons_that_are_not_the_subscribers_are_refused(
    client: Client, frozen_clock: FrozenClock, reason: str
) -> None:
    of = visitors.affected(1)
    response = client.post(link(of, "request/"), {"which": "all", "when": "now", "reason": reason})
    assert response.status_code == 400
    assert AffectedCertificate.objects.get().revocation_requested_at is None


def test_a_compromised_key_cannot_wait(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    data = {"which": "all", "when": "at", "at": "2024-03-20T16:30", "reason": "keyCompromise"}
    response = client.post(link(of, "request/"), data)
    assert response.status_code == 400
    assert "cannot wait" in response.content.decode()
    assert client.post(link(of, "request/"), {**data, "when": "now"}).status_code == 302
    assert AffectedCertificate.objects.get().requested_reason == "keyCompromise"


def test_asking_twice_keeps_the_earlier_time(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    for at in ("2024-03-20T16:30", "2024-03-21T10:00", "2024-03-20T16:30"):
        assert client.post(link(of, "request/"), {"which": "all", "when": "at", "at": at}).status_code == 302
    row = AffectedCertificate.objects.get()
    assert row.revocation_requested_for == visitors.moment("2024-03-20T08:30:00+00:00")
    assert _events("revocation_requested") == 1


def test_nothing_a_subscriber_does_moves_the_deadline_back(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(2)
    client.post(link(of, "acknowledge/"))
    client.post(link(of, "confirm/"), {"certificates": keys(of)[:1]})
    client.post(link(of, "request/"), {"which": "all", "when": "at", "at": "2024-03-24T16:29"})
    assert {row.publish_by for row in AffectedCertificate.objects.all()} == {DEADLINE}


def test_a_colleague_is_added_as_a_contact(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    data = {"name": "Zhao Min", "email": "Zhao@s1.example", "phone": "+86 10 99"}
    response = client.post(link(of, "contact/"), data)
    assert response.status_code == 302
    assert "will be told as well" in _told(response)
    added = of.subscriber.contacts.get(email="zhao@s1.example")
    assert (added.name, added.role, added.phone) == ("Zhao Min", "backup", "+86 10 99")


def test_the_same_colleague_twice_is_one_contact(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    for _ in range(2):
        response = client.post(link(of, "contact/"), {"name": "Zhao Min", "email": "zhao@s1.example"})
        assert response.status_code < 500
    assert of.subscriber.contacts.filter(email="zhao@s1.example").count() == 1


@pytest.mark.parametrize(
    "data",
    [
        {"name": "", "email": "zhao@s1.example"},
        {"name": "Zhao", "email": ""},
        {"name": "Zhao", "email": "zhao"},
        {"name": "Zhao", "email": "zhao@s1.example\nBcc: all@s1.example"},
        {"name": "Zhao\r\nBcc: all@s1.example", "email": "zhao@s1.example"},
        {"name": "Zhao\x00", "email": "zhao@s1.example"},
        {"name": "Z" * 201, "email": "zhao@s1.example"},
        {"name": "Zhao", "email": "zhao@s1.example", "phone": "1" * 41},
    ],
)
def test_a_colleague_who_cannot_be_written_to_is_refused_with_the_field(
    client: Client, frozen_clock: FrozenClock, data: dict[str, str]
) -> None:
    of = visitors.affected(1)
    response = client.post(link(of, "contact/"), data)
    assert response.status_code == 400
    assert "Nothing was changed" in response.content.decode()
    assert of.subscriber.contacts.count() == 1


@pytest.mark.parametrize("act", ["acknowledge/", "confirm/", "request/", "replace/", "contact/"])
def test_after_the_end_of_the_campaign_nothing_can_be_changed(
    client: Client, frozen_clock: FrozenClock, act: str
) -> None:
    of = visitors.affected(1)
    mark_published(
        list(AffectedCertificate.objects.select_related("campaign", "certificate")), at=NOW + HOUR, now=NOW + HOUR
    )
    complete_campaign(of.campaign, actor="system", now=NOW + HOUR)
    before = visitors.everything()
    response = client.post(
        link(of, act), {"which": "all", "when": "now", "name": "Z", "email": "z@s1.example", "pem": "x"}
    )
    assert response.status_code == 302
    assert "has ended" in _told(response)
    assert visitors.everything() == before


def test_a_form_without_its_token_is_refused_on_a_page_that_helps(frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    response = Client(enforce_csrf_checks=True).post(link(of, "acknowledge/"))
    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()
    of.refresh_from_db()
    assert of.acknowledged_at is None


def test_more_fields_than_any_page_has_are_refused(client: Client, frozen_clock: FrozenClock) -> None:
    of = visitors.affected(1)
    assert client.post(link(of, "confirm/"), {"certificates": list(range(1, 1100))}).status_code == 400
    assert states(of) == ["outstanding"]
