"""Written words of subscribers that they can replace their certificates within a window."""

from datetime import datetime, timedelta

from django.db import transaction

from audit import services as audit
from core.errors import Malformed
from subscribers import fields
from subscribers.models import Commitment, Subscriber
from subscribers.services.journal import STREAM

VALIDITY = timedelta(days=365)
"""A word given on the page is good for a year; then it is asked for again."""


def give_commitment(
    subscriber: Subscriber, *, window: timedelta, given_by: str, actor: str, now: datetime
) -> Commitment:
    """Record that a subscriber can replace its certificates within 24 hours or 5 days, for a year from now.

    An earlier word is kept. Raises `Malformed` for another window, or where nobody's name is given.
    """
    if window not in fields.WINDOWS.values():
        raise Malformed("The window is 24 hours or 5 days.")
    name = fields.text(200)(given_by.strip())
    if not name:
        raise Malformed("Give the name of the person who says so.")
    with transaction.atomic():
        given, is_new = Commitment.objects.get_or_create(
            subscriber=subscriber,
            window=window,
            given_at=now,
            defaults={"given_by": name, "valid_until": now + VALIDITY},
        )
        if is_new:
            facts = {
                "subscriber": subscriber.reference,
                "window": str(window),
                "given_by": name,
                "valid_until": given.valid_until.isoformat(),
            }
            audit.record("commitment.given", stream=STREAM, about=given, actor=actor, now=now, facts=facts)
    return given
