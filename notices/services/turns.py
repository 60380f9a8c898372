"""Turns at the telephone: who is ringing a subscriber at the moment, so that nobody else does."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from core.errors import Refused
from notices.models import CallTurn
from subscribers.models import Subscriber

TURN = timedelta(minutes=15)
"""A call with its notes takes less; whoever goes away without a word holds a subscriber no longer than this."""


def take_turn(subscriber: Subscriber, *, actor: str, now: datetime) -> CallTurn:
    """Let one caller ring a subscriber, in all campaigns, for a quarter of an hour; their other turns end.

    Taking one's own turn again begins it anew. Raises `Refused` while it is somebody else's; of two who ask at the
    same time exactly one gets it.
    """
    times = {"caller": actor, "taken_at": now, "until": now + TURN}
    with transaction.atomic():
        turn, is_new = CallTurn.objects.get_or_create(subscriber=subscriber, defaults=times)
        free = CallTurn.objects.filter(Q(until__lte=now) | Q(caller=actor), pk=turn.pk)
        is_taken = is_new or bool(free.update(**times))
        if is_taken:
            mine = CallTurn.objects.filter(caller=actor, until__gt=now).exclude(pk=turn.pk)
            mine.update(until=now)
    turn.refresh_from_db()
    if not is_taken:
        who = turn.caller.partition(":")[2] or turn.caller
        raise Refused(
            f"{who} has been ringing {subscriber} since {turn.taken_at:%H:%M} UTC; the turn ends at {turn.until:%H:%M}."
        )
    return turn


def release_turn(subscriber: Subscriber, *, actor: str, now: datetime) -> bool:
    """Give back one's own turn; whether there was one. Somebody else's is left alone."""
    mine = CallTurn.objects.filter(subscriber=subscriber, caller=actor, until__gt=now)
    return bool(mine.update(until=now))
