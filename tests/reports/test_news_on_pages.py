"""Pages and files take notices without a step: those of later news."""

from datetime import timedelta

import pytest

from campaigns.services import mark_published
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn
from tests.notices.conftest import sink
from tests.notices.flow import escalate, send, tell
from tests.notices.sink import Sink

__all__ = ["sink"]
pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_every_page_of_a_campaign_shows_news_and_what_it_is_about(
    sink: Sink, sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    owner, rows = make.affected(3)
    escalate(NOW)
    send(NOW)
    mark_published(rows[:1], at=NOW, now=NOW)
    [notice] = tell(NOW + HOUR)
    send(NOW + HOUR)
    make.excluded(rows[1], now=NOW + HOUR)
    frozen_clock.now = NOW + 2 * HOUR
    client = sign_in("omar", role="operator")
    campaign = f"/campaigns/{owner.campaign.public_id}"
    pages = {
        where: client.get(where)
        for where in (
            "/",
            f"{campaign}/",
            f"{campaign}/progress.json",
            f"{campaign}/journal/",
            f"{campaign}/subscribers/{owner.public_id}/",
            "/notices/notice/",
            f"/notices/notice/{notice.pk}/change/",
        )
    }
    assert {where: answer.status_code for where, answer in pages.items()} == dict.fromkeys(pages, 200)
    assert pages[f"{campaign}/progress.json"].json()["notices"]["total"] == 2
    page = pages[f"{campaign}/subscribers/{owner.public_id}/"].content.decode()
    assert f"<td>{notice.get_kind_display()}" in page
