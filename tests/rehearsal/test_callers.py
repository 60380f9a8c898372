"""The rehearsed callers work through the call list: they ring who can be rung, and write down what was said."""

from datetime import timedelta

import pytest

from campaigns.models import AffectedSubscriber
from notices.models import Call
from notices.services import record_call
from rehearsal.callers import CallRoom
from rehearsal.people import Person
from tests import make
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
"""A Wednesday morning, when whoever was silent for a day is rung."""


def silent(trait: str, *, answers: bool = False) -> tuple[AffectedSubscriber, Person]:
    affected, _ = make.affected()
    who = Person(affected.subscriber.reference, trait, answers_phone=answers, works=[(3.0, 1.0)])
    return affected, who


def test_who_answers_the_telephone_promises_and_gets_the_link() -> None:
    affected, who = silent("silent until called", answers=True)
    reached: list[str] = []
    room = CallRoom({who.reference: who}, on_reached=lambda _affected, link, _at: reached.append(link))
    room.step(now=LATER)
    room.step(now=LATER + timedelta(minutes=30))

    call = Call.objects.get()
    assert (call.outcome, call.called_by) == (Call.Outcome.PROMISED, "staff:caller")
    affected.refresh_from_db()
    assert affected.acknowledged_at == LATER + timedelta(minutes=30)
    [link] = reached
    assert "/respond/" in link


def test_a_subscriber_with_nobody_left_to_ring_keeps_no_other_from_being_rung() -> None:
    gone, nobody = silent("everybody gone")
    for contact in gone.subscriber.contacts.all():
        record_call(gone, contact=contact, outcome=Call.Outcome.WRONG_NUMBER, actor="staff:caller", now=LATER)
    _, who = silent("never answers")
    room = CallRoom({nobody.reference: nobody, who.reference: who}, on_reached=lambda *_: None)
    room.step(now=LATER)
    room.step(now=LATER + timedelta(minutes=13))

    assert Call.objects.filter(outcome=Call.Outcome.NO_ANSWER).count() == 1
