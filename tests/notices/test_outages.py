"""A provider that fails for ten minutes, while the beat goes on: nothing is lost, and nothing goes out twice."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings

from notices.models import Notice
from tests import make
from tests.conftest import NOW
from tests.notices.flow import escalate, send
from tests.notices.providers import Asked, Provider, postmark, provider_server, smtp
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
TICK = timedelta(seconds=15)
OUTAGE = timedelta(minutes=10)
NUMBER = 12


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_server(Provider()) as served:
        yield served


def played(provider: Provider, *, status: int, until: timedelta) -> list[timedelta]:
    """Launch, and let the beat tick; when each notice went out, from the launch on."""
    make.running_campaign([make.certificate(make.subscriber()) for _ in range(NUMBER)])
    went, passed = list[timedelta](), timedelta(0)
    while passed <= until and len(went) < NUMBER:
        provider.status = status if passed < OUTAGE else 200
        escalate(NOW + passed)
        went += [passed] * send(NOW + passed)
        passed += TICK
    return went


def message_id(asked: Asked) -> str:
    return next(header["Value"] for header in asked.json["Headers"] if header["Name"] == "Message-ID")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_the_only_provider_fails_for_ten_minutes_and_every_notice_goes_out_once(
    provider: Provider, settings: LazySettings, status: int
):
    settings.MAIL_ROUTES = [postmark(provider)]
    went = played(provider, status=status, until=timedelta(minutes=20))
    assert len(went) == NUMBER
    assert OUTAGE <= went[0] <= went[-1] <= timedelta(minutes=16)
    taken = Counter(message_id(each) for each in provider.taken)
    assert set(taken) == set(Notice.objects.values_list("message_id", flat=True))
    assert set(taken.values()) == {1}
    assert len(provider.asked) < NUMBER + 4 * 3


def test_with_a_second_provider_nobody_waits(provider: Provider, sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    went = played(provider, status=500, until=timedelta(minutes=1))
    assert went == [timedelta(0)] * NUMBER
    assert provider.taken == []
    received = Counter(str(each["Message-ID"]) for each in sink.received)
    assert set(received) == set(Notice.objects.values_list("message_id", flat=True))
    assert set(received.values()) == {1}
