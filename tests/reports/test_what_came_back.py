"""Answers, automatic replies and promises, on the pages of those who have to know of them."""

from datetime import timedelta

import pytest
from django.test import Client

from campaigns import links
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import acknowledge
from notices.models import InboundMessage, Notice
from notices.services import Agreed, record_call
from reports.board import RiskCase, board, needs_person
from subscribers.models import Contact
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn
from tests.notices.flow import escalate

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def carl(sign_in: SignIn, frozen_clock: FrozenClock) -> Client:
    """The console of a caller."""
    return sign_in("carl", role="caller")


def cases(now: object = NOW) -> list[RiskCase]:
    rows = AffectedSubscriber.objects.filter(campaign__in=Campaign.objects.running())
    return board(needs_person(rows, now), now=now, limit=10)  # type: ignore[arg-type]


def page_of(row: AffectedSubscriber, client: Client) -> str:
    return client.get(f"/campaigns/{row.campaign.public_id}/subscribers/{row.public_id}/").content.decode()


def test_an_answer_stands_on_board_page_and_dashboard_until_somebody_deals_with_it(carl: Client):
    row, _ = make.affected()
    acknowledge(row, contact=None, actor="contact:1", now=NOW)
    assert cases() == []
    message = make.answer(row, text="We cannot <i>do</i> it.")
    assert [case.why for case in cases()] == ["1 unread answer"]
    for url in ("/at-risk/", f"/campaigns/{row.campaign.public_id}/at-risk/"):
        page = carl.get(url).content.decode()
        assert "Answers to read" in page
        assert "We cannot &lt;i&gt;do&lt;/i&gt; it." in page
    assert "1 unread answer" in carl.get("/").content.decode()
    assert "Dealt with" in page_of(row, carl)
    done = carl.post(f"/notices/call/deal_with/{message.pk}/")
    assert (done.status_code, done["Location"].endswith(f"{row.public_id}/")) == (302, True)
    assert cases() == []
    assert "Answers to read" not in carl.get("/at-risk/").content.decode()
    assert "unread answer" not in carl.get("/").content.decode()
    assert "dealt with by carl" in page_of(row, carl)


def test_an_automatic_reply_is_told_with_its_date_and_its_substitutes_and_nothing_follows(carl: Client):
    row, _ = make.affected()
    escalate(NOW)
    Notice.objects.update(state="sent", sent_at=NOW)
    make.answer(
        row,
        kind=InboundMessage.Kind.AUTO_REPLY,
        sender="boss@subscriber.example",
        return_date="2024-03-28",
        substitutes=["deputy+x@subscriber.example"],
        text="I am away.",
    )
    [case] = cases(NOW + 3 * HOUR)
    reply = "an automatic reply from boss@subscriber.example (back 2024-03-28; names deputy+x@subscriber.example)"
    assert case.why == f"{reply}; no answer for 3 h"
    page = page_of(row, carl)
    assert "<strong>2024-03-28</strong>" in page
    assert f"/notices/call/contact/{row.pk}/?email=deputy%2Bx%40subscriber.example" in page
    assert not Contact.objects.filter(email__startswith="deputy").exists()
    form = carl.get(f"/notices/call/contact/{row.pk}/?email=deputy%2Bx%40subscriber.example").content.decode()
    assert 'value="deputy+x@subscriber.example"' in form


def test_a_promise_after_the_deadline_is_red_at_once(carl: Client):
    row, _ = make.affected()
    in_time, late = row.campaign.deadline - HOUR, row.campaign.deadline + HOUR
    record_call(row, contact=None, outcome="promised", agreed=Agreed(in_time), actor="staff:carl", now=NOW)
    assert cases() == []
    record_call(row, contact=None, outcome="promised", agreed=Agreed(late), actor="staff:carl", now=NOW)
    [case] = cases()
    assert (case.is_late, case.why) == (True, "promised for 2024-03-24 09:30 UTC")
    assert "too late:" in carl.get("/at-risk/").content.decode()
    assert "Promised too late" in page_of(row, carl)
    record_call(row, contact=None, outcome="promised", agreed=Agreed(in_time), actor="staff:carl", now=NOW)
    assert cases() == []


def test_what_was_tried_is_counted_by_channel():
    row, _ = make.affected()
    contact = row.subscriber.contacts.get(rank=0)
    [notice] = escalate(NOW)
    Notice.objects.update(state="bounced", sent_at=NOW)
    later = row.campaign.steps.last()
    tries = ((notice.step, "sms", "sent"), (notice.step, "voice", "refused"), (later, "sms", "queued"))
    for number, (step, channel, state) in enumerate(tries):
        Notice.objects.create(
            affected_subscriber=row,
            step=step,
            contact=contact,
            channel=channel,
            state=state,
            sent_at=NOW if state == "sent" else None,
            written_at=NOW,
            template_version="x",
            subject="x",
            message_id=f"<{number}@x>",
            address=contact.phone,
        )
    assert notice.channel == "mail"
    [case] = cases()
    assert case.tried == "mail ×1 (1 bounced), SMS ×1, automatic voice call ×1 (1 failed)"


def test_whoever_takes_text_messages_can_still_be_told_when_all_mail_bounces():
    row, _ = make.affected(contacts=2)
    row.subscriber.contacts.update(bounced_at=NOW)
    assert [case.why for case in cases()] == ["every contact bounced: 2 addresses"]
    row.subscriber.contacts.filter(rank=1).update(takes_sms=True)
    assert [case.why for case in cases()] == ["2 of 2 contacts bounced; no notice has gone out yet"]
    row.subscriber.contacts.update(left_at=NOW)
    assert [case.why for case in cases()] == ["there is no address to write to"]


def test_a_link_that_an_answer_quotes_is_shown_to_nobody(carl: Client):
    row, _ = make.affected()
    link = links.respond_url(row, row.subscriber.contacts.get(rank=0))
    message = make.answer(row, text=f"> {link}\nWho are you?")
    token = link.rstrip("/").rpartition("/")[2]
    for url in ("/at-risk/", f"/notices/call/deal_with/{message.pk}/"):
        assert token not in carl.get(url).content.decode()
    assert token not in page_of(row, carl)
    assert "/respond/(personal link)/" in page_of(row, carl)


def test_a_message_can_be_read_whole_before_it_is_dealt_with(carl: Client):
    row, _ = make.affected()
    message = make.answer(row, text="First line\n" * 30)
    page = carl.get(f"/notices/call/deal_with/{message.pk}/").content.decode()
    assert page.count("First line") == 30
    lost = InboundMessage.objects.create(
        source="x", sha256="f" * 64, received_at=NOW, read_at=NOW, kind="answer", size=1
    )
    assert carl.get(f"/notices/call/deal_with/{lost.pk}/").status_code == 200
    assert carl.get("/notices/call/deal_with/99999999/").status_code == 404


def test_what_belongs_to_no_campaign_is_counted_read_and_dealt_with_too(carl: Client):
    make.answer(None, subject="About your yearly letter")
    assert "1 unread answer" in carl.get("/").content.decode()
    page = carl.get("/at-risk/").content.decode()
    assert "About your yearly letter" in page
    message = InboundMessage.objects.get()
    deal = f"/notices/call/deal_with/{message.pk}/"
    assert deal in page
    assert carl.get(deal).status_code == 200
    assert carl.post(deal).status_code == 302
    assert "unread answer" not in carl.get("/").content.decode()
