"""The preview of a campaign's ladder: the same rules as for writing, with real times and, for one subscriber, names."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from pytest_django import Settings

from campaigns.plan import StepPlan
from campaigns.services import confirm_replacement
from reports.expecting import FIELDS, channels_of, expected
from subscribers.models import Channel, Contact
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn
from tests.notices.flow import escalate

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
STEPS = (
    StepPlan(0, "primary", channels=("mail", "sms")),
    StepPlan(0.2, "next_backup"),
    StepPlan(0.4, "account_manager", "account_manager"),
    StepPlan(0.6, "all", channels=("mail", "sms"), on_every_channel=True),
)


@pytest.fixture(autouse=True)
def _with_text_messages(settings: Settings) -> None:
    settings.SMS_URLS = ["json://127.0.0.1/{number}"]


def test_what_is_expected_is_what_is_written_when_nobody_answers() -> None:
    holders = [make.subscriber(contacts=number) for number in (1, 2, 3, 3)]
    make.contact(holders[0], role=Contact.Role.ACCOUNT_MANAGER, email="manager@ca.example")
    make.contact(holders[1], rank=5, left_at=NOW)
    holders[1].contacts.filter(rank=0).update(bounced_at=NOW)
    holders[2].contacts.filter(rank=0).update(email="", takes_sms=True)
    holders[3].contacts.update(takes_sms=True)
    campaign = make.running_campaign([make.certificate(each) for each in holders], steps=STEPS)
    told = expected(campaign)
    for step, known in enumerate(told):
        written = escalate(NOW + step * DAY)
        counted = {label: sum(each.get_channel_display() == label for each in written) for _, label in Channel.choices}
        assert dict(known.by_channel) == {label: n for label, n in counted.items() if n}
        assert known.subscribers == len({each.affected_subscriber_id for each in written})
        assert known.contacts == len({each.contact_id for each in written})
    assert [each.nobody for each in told] == [0, 0, 3, 0]


def test_a_subscriber_without_any_contact_is_counted_as_nobody() -> None:
    campaign = make.campaign([make.certificate(make.subscriber(contacts=0)), make.certificate()], steps=STEPS[:1])
    [known] = expected(campaign)
    assert (known.subscribers, known.nobody, known.by_channel) == (1, 1, (("mail", 1),))


def test_the_channels_of_a_contact_are_the_same_as_for_writing() -> None:
    for email, bounced, phone, sms, voice, chat in product(
        ("", "a@b.example"), (None, NOW), ("", "+1"), (False, True), (False, True), ("", "slack://x")
    ):
        contact = Contact(email=email, bounced_at=bounced, phone=phone, takes_sms=sms, takes_voice=voice, chat_url=chat)
        row: dict[str, Any] = {name: getattr(contact, name) for name in FIELDS[1:]}
        assert channels_of(row) == {channel.value for channel in Channel if contact.address_for(channel)}


def test_the_page_has_the_whole_ladder_before_the_launch(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.campaign([make.certificate(make.subscriber(time_zone="Asia/Shanghai"))], rule="3")
    page = sign_in("rita", role="auditor").get(f"/campaigns/{campaign.public_id}/ladder/").content.decode()
    assert "from the policy 24 hours, version 1" in page
    assert "2024-03-20 06:30 UTC" in page
    assert "Wed 20 Mar 14:30" in page
    assert "Written so far" not in page


def test_the_page_names_who_is_addressed_and_what_was_written(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    row, certificates = make.affected(contacts=2, steps=STEPS)
    escalate(NOW)
    client, url = sign_in("rita", role="caller"), f"/campaigns/{row.campaign.public_id}/ladder/"
    page = client.get(url, {"subscriber": row.subscriber.reference}).content.decode()
    primary, backup = row.subscriber.contacts.order_by("rank")
    assert "Written so far" in page
    assert f"{backup.name} &lt;{backup.email}&gt;" in page
    assert f"{primary.name} &lt;{primary.email}&gt;" in page
    confirm_replacement(row, certificates=[each.pk for each in certificates], actor="contact:1", now=NOW)
    assert "nothing more is written" in client.get(url, {"subscriber": row.subscriber.reference}).content.decode()


@pytest.mark.parametrize("asked", ["nobody", "x" * 500, "\x00", "<script>"])
def test_a_reference_that_is_not_there_is_told(asked: str, sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.campaign()
    answer = sign_in("rita", role="auditor").get(f"/campaigns/{campaign.public_id}/ladder/", {"subscriber": asked})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()
    if asked.strip("\x00"):
        assert "No affected subscriber of this campaign" in answer.content.decode()


def test_the_approval_and_the_launch_show_the_ladder_with_numbers(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    draft, approved = make.campaign(), make.campaign(state="approved")
    for campaign, act, role in ((draft, "approve", "approver"), (approved, "launch", "operator")):
        page = sign_in(f"x{act}", role=role).get(f"/campaigns/campaign/{campaign.pk}/{act}/").content.decode()
        assert "Ladder of notices" in page
        assert "6 h before the deadline" in page
        assert "2 mail" in page


def test_expectations_take_a_handful_of_queries_however_many_subscribers(django_assert_max_num_queries: Any) -> None:
    campaign = make.campaign([make.certificate() for _ in range(30)], steps=STEPS)
    with django_assert_max_num_queries(4):
        expected(campaign)
