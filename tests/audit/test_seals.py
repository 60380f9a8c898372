from datetime import timedelta

import pytest

from audit.models import Event, Seal
from audit.services import SETTLING_TIME, record, seal_events, verify_seals
from core import clock
from core.due import lease
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + SETTLING_TIME


def write(count, at=NOW):
    for number in range(count):
        record("thing.happened", stream="register", actor="system", now=at, facts={"number": number})


def test_a_seal_covers_what_has_settled_and_verifies():
    write(3)

    seal = seal_events(now=LATER)

    assert seal is not None
    assert (seal.count, seal.previous_digest) == (3, "")
    assert list(verify_seals()) == []


def test_events_one_second_too_young_wait_for_the_next_seal():
    write(2)
    write(1, at=NOW + timedelta(seconds=1))

    first = seal_events(now=LATER)
    second = seal_events(now=LATER + timedelta(seconds=1))

    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (2, 1)
    assert second.previous_digest == first.digest
    assert list(verify_seals()) == []


def test_nothing_new_makes_no_seal():
    write(1)
    seal_events(now=LATER)

    assert seal_events(now=LATER + timedelta(hours=1)) is None
    assert Seal.objects.count() == 1


def test_a_changed_event_breaks_its_seal():
    write(3)
    seal_events(now=LATER)
    Event.objects.filter(facts__number=1).update(actor="staff:mallory")

    assert [fault for fault in verify_seals() if "not the one" in fault]


def test_a_removed_event_breaks_its_seal():
    write(3)
    seal_events(now=LATER)
    Event.objects.filter(facts__number=1)._raw_delete("default")

    assert [fault for fault in verify_seals() if "but 2 are there" in fault]


def test_a_changed_seal_breaks_the_chain():
    write(1)
    seal_events(now=LATER)
    write(1, at=LATER)
    seal_events(now=LATER + SETTLING_TIME)
    Seal.objects.filter(previous_digest="").update(digest="0" * 64)

    assert [fault for fault in verify_seals() if "does not continue" in fault]


def test_by_a_rehearsals_fast_clock_events_settle_for_a_lease(monkeypatch):
    monkeypatch.setattr(clock, "speed", lambda: 1440.0)
    write(1)

    assert seal_events(now=NOW + lease() - timedelta(seconds=1)) is None
    assert seal_events(now=NOW + lease()) is not None
    assert lease() > timedelta(days=4)
