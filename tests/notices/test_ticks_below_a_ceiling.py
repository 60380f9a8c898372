"""The task itself: a tick takes no more than the ceilings allow, and wakes when they are free again."""

from typing import Any

import pytest
from django.conf import LazySettings

from notices import routes, tasks
from notices.models import Notice
from tests import make
from tests.conftest import NOW, FrozenClock
from tests.notices.flow import escalate
from tests.notices.providers import smtp
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of the broker, which this test has none of."""
    found = list[dict[str, Any]]()
    monkeypatch.setattr(tasks.send, "apply_async", lambda *_, **options: found.append(options))
    return found


def sent() -> int:
    return Notice.objects.filter(state=Notice.State.SENT).count()


def test_a_tick_takes_what_the_ceiling_allows_and_leaves_the_rest_alone(
    sink: Sink, settings: LazySettings, frozen_clock: FrozenClock, woken: list[dict[str, Any]]
):
    settings.MAIL_ROUTES = [smtp(sink.url, per_minute=3)]
    make.running_campaign([make.certificate(make.subscriber()) for _ in range(5)])
    escalate(NOW)
    tasks.send()
    assert sent() == 3
    assert [options["countdown"] for options in woken] == [routes.PERIOD.total_seconds()]
    assert list(Notice.objects.filter(state="queued").values_list("due_at", "attempts")) == [(NOW, 0)] * 2
    tasks.send()
    assert (sent(), len(woken)) == (3, 1)
    frozen_clock.move(routes.PERIOD)
    tasks.send()
    assert (sent(), len(woken)) == (5, 1)


def test_letters_wait_for_a_tick_without_notices(sink: Sink, frozen_clock: FrozenClock, woken: list[dict[str, Any]]):
    make.running_campaign([make.certificate(make.subscriber())])
    escalate(NOW)
    holder = make.subscriber(contacts=1)
    contact = holder.contacts.get()
    tasks.Letter.objects.create(
        kind="contact_check", contact=contact, address=contact.email, written_at=NOW, due_at=NOW, template_version="1",
        subject="Are you still the one?", body_text="Please say so.", message_id="<1@ca.example>",
    )  # fmt: skip
    tasks.send_letters()
    assert sink.received == []
    tasks.send()
    tasks.send_letters()
    assert [str(each["Subject"])[:7] for each in sink.received][-1] == "Are you"
    assert len(sink.received) == 2
