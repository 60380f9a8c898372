"""How long to wait before the next look or the next try: the less time is left, the less."""

from datetime import datetime, timedelta

LOOKS = 8
"""How often a CRL is looked at within its interval, and how often at least within the time left."""
SHORTEST = timedelta(minutes=1)
SHORTEST_TRY = timedelta(seconds=15)
LAG_OF_LOOKS = 1 / LOOKS
"""The share of a CRL interval by which we may see a revocation later than it is published."""


def until_look(crl_interval: timedelta, *, now: datetime, publish_by: datetime | None) -> timedelta:
    """The wait before a CRL is fetched again: an eighth of its interval or of the time left, a minute at least."""
    return max(min(crl_interval, _left(now, publish_by, crl_interval)) / LOOKS, SHORTEST)


def until_try(backoff: timedelta, *, now: datetime, publish_by: datetime | None) -> timedelta:
    """How long to wait before a CA that was away is asked again: never more than an eighth of the time left.

    There is no last try: after the deadline it is asked every quarter of a minute.
    """
    return max(min(backoff, _left(now, publish_by, backoff) / LOOKS), SHORTEST_TRY)


def _left(now: datetime, publish_by: datetime | None, otherwise: timedelta) -> timedelta:
    return otherwise * LOOKS if publish_by is None else max(publish_by - now, timedelta(0))
