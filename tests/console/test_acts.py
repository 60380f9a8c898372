"""The acts of the console: each calls its service, and shows a refusal without losing what was typed."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from campaigns.models import Campaign, Exclusion
from campaigns.services import draft_digest
from notices.models import Call
from revocation.models import Revocation
from revocation.services import schedule_revocations
from subscribers.models import Contact
from tests import make
from tests.asserts import assert_event, assert_no_event
from tests.conftest import NOW, FrozenClock, SignIn
from tests.console.acts import stage

pytestmark = pytest.mark.django_db
DRAFT = {
    "title": "basicConstraints not critical",
    "rule": "12",
    "kind": "live",
    "clock_started_at": "2024-03-19T08:00:00",
    "fixed_at": "",
    "explanation": "A fault of ours.",
    "explanation_url": "",
    "revokes_replaced_early": "on",
}


def as_person(username: str, role: str) -> Client:
    """The console of somebody who is on the stage already."""
    user = User.objects.get(username=username)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_a_draft_takes_window_and_reason_from_its_rule_item(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    answer = sign_in("olga", role="operator").post("/campaigns/campaign/draft/", DRAFT)
    campaign = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{campaign.public_id}/"
    assert (campaign.window, campaign.crl_reason) == (timedelta(days=5), "superseded")
    assert campaign.drafted_by.username == "olga"
    assert campaign.deadline.isoformat() == "2024-03-24T08:00:00+00:00"
    assert_event("campaign.drafted", actor="staff:olga")


def test_a_draft_whose_clock_starts_later_is_refused_and_kept_on_the_page(
    sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    client = sign_in("olga", role="operator")
    answer = client.post("/campaigns/campaign/draft/", DRAFT | {"clock_started_at": "2024-03-20T08:00:00"})
    assert answer.status_code == 409
    assert "still to come" in answer.content.decode()
    assert 'value="2024-03-20T08:00:00"' in answer.content.decode()
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [
        {"rule": "17"},
        {"title": ""},
        {"clock_started_at": "yesterday"},
        {"kind": "rehearsal"},
        {"explanation_url": "x y"},
    ],
)
def test_a_draft_with_bad_input_is_answered_with_400(
    bad: dict[str, str], sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    answer = sign_in("olga", role="operator").post("/campaigns/campaign/draft/", DRAFT | bad)
    assert answer.status_code == 400
    assert not Campaign.objects.exists()


def test_changing_an_approved_draft_voids_the_approval(frozen_clock: FrozenClock) -> None:
    approved = stage().approved
    answer = as_person("olga", "operator").post(f"/campaigns/campaign/{approved.pk}/change/", DRAFT)
    assert answer.status_code == 302
    approved.refresh_from_db()
    assert (approved.state, approved.approved_by) == ("draft", None)


def test_the_author_cannot_approve_and_is_told_why(frozen_clock: FrozenClock) -> None:
    draft = stage().draft
    author = as_person("olga", "approver")
    url = f"/campaigns/campaign/{draft.pk}/approve/"
    page = author.get(url).content.decode()
    assert "another person has to approve" in page
    assert 'name="typed_count"' not in page
    answer = author.post(url, {"digest": draft.scope_digest, "seen": draft_digest(draft), "typed_count": "2"})
    assert answer.status_code == 409
    assert "a second person" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_the_approval_page_shows_what_is_decided(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    draft = stage().draft
    page = sign_in("anna", role="approver").get(f"/campaigns/campaign/{draft.pk}/approve/").content.decode()
    serials = [row.certificate.serial_number for row in draft.affected_certificates.select_related("certificate")]
    for text in (draft.scope_digest, "superseded (4)", "2024-03-24 08:30:00 UTC", "olga", *serials):
        assert text in page
    assert "not issued in accordance with these Requirements" in page


def test_a_second_person_approves_by_typing_the_count(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    draft = stage().draft
    client = sign_in("anna", role="approver")
    url = f"/campaigns/campaign/{draft.pk}/approve/"
    data = {"digest": draft.scope_digest, "seen": draft_digest(draft)}
    assert draft_digest(draft) in client.get(url).content.decode()
    assert client.post(url, data | {"typed_count": "3"}).status_code == 409
    assert client.post(url, data | {"typed_count": "two"}).status_code == 400
    assert client.post(url, data | {"digest": "0" * 64, "typed_count": "2"}).status_code == 409
    assert client.post(url, data | {"seen": "0" * 64, "typed_count": "2"}).status_code == 409
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert client.post(url, data | {"typed_count": "2"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.approved_by.username if draft.approved_by else "") == ("approved", "anna")


def test_an_operator_launches_what_was_approved_and_nothing_else(frozen_clock: FrozenClock) -> None:
    scene = stage()
    client = as_person("olga", "operator")
    assert client.post(f"/campaigns/campaign/{scene.draft.pk}/launch/").status_code == 409
    assert client.post(f"/campaigns/campaign/{scene.approved.pk}/launch/").status_code == 302
    scene.approved.refresh_from_db()
    assert (scene.approved.state, scene.approved.launched_at) == ("running", NOW)


def test_halt_and_resume_need_a_reason(frozen_clock: FrozenClock) -> None:
    running = stage().running
    client = as_person("olga", "operator")
    assert client.post(f"/campaigns/campaign/{running.pk}/halt/", {"reason": ""}).status_code == 400
    assert client.post(f"/campaigns/campaign/{running.pk}/halt/", {"reason": "wrong scope?"}).status_code == 302
    running.refresh_from_db()
    assert running.halt_reason == "wrong scope?"
    page = client.get(f"/campaigns/{running.public_id}/").content.decode()
    assert "wrong scope?" in page
    assert "The clock runs on" in page
    assert client.post(f"/campaigns/campaign/{running.pk}/resume/", {"reason": "it was right"}).status_code == 302
    running.refresh_from_db()
    assert running.halted_at is None


def test_leaving_a_campaign_unfinished_takes_two_persons(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    leaving = stage().leaving
    url = f"/campaigns/campaign/{leaving.pk}/cancel/"
    assert as_person("olga", "approver").post(url).status_code == 409
    leaving.refresh_from_db()
    assert leaving.state == "running"
    assert sign_in("anna", role="approver").post(url).status_code == 302
    leaving.refresh_from_db()
    assert leaving.state == "cancelled"


def test_an_exclusion_is_asked_for_approved_by_another_and_withdrawn(
    sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    scene = stage()
    olga, anna = as_person("olga", "approver"), sign_in("anna", role="approver")
    data = {"ground": "legal_order", "until": "2024-04-01T00:00:00", "justification": "Order 7 of the court."}
    assert olga.post(f"/campaigns/exclusion/ask/{scene.certificate.pk}/", data | {"until": ""}).status_code == 409
    assert olga.post(f"/campaigns/exclusion/ask/{scene.certificate.pk}/", data).status_code == 302
    asked = Exclusion.objects.get(affected_certificate=scene.certificate)
    assert asked.approved_at is None
    assert olga.post(f"/campaigns/exclusion/{asked.pk}/approve/").status_code == 409
    assert anna.post(f"/campaigns/exclusion/{asked.pk}/approve/").status_code == 302
    asked.refresh_from_db()
    assert asked.approved_at == NOW
    assert olga.post(f"/campaigns/exclusion/{asked.pk}/withdraw/").status_code == 302
    asked.refresh_from_db()
    assert asked.withdrawn_at == NOW


def test_a_caller_writes_down_a_call_and_adds_a_contact(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    affected = stage().affected
    client = sign_in("carl", role="caller")
    contact = affected.subscriber.contacts.first()
    assert contact
    data = {"contact": contact.pk, "outcome": "reached", "note": "Will replace tonight."}
    assert client.post(f"/notices/call/call/{affected.pk}/", data).status_code == 302
    assert Call.objects.get().called_by == "staff:carl"
    assert_event("call.recorded", actor="staff:carl", outcome="reached")
    answer = client.post(f"/notices/call/contact/{affected.pk}/", {"name": "Successor", "email": "New@example.org"})
    assert answer.status_code == 302
    assert Contact.objects.filter(subscriber=affected.subscriber, email="new@example.org").exists()
    assert client.post(f"/notices/call/contact/{affected.pk}/", {"email": "no address"}).status_code == 409


def test_a_call_to_somebody_elses_contact_is_not_taken(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    affected, stranger = stage().affected, make.contact(make.subscriber())
    data = {"contact": stranger.pk, "outcome": "reached"}
    assert sign_in("carl", role="caller").post(f"/notices/call/call/{affected.pk}/", data).status_code == 400
    assert not Call.objects.exists()


def test_an_operator_brings_one_revocation_forward(frozen_clock: FrozenClock) -> None:
    scene = stage()
    schedule_revocations(now=NOW)
    answer = as_person("olga", "operator").post(f"/revocation/revocation/early/{scene.certificate.pk}/")
    assert answer.status_code == 302
    planned = Revocation.objects.get(affected_certificate=scene.certificate)
    assert (planned.planned_at, planned.trigger) == (NOW, "operator")
    assert_event("revocation.brought_forward", planned, actor="staff:olga")


def test_an_excluded_certificate_is_not_revoked_early(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    scene = stage()
    sign_in("anna", role="approver").post(f"/campaigns/exclusion/{scene.exclusion.pk}/approve/")
    url = f"/revocation/revocation/early/{scene.exclusion.affected_certificate_id}/"
    answer = as_person("olga", "operator").post(url)
    assert answer.status_code == 409
    assert "Withdraw the exclusion first" in answer.content.decode()
    assert_no_event("revocation.brought_forward")


def test_campaigns_are_neither_added_by_hand_nor_deleted(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.campaign()
    client = sign_in("root", superuser=True)
    found = [
        client.post(f"/campaigns/campaign/{path}", {"post": "yes", "title": "x"}).status_code
        for path in ("add/", f"{campaign.pk}/delete/")
    ]
    assert found == [403, 403]
    chosen = {"action": "delete_selected", "_selected_action": campaign.pk, "post": "yes"}
    client.post("/campaigns/campaign/", chosen)
    assert list(Campaign.objects.values_list("pk", "state")) == [(campaign.pk, "draft")]
