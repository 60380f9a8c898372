from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections

from core.errors import Refused
from notices.models import CallTurn
from notices.services import release_turn, take_turn
from notices.services.turns import TURN
from tests import make
from tests.conftest import NOW

CLEO, OTTO = "staff:cleo", "staff:otto"


@pytest.mark.django_db
def test_a_subscriber_is_one_callers_at_a_time():
    subscriber = make.subscriber()
    turn = take_turn(subscriber, actor=CLEO, now=NOW)
    assert (turn.caller, turn.taken_at, turn.until) == (CLEO, NOW, NOW + TURN)
    with pytest.raises(Refused, match=r"^cleo has been ringing .* since 08:30 UTC; the turn ends at 08:45\.$"):
        take_turn(subscriber, actor=OTTO, now=NOW + timedelta(minutes=14))
    assert CallTurn.objects.get().caller == CLEO


@pytest.mark.django_db
def test_a_turn_ends_by_itself():
    subscriber = make.subscriber()
    take_turn(subscriber, actor=CLEO, now=NOW)
    assert take_turn(subscriber, actor=OTTO, now=NOW + TURN).caller == OTTO


@pytest.mark.django_db
def test_a_turn_can_be_taken_again_and_begins_anew():
    subscriber = make.subscriber()
    take_turn(subscriber, actor=CLEO, now=NOW)
    assert take_turn(subscriber, actor=CLEO, now=NOW + TURN / 2).until == NOW + TURN * 1.5


@pytest.mark.django_db
def test_a_turn_that_is_given_back_is_free_at_once():
    subscriber = make.subscriber()
    take_turn(subscriber, actor=CLEO, now=NOW)
    assert not release_turn(subscriber, actor=OTTO, now=NOW)
    assert release_turn(subscriber, actor=CLEO, now=NOW)
    assert not release_turn(subscriber, actor=CLEO, now=NOW)
    assert take_turn(subscriber, actor=OTTO, now=NOW).caller == OTTO


@pytest.mark.django_db
def test_whoever_rings_the_next_subscriber_has_left_the_one_before():
    first, second = make.subscriber(), make.subscriber()
    take_turn(first, actor=CLEO, now=NOW)
    take_turn(second, actor=CLEO, now=NOW)
    assert take_turn(first, actor=OTTO, now=NOW).caller == OTTO


@pytest.mark.django_db(transaction=True)
def test_of_callers_who_press_at_the_same_moment_exactly_one_gets_the_turn():
    subscriber, callers = make.subscriber(), [f"staff:caller{number}" for number in range(4)]
    together, got, refused, threads = Barrier(len(callers)), [], [], list[Thread]()

    def press(caller: str) -> None:
        together.wait()
        try:
            got.append(take_turn(subscriber, actor=caller, now=NOW).caller)
        except Refused:
            refused.append(caller)
        finally:
            connections.close_all()

    if connection.vendor == "sqlite":  # in memory it has one connection for all: there they press one after the other
        together = Barrier(1)
    for caller in callers:
        threads.append(Thread(target=press, args=(caller,)))
        threads[-1].start()
        if connection.vendor == "sqlite":
            threads[-1].join()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 3), connection.vendor
    assert CallTurn.objects.get().caller == got[0]
