"""The simulated readers' hours, hands and eyes."""

import random
from datetime import UTC, datetime

from rehearsal.browser import Page
from rehearsal.people import Person
from rehearsal.play import office

TUESDAY = datetime(2024, 3, 19, tzinfo=UTC)
CHANCE = random.Random(1)
WORKER = Person("S1", "prompt")


def test_what_comes_in_office_hours_is_read_at_once():
    at = TUESDAY.replace(hour=3)  # 11:00 in Beijing
    assert office(at, WORKER, CHANCE) == at


def test_what_comes_at_night_is_read_in_the_morning():
    read = office(TUESDAY.replace(hour=12), WORKER, CHANCE)
    assert datetime(2024, 3, 20, 1, tzinfo=UTC) <= read < datetime(2024, 3, 20, 2, 31, tzinfo=UTC)


def test_somebody_on_duty_reads_at_any_hour():
    at = TUESDAY.replace(hour=20)
    assert office(at, Person("S2", "prompt", keeps_office_hours=False), CHANCE) == at


def test_a_page_is_read_as_a_person_reads_it():
    page = Page(
        200,
        "http://127.0.0.1:8000/respond/t/",
        '<form method="post" action="/respond/t/confirm/" id="choose"><input type="hidden" name="csrf" value="s">'
        '<input type="checkbox" name="certificates" value="1"><input type="checkbox" name="certificates" value="2">'
        '<input type="text" name="no" value="x" disabled></form><input name="note" form="choose" value="n">'
        '<form action="https://elsewhere.example/x"></form>',
    )

    form = page.form("/confirm")

    assert form is not None
    assert form.action == "http://127.0.0.1:8000/respond/t/confirm/"
    assert form.boxes == {"certificates": ["1", "2"]}
    assert form.fields == [("csrf", "s"), ("note", "n")]
    assert page.form("/acknowledge") is None
