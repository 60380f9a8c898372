"""What becomes of one affected subscriber at a moment: which steps it is told, who is addressed, by which channels."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.models import Audience, EscalationStep
from campaigns.plan import step_times
from core.figures import duration
from notices import audience
from notices.ladder import rungs
from notices.services.situation import Situation
from subscribers.models import Contact

ONLY_UNANSWERED = {
    Audience.NEXT_BACKUP: "its backups are not called in",
    Audience.BACKUPS: "its backups are not called in",
    Audience.ACCOUNT_MANAGER: "its account manager is not called in",
}
FOR_BACKUPS = {Audience.NEXT_BACKUP, Audience.BACKUPS}
TOO_LATE = "The deadline had passed."
OVERTAKEN = "Its time passed before it could be written."


@dataclass(slots=True)
class Draft:
    """One message that is to be written: to whom, by which channel, for which step, and why out of turn."""

    situation: Situation
    step: EscalationStep
    contact: Contact
    channel: str
    address: str
    cause: str = ""
    because: str = ""


@dataclass(slots=True)
class Plan:
    """What becomes of one claimed affected subscriber: what is written now, what is passed over, when to look again."""

    situation: Situation
    next_step: int
    due_at: datetime | None = None
    drafts: list[Draft] = field(default_factory=list)
    skipped: list[tuple[EscalationStep, str]] = field(default_factory=list)
    is_unreachable: bool = False

    @property
    def reaches(self) -> bool:
        """Whether anybody of the subscriber itself is written to."""
        return any(each.step.audience != Audience.ACCOUNT_MANAGER for each in self.drafts)


def plan(where: Situation, *, now: datetime) -> Plan:
    """The plan of one affected subscriber; it is due again when its next step is."""
    found = Plan(where, where.affected.next_step)
    if not where.is_running or where.outstanding == 0:
        return found
    if where.is_halted:
        found.due_at = now
        return found
    steps = where.steps
    taken = sum(each.order < where.affected.next_step for each in steps)
    deadline = where.deadline or now
    times = step_times(steps, start=where.affected.campaign.launched_at or now, deadline=deadline)
    aside = {position for position, each in enumerate(steps) if each.audience == Audience.ACCOUNT_MANAGER}
    lapses = [each.lapses_after for each in steps]
    stand = rungs(times, lapses=lapses, taken=taken, aside=aside, now=now, deadline=deadline)
    why = TOO_LATE if where.deadline is None else OVERTAKEN
    found.skipped = [(steps[position], why) for position in stand.missed]
    found.skipped += [(steps[position], _lapsed(steps[position].lapses_after)) for position in stand.lapsed]
    found.due_at = None if stand.following is None else times[stand.following]
    passed = [*stand.missed, *stand.lapsed, *stand.due]
    if passed:
        taken = max(passed) + 1
        found.next_step = steps[taken - 1].order + 1
    for position in sorted(stand.due, reverse=True):
        _address(found, steps[position])
    if where.deadline is not None:
        _add_latecomers(found, steps[:taken])
    found.skipped.sort(key=lambda each: each[0].order)
    return found


def draft_for(where: Situation, step: EscalationStep, contact: Contact, **why: str) -> list[Draft]:
    """The messages of a step to one contact: by its first channel of the step's, or by every one."""
    found = audience.ways(contact, where.channels_of(step), on_every_channel=step.on_every_channel)
    return [Draft(where, step, contact, channel, address, **why) for channel, address in found]


def _lapsed(after: timedelta | None) -> str:
    return f"It was due more than {duration(after)} ago, and lapses then."


def _address(found: Plan, step: EscalationStep) -> None:
    """Draft a step that is due; steps are taken from the latest one back, and nobody is written to twice at once."""
    where, wanted = found.situation, Audience(step.audience)
    if where.is_acknowledged and wanted in ONLY_UNANSWERED:
        found.skipped.append((step, f"The subscriber has acknowledged, so {ONLY_UNANSWERED[wanted]}."))
        return
    channels = where.channels_of(step)
    people = audience.addressed(where.contacts, wanted, channels=channels, told=where.told_anything)
    if wanted in FOR_BACKUPS and not where.told_anything:
        # The first notice of somebody who has come in late: backups alone are not who looks after it.
        first = audience.addressed(where.contacts, Audience.PRIMARY, channels=channels)
        people = [*first, *(each for each in people if each not in first)]
    busy = {each.contact.pk for each in found.drafts} | where.told[step.pk]
    for contact in people:
        if contact.pk not in busy:
            found.drafts += draft_for(where, step, contact, because=_because(where, contact))
    if wanted == Audience.ACCOUNT_MANAGER:
        if not people:
            found.skipped.append((step, "The subscriber has no account manager who could be told."))
    elif not people:
        found.is_unreachable = True
        found.skipped.append((step, f"No contact can be reached by {_by(step, channels)}."))


def _because(where: Situation, contact: Contact) -> str:
    """A backup that hears of it for the first time, after others have been told in vain, reads why."""
    told = where.told_anything
    is_first = contact.role == Contact.Role.BACKUP and contact.pk not in told
    return "silent" if is_first and told and not where.is_acknowledged else ""


def _by(step: EscalationStep, channels: tuple[str, ...]) -> str:
    return " or ".join(channels) or f"{' or '.join(step.channels)}: no such channel is set up"


def _add_latecomers(found: Plan, taken: list[EscalationStep]) -> None:
    """Whoever was named after the launch, and has heard nothing yet, is told the present step whatever its audience."""
    where = found.situation
    step = next((each for each in reversed(taken) if each.audience != Audience.ACCOUNT_MANAGER), None)
    launched_at = where.affected.campaign.launched_at
    if step is None or launched_at is None:
        return
    told = where.told_anything | {each.contact.pk for each in found.drafts}
    for contact in audience.reachable(where.contacts, channels=where.channels_of(step)):
        if contact.added_at and contact.added_at > launched_at and contact.pk not in told:
            found.drafts += draft_for(where, step, contact)
