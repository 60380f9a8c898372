"""The journal: append-only events, and seals over closed ranges of them."""

from typing import Any

from django.db import models

from core.errors import Refused


class Event(models.Model):
    """One fact: who did what to which thing, when. Never changed and never deleted (BR 5.4.1)."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    verb = models.CharField(max_length=80)
    stream = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=["stream", "id"], name="event_stream"),
            models.Index(fields=["object_type", "object_id"], name="event_object"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new event; an existing one is never written again."""
        if not self._state.adding:
            raise Refused("An event is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: the journal is append-only."""
        raise Refused("An event is never deleted.")


class Seal(models.Model):
    """A digest over the events `first_id` to `last_id`, chained to the seal before."""

    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField(unique=True)
    count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous_digest = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"events {self.first_id} to {self.last_id}"
