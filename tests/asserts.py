"""What tests ask of the world, in its own words."""

from typing import Any

from django.db import models

from audit.models import Event


def events(verb: str, about: models.Model | None = None) -> list[Event]:
    """The events of a verb, about one thing if it is given, oldest first."""
    found = Event.objects.filter(verb=verb)
    if about is not None:
        found = found.filter(object_type=about._meta.model_name or "", object_id=str(about.pk))
    return list(found.order_by("pk"))


def assert_event(verb: str, about: models.Model | None = None, *, actor: str = "", **facts: Any) -> Event:
    """There is exactly one event of this verb, by this actor, and it states these facts; the event."""
    found = events(verb, about)
    said = list(Event.objects.order_by("pk").values_list("verb", flat=True))
    assert len(found) == 1, f"{len(found)} events {verb}; there are {said}"
    event = found[0]
    assert not actor or event.actor == actor
    assert {name: event.facts.get(name) for name in facts} == facts
    return event


def assert_no_event(verb: str, about: models.Model | None = None) -> None:
    """There is no event of this verb."""
    assert events(verb, about) == []
