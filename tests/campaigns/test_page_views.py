"""That a page was looked at is kept as evidence: once a minute, for GET only, and never in the way of the page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from audit.models import Event
from campaigns.models import AffectedSubscriber, PageView
from tests.campaigns import visitors
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def affected(frozen_clock: FrozenClock) -> AffectedSubscriber:
    """A subscriber whose page is open."""
    return visitors.affected()


def test_a_look_is_kept_with_its_moment_its_page_and_the_browser(affected: AffectedSubscriber):
    events = Event.objects.count()
    answer = Client().get(visitors.link(affected), headers={"user-agent": "Mozilla/5.0\x01 " + "x" * 300})
    assert answer.status_code == 200
    view = PageView.objects.get()
    assert (view.affected_subscriber, view.contact) == (affected, affected.subscriber.contacts.get())
    assert (view.at, view.page, len(view.agent), "\x01" in view.agent) == (NOW, "page", 200, False)
    affected.refresh_from_db()
    assert (affected.acknowledged_at, Event.objects.count()) == (None, events)


def test_a_minute_of_looking_at_one_page_is_one_look(affected: AffectedSubscriber, frozen_clock: FrozenClock):
    client = Client()
    for seconds in (0, 30, 29, 1, 0):
        frozen_clock.move(timedelta(seconds=seconds))
        client.get(visitors.link(affected))
    client.get(visitors.link(affected, "list.csv"))
    kept = PageView.objects.order_by("pk").values_list("page", "at")
    assert list(kept) == [("page", NOW), ("page", NOW + timedelta(seconds=60)), ("list", NOW + timedelta(seconds=60))]


def test_a_colleague_at_the_same_time_is_another_look(affected: AffectedSubscriber):
    other = affected.subscriber.contacts.create(name="Li Na", email="na@s1.example", role="backup", rank=1)
    Client().get(visitors.link(affected))
    Client().get(f"/respond/{visitors.links.token(affected, other)}/")
    assert PageView.objects.values("contact").distinct().count() == 2


def test_only_what_was_shown_counts_as_looked_at(affected: AffectedSubscriber):
    client = Client()
    client.head(visitors.link(affected))
    client.get(visitors.link(affected, "acknowledge/"))
    client.post(visitors.link(affected, "acknowledge/"))
    client.get("/respond/nonsense/")
    assert not PageView.objects.exists()


def test_the_page_is_shown_although_the_look_cannot_be_kept(
    affected: AffectedSubscriber, caplog: pytest.LogCaptureFixture
):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {PageView._meta.db_table} RENAME TO elsewhere")
    assert Client().get(visitors.link(affected)).status_code == 200
    assert "could not be written down" in caplog.text
