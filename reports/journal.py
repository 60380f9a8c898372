"""The journal of a campaign, newest first, by keyset: a page costs the same on a million events."""

from dataclasses import dataclass

from audit.models import Event
from campaigns.models import Campaign

PAGE = 50


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Some events, newest first, and the key from which the next page goes on; 0 when there is none."""

    events: list[Event]
    before: int


def journal(campaign: Campaign, *, verb: str = "", before: int = 0, size: int = PAGE) -> JournalPage:
    """A page of a campaign's journal; `verb` filters by the beginning of the verb."""
    rows = Event.objects.filter(stream=campaign.stream).order_by("-pk")
    if verb:
        rows = rows.filter(verb__startswith=verb)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: size + 1])
    return JournalPage(found[:size], found[size - 1].pk if len(found) > size else 0)


def event_as_json(event: Event) -> dict[str, object]:
    """An event as other programs read it."""
    return {
        "id": event.pk,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "verb": event.verb,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "facts": event.facts,
    }
