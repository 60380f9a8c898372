"""The proof of notice: complete, the same twice, free-standing, and for those who may have it."""

import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from audit.models import Event, Seal
from audit.services import canonical, seal_events
from audit.services import digest as seal_digest
from campaigns import links
from campaigns.models import AffectedSubscriber, PageView
from campaigns.services import confirm_replacement
from notices.models import Notice
from notices.services import Agreed, Report, record_call, record_delivery
from reports.proof import digest, proof
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn
from tests.notices.flow import escalate

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def told() -> AffectedSubscriber:
    """A subscriber to whom a good deal was said."""
    row, certificates = make.affected(2)
    [notice] = escalate(NOW)
    Notice.objects.update(state="sent", sent_at=NOW, provider_id="pm-77", route="default")
    record_delivery(
        Report(esp="Postmark", event_id="e1", kind="delivered", at=NOW, notice=str(notice.public_id)), now=NOW
    )
    contact = row.subscriber.contacts.get(rank=0)
    PageView.objects.create(affected_subscriber=row, contact=contact, at=NOW + HOUR, page="list", agent="Firefox")
    make.answer(row, contact=contact, notice=notice, text="We will <b>see</b> to it.", now=NOW + 2 * HOUR)
    agreed = Agreed(promised_for=NOW + 30 * HOUR)
    record_call(row, contact=contact, outcome="promised", agreed=agreed, note="by noon", actor="staff:cleo", now=NOW)
    confirm_replacement(row, certificates=[certificates[0].pk], contact=contact, actor="contact:1", now=NOW + 3 * HOUR)
    return AffectedSubscriber.objects.select_related("campaign", "subscriber", "acknowledged_by").get(pk=row.pk)


def made(row: AffectedSubscriber) -> dict[str, Any]:
    return proof(row, by="staff:olga", now=NOW + 4 * HOUR)


def test_it_holds_every_message_with_its_text_times_and_the_providers_identifiers(told: AffectedSubscriber):
    [message] = made(told)["messages"]
    notice = Notice.objects.get()
    for name in ("message_id", "provider_id", "route", "subject", "address", "channel", "state"):
        assert message[name] == getattr(notice, name), name
    assert (message["sent_at"], message["step"], message["state"]) == ("2024-03-19T08:30:00Z", 1, "delivered")
    assert [(each["kind"], each["provider_event_id"]) for each in message["delivery_events"]] == [("delivered", "e1")]
    lines = [line for line in notice.body_text.splitlines() if "/respond/" not in line]
    assert [line for line in message["text"].splitlines() if "/respond/" not in line] == lines


def test_it_holds_what_came_back_what_was_looked_at_and_what_was_said(told: AffectedSubscriber):
    found = made(told)
    assert [each["text"] for each in found["came_back"]] == ["We will <b>see</b> to it."]
    assert found["came_back"][0]["answers"] == Notice.objects.get().message_id
    assert [(each["page"], each["agent"]) for each in found["page_views"]] == [("list", "Firefox")]
    [call] = found["calls"]
    assert (call["outcome"], call["promised_for"], call["note"]) == ("promised", "2024-03-20T14:30:00Z", "by noon")
    assert found["outcome"]["acknowledged_at"] == "2024-03-19T08:30:00Z"
    assert [each["confirmed_by"] for each in found["certificates"]] == ["contact:1", ""]


def test_no_link_that_answers_for_the_subscriber_is_in_it(told: AffectedSubscriber):
    written = json.dumps(made(told))
    for contact in told.subscriber.contacts.all():
        assert links.token(told, contact) not in written
    assert "/respond/(personal link)" in written


def test_its_events_carry_their_digests_and_the_seals_over_them(told: AffectedSubscriber):
    seal_events(now=NOW + timedelta(days=1))
    found = made(told)
    kept = {event.pk: event for event in Event.objects.all()}
    said = {each["verb"] for each in found["events"]}
    assert said >= {"notice.written", "notice.delivered", "call.recorded", "affectedsubscriber.acknowledged"}
    assert "affectedcertificate.confirmed" in said
    for each in found["events"]:
        assert each["sha256"] == sha256(canonical(kept[each["id"]])).hexdigest()
    [seal] = found["seals"]
    assert seal["sha256"] == Seal.objects.get().digest == seal_digest(Event.objects.order_by("pk"), previous="")[0]
    assert seal["first_id"] <= found["events"][0]["id"] <= found["events"][-1]["id"] <= seal["last_id"]


def test_only_seals_over_its_own_events_are_in_it(told: AffectedSubscriber):
    seal_events(now=NOW + timedelta(days=1))
    make.running_campaign()
    Event.objects.filter(pk__gt=Seal.objects.get().last_id).update(at=NOW)
    seal_events(now=NOW + timedelta(days=2))
    assert (Seal.objects.count(), len(made(told)["seals"])) == (2, 1)


def test_nothing_of_another_subscriber_is_in_it(told: AffectedSubscriber):
    other, _ = make.affected()
    record_call(other, contact=None, outcome="no_answer", note="elsewhere", actor="staff:cleo", now=NOW)
    make.answer(other, text="elsewhere")
    written = json.dumps(made(told))
    assert "elsewhere" not in written
    assert other.subscriber.reference not in written


def test_the_digest_is_that_of_the_document_and_any_change_is_seen(told: AffectedSubscriber):
    found = made(told)
    plain = {name: value for name, value in found.items() if name != "sha256"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found["sha256"] == sha256(text.encode()).hexdigest() == made(told)["sha256"]
    found["messages"][0]["sent_at"] = "2024-03-18T08:30:00Z"
    assert digest(found) != found["sha256"]


def test_one_message_for_several_accounts_is_shown_with_each(told: AffectedSubscriber):
    lead = Notice.objects.get()
    other, _ = make.affected()
    [carried] = escalate(NOW)
    Notice.objects.filter(pk=carried.pk).update(carried_by=lead, state="delivered", sent_at=NOW)
    [message] = made(other)["messages"]
    assert (message["message_id"], message["provider_id"]) == (lead.message_id, "pm-77")
    assert (message["carried_by"], message["subject"]) == (str(lead.public_id), lead.subject)
    assert len(message["delivery_events"]) == 1


def url_of(row: AffectedSubscriber, kind: str) -> str:
    return f"/campaigns/{row.campaign.public_id}/subscribers/{row.public_id}/proof.{kind}"


def test_the_file_stands_alone_and_shows_what_the_json_says(
    told: AffectedSubscriber, sign_in: SignIn, frozen_clock: FrozenClock
):
    frozen_clock.now = NOW + 4 * HOUR
    client: Client = sign_in("oda", role="operator")
    page, data = client.get(url_of(told, "html")), client.get(url_of(told, "json"))
    text, found = page.content.decode(), json.loads(data.content)
    assert found == proof(told, by="staff:oda", now=NOW + 4 * HOUR)
    assert found["sha256"] in text
    assert "We will &lt;b&gt;see&lt;/b&gt; to it." in text
    assert not re.search(r"<(?:script|link|img|iframe|object)|\ssrc=|@import|url\(", text)
    assert page["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    for answer, kind in ((page, "html"), (data, "json")):
        name = f"proof-of-notice-{told.subscriber.reference}-{told.public_id.hex[:8]}.{kind}"
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    ("reference", "part"),
    [('../../etc/"x"\r\nX: y', "etc-x-X-y"), ("客户", "subscriber"), ("A" * 60, "A" * 40)],
)
def test_no_reference_makes_a_bad_file_name(reference: str, part: str, sign_in: SignIn, frozen_clock: FrozenClock):
    row, _ = make.affected()
    row.subscriber.reference = reference
    row.subscriber.save()
    answer = sign_in("oda", role="operator").get(url_of(row, "json"))
    assert (
        answer["Content-Disposition"] == f'attachment; filename="proof-of-notice-{part}-{row.public_id.hex[:8]}.json"'
    )


def test_it_is_for_those_who_read_the_journal_or_ring(sign_in: SignIn, frozen_clock: FrozenClock, client: Client):
    row, _ = make.affected()
    for role in ("operator", "approver", "caller", "auditor"):
        assert sign_in(role, role=role).get(url_of(row, "html")).status_code == 200
    viewer = sign_in("vera", "campaigns.view_campaign")
    assert {viewer.get(url_of(row, kind)).status_code for kind in ("html", "json")} == {403}
    assert "proof.html" not in viewer.get(url_of(row, "html").removesuffix("proof.html")).content.decode()
    assert client.get(url_of(row, "html")).status_code == 302
    assert client.get(url_of(row, "json")).status_code == 401
    assert sign_in("oda", role="operator").post(url_of(row, "json")).status_code == 405
