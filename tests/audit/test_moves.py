from datetime import timedelta

import pytest

from audit.models import Event
from audit.moves import move
from campaigns.models import Campaign
from core.errors import Refused
from tests.conftest import NOW


@pytest.fixture
def campaign(db, django_user_model):
    return Campaign.objects.create(
        title="t", rule_pack="br-2.2.6", rule="12", window=timedelta(days=5), crl_reason="superseded", explanation="e",
        clock_started_at=NOW, drafted_by=django_user_model.objects.create_user("olga"), drafted_at=NOW,
    )  # fmt: skip


def test_a_move_changes_the_state_and_writes_one_event_with_its_facts(campaign):
    moved = move(
        [campaign], "approved", actor="staff:petra", now=NOW, fields={"scope_count": 3}, facts={"digest": "9f"}
    )

    campaign.refresh_from_db()
    assert [row.pk for row in moved] == [campaign.pk]
    assert (campaign.state, campaign.scope_count) == ("approved", 3)
    event = Event.objects.get()
    assert (event.verb, event.actor, event.at) == ("campaign.approved", "staff:petra", NOW)
    assert event.stream == f"campaign/{campaign.public_id}"
    assert event.facts == {"from": "draft", "digest": "9f"}


def test_a_move_that_the_table_does_not_allow_is_refused_and_leaves_no_trace(campaign):
    with pytest.raises(Refused, match="is draft and cannot become completed"):
        move([campaign], "completed", actor="system", now=NOW)

    campaign.refresh_from_db()
    assert campaign.state == "draft"
    assert not Event.objects.exists()


def test_of_two_who_move_the_same_row_one_moves_it(campaign):
    other = Campaign.objects.get(pk=campaign.pk)

    assert move([campaign], "approved", actor="staff:petra", now=NOW)
    assert move([other], "approved", actor="staff:paul", now=NOW) == []

    assert Event.objects.get().actor == "staff:petra"


def test_an_event_is_never_changed_or_deleted(campaign):
    move([campaign], "approved", actor="system", now=NOW)
    event = Event.objects.get()

    with pytest.raises(Refused):
        event.save()
    with pytest.raises(Refused):
        event.delete()
