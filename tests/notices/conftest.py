"""What the tests of notices share: a mail sink, and the moves of a campaign that they all begin with."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.notices.sink import Sink, sink_server


@pytest.fixture
def sink(settings: LazySettings) -> Iterator[Sink]:
    """A mail server that takes the mail of drills and of live campaigns alike."""
    with sink_server(Sink()) as served:
        settings.DRILL_EMAIL_URL = served.url
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = int(served.url.rpartition(":")[2])
        yield served
