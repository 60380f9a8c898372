"""Recording facts, and sealing them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction

from audit.models import Event, Seal
from core.due import lease

SETTLING_TIME = timedelta(minutes=5)
"""Only events older than this are sealed, so that a transaction that commits late cannot slip under a seal. No task
outlives a lease; by a rehearsal's fast clock that is longer than this."""
STEP = 5000


def record(
    verb: str,
    *,
    stream: str,
    about: models.Model | None = None,
    actor: str,
    now: datetime,
    facts: dict[str, Any] | None = None,
) -> Event:
    """Write down a fact that changes no state. Call it inside the transaction of the change that it tells of."""
    return Event.objects.create(
        at=now,
        actor=actor,
        verb=verb,
        stream=stream,
        object_type=(about._meta.model_name or "") if about else "",
        object_id=str(about.pk) if about else "",
        facts=facts or {},
    )


def record_each(
    verb: str,
    rows: Iterable[models.Model],
    *,
    stream: str,
    actor: str,
    now: datetime,
    facts: dict[str, Any] | Callable[[Any], dict[str, Any]] | None = None,
) -> None:
    """Write down a fact about each of many rows, by one statement per thousand; `facts` are all rows' or each row's."""
    Event.objects.bulk_create(
        (
            Event(
                at=now,
                actor=actor,
                verb=verb,
                stream=stream,
                object_type=row._meta.model_name or "",
                object_id=str(row.pk),
                facts=facts(row) if callable(facts) else facts or {},
            )
            for row in rows
        ),
        batch_size=1000,
    )


def actors_of(stream: str, verbs: Iterable[str]) -> set[str]:
    """Who has done any of these things in a stream."""
    rows = Event.objects.filter(stream=stream, verb__in=list(verbs)).order_by()
    return set(rows.values_list("actor", flat=True).distinct())


def canonical(event: Event) -> bytes:
    """The bytes of an event that a seal covers: JSON with sorted keys, times in UTC."""
    return json.dumps(
        {
            "id": event.pk,
            "at": event.at.isoformat(),
            "actor": event.actor,
            "verb": event.verb,
            "stream": event.stream,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "facts": event.facts,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def digest(events: Iterable[Event], *, previous: str) -> tuple[str, int]:
    """SHA-256 over the previous seal's digest and the digests of these events in order, and how many there were."""
    running = hashlib.sha256(previous.encode())
    count = 0
    for event in events:
        running.update(hashlib.sha256(canonical(event)).digest())
        count += 1
    return running.hexdigest(), count


def seal_events(*, now: datetime) -> Seal | None:
    """Seal the events that have settled since the last seal; None when there are none.

    Two sealers at once are harmless: `last_id` is unique, and the later one waits for the lock and finds nothing new.
    """
    with transaction.atomic():
        last = Seal.objects.select_for_update().order_by("-last_id").first()
        settled = _settled(since=last.last_id if last else 0, now=now)
        ends = settled.aggregate(first=models.Min("pk"), last=models.Max("pk"))
        if ends["last"] is None:
            return None
        found, count = digest(settled.order_by("pk").iterator(STEP), previous=last.digest if last else "")
        return Seal.objects.create(
            first_id=ends["first"],
            last_id=ends["last"],
            count=count,
            digest=found,
            previous_digest=last.digest if last else "",
            at=now,
        )


def _settled(*, since: int, now: datetime) -> models.QuerySet[Event]:
    """The events after a number and before the first one that is still too young: a closed range, without holes."""
    fresh = (
        Event.objects.filter(pk__gt=since, at__gt=now - max(SETTLING_TIME, lease()))
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )
    rows = Event.objects.filter(pk__gt=since)
    return rows if fresh is None else rows.filter(pk__lt=fresh)


def verify_seals() -> Iterator[str]:
    """Check every seal against the events under it; yields one sentence for each fault, nothing when all is whole."""
    previous, after = "", 0
    for seal in Seal.objects.order_by("last_id").iterator():
        if seal.previous_digest != previous:
            yield f"Seal {seal.pk} does not continue the seal before it."
        events = Event.objects.filter(pk__gt=after, pk__lte=seal.last_id).order_by("pk")
        found, count = digest(events.iterator(STEP), previous=seal.previous_digest)
        if count != seal.count:
            yield f"Seal {seal.pk} covers {seal.count} events up to {seal.last_id}, but {count} are there."
        elif found != seal.digest:
            yield f"An event between {seal.first_id} and {seal.last_id} is not the one that seal {seal.pk} covers."
        previous, after = seal.digest, seal.last_id
