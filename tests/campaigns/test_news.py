"""What subscribers have to hear is noted with the fact itself: once while it is open, and soon enough."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedSubscriber, Exclusion, News
from campaigns.services import (
    mark_published,
    move_deadline_earlier,
    request_exclusion,
    withdraw_exclusion,
)
from core.errors import Refused
from tests import make
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def news(of: AffectedSubscriber) -> list[tuple[str, timedelta, timedelta, timedelta]]:
    """The open news: kind, and since when, until when and for when, in time since the beginning."""
    rows = of.news.filter(told_at=None).order_by("pk")
    return [(row.kind, row.since - NOW, row.happened_at - NOW, (row.due_at or NOW) - NOW) for row in rows]


def test_revocations_are_told_when_it_has_been_quiet_for_half_an_hour():
    owner, rows = make.affected(3)
    for minute, row in zip((0, 20, 45), rows, strict=True):
        mark_published([row], at=NOW + minute * MINUTE, now=NOW + minute * MINUTE)
    assert news(owner) == [("revoked", 0 * MINUTE, 45 * MINUTE, 75 * MINUTE)]


def test_a_steady_stream_of_revocations_is_told_within_two_hours():
    owner, rows = make.affected(13)
    for place, row in enumerate(rows):
        mark_published([row], at=NOW + 10 * place * MINUTE, now=NOW + 10 * place * MINUTE)
        ((_, _, _, due),) = news(owner)
        assert due <= 120 * MINUTE
        assert due >= 10 * place * MINUTE


def test_what_has_been_told_is_not_opened_again():
    owner, rows = make.affected(2)
    mark_published(rows[:1], at=NOW, now=NOW)
    News.objects.update(told_at=NOW + MINUTE, due_at=None)
    mark_published(rows[1:], at=NOW + 2 * MINUTE, now=NOW + 2 * MINUTE)
    assert news(owner) == [("revoked", 2 * MINUTE, 2 * MINUTE, 32 * MINUTE)]
    assert News.objects.count() == 2


def test_whoever_is_writing_news_loses_them_when_more_happens():
    _, rows = make.affected(2)
    mark_published(rows[:1], at=NOW, now=NOW)
    before = News.objects.get().attempts
    mark_published(rows[1:], at=NOW, now=NOW)
    assert News.objects.get().attempts > before


def test_a_certificate_that_was_never_affected_is_a_correction():
    owner, (row, _) = make.affected(2)
    make.excluded(row, now=NOW + MINUTE)
    assert news(owner) == [("correction", MINUTE, MINUTE, MINUTE)]


def test_what_is_only_asked_for_is_no_news():
    owner, (row, _) = make.affected(2)
    asked = request_exclusion(
        row, ground="not_affected", until=None, justification="As said", by=make.user("olga"), now=NOW
    )
    withdraw_exclusion(asked, by=make.user("olga"), now=NOW)
    assert news(owner) == []


def test_an_order_of_a_court_is_no_correction_but_its_end_is():
    owner, (row, _) = make.affected(2)
    made = make.excluded(row, ground="legal_order", until=NOW + 60 * MINUTE)
    assert news(owner) == []
    withdraw_exclusion(Exclusion.objects.get(pk=made.pk), by=make.user("olga"), now=NOW + MINUTE)
    assert news(owner) == [("correction", MINUTE, MINUTE, MINUTE)]


def test_an_earlier_deadline_is_a_correction_and_a_refused_one_is_not():
    owner, (row, other) = make.affected(2)
    (changed,) = move_deadline_earlier([row], to=NOW + 60 * MINUTE, actor=make.OPERATOR, now=NOW + MINUTE)
    changed.refresh_from_db()
    assert (changed.deadline_moved_at, changed.publish_by) == (NOW + MINUTE, NOW + 60 * MINUTE)
    assert news(owner) == [("correction", MINUTE, MINUTE, MINUTE)]
    News.objects.all().delete()
    with pytest.raises(Refused):
        move_deadline_earlier([other], to=NOW + timedelta(days=9), actor=make.OPERATOR, now=NOW + MINUTE)
    assert news(owner) == []


def test_kinds_are_told_apart():
    owner, (row, other) = make.affected(2)
    mark_published([row], at=NOW, now=NOW)
    make.excluded(other, now=NOW + MINUTE)
    assert [kind for kind, *_ in news(owner)] == ["revoked", "correction"]
