"""The colleagues who work through the call list, as it stands on the page, and write down what was said."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from audit.actors import staff
from campaigns import links
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import name_contact
from core.errors import Refused
from notices.models import Call
from notices.services import Agreed, record_call, take_turn
from rehearsal.people import Person
from reports.calls import call_list, to_ring
from subscribers.models import Contact

BETWEEN_CALLS = timedelta(minutes=12)
CALLER = staff("caller")
HANGS_UP = "never answers"


class CallRoom:
    """A handful of people with telephones, who ring whom the call list names next and take turns."""

    def __init__(
        self, people: Mapping[str, Person], *, on_reached: Callable[[AffectedSubscriber, str, datetime], None]
    ) -> None:
        self.people = people
        self.on_reached = on_reached
        self.next_at: datetime | None = None

    def step(self, *, now: datetime) -> None:
        """Make the calls for which there has been time since the last step."""
        self.next_at = max(self.next_at or now, now - BETWEEN_CALLS * 20)
        free = (now - self.next_at) // BETWEEN_CALLS
        if free < 1 or not Campaign.objects.acting().exists():
            return
        entries = call_list(to_ring(now), page=0, now=now).entries
        callable_ = [(it.affected, it.case.contact) for it in entries if it.is_open and it.case.contact]
        for affected, contact in callable_[:free]:
            self._ring(affected, contact, now=now)
        self.next_at = self.next_at + BETWEEN_CALLS * free if len(callable_) >= free else now

    def _ring(self, affected: AffectedSubscriber, contact: Contact, *, now: datetime) -> None:
        try:
            take_turn(affected.subscriber, actor=CALLER, now=now)
            self._talk(affected, contact, self.people.get(affected.subscriber.reference), now=now)
        except Refused:
            return

    def _talk(self, affected: AffectedSubscriber, contact: Contact, person: Person | None, *, now: datetime) -> None:
        outcome, agreed, note = _said(person, now=now)
        record_call(affected, contact=contact, outcome=outcome, note=note, agreed=agreed, actor=CALLER, now=now)
        if outcome not in Call.TOLD or outcome == Call.Outcome.REFUSES:
            return
        if person is not None and person.trait == "everybody gone":
            domain = contact.email.rpartition("@")[2] or "subscriber.example"
            name_contact(affected, name="Successor", email=f"successor@{domain}", phone="", actor=CALLER, now=now)
        else:
            self.on_reached(affected, links.respond_url(affected, contact), now)


def _said(person: Person | None, *, now: datetime) -> tuple[str, Agreed, str]:
    """What comes of a call to a person, and what the caller writes down of it."""
    gone = person is not None and person.trait == "everybody gone"
    if person is None or not person.answers_phone:
        if gone:
            return Call.Outcome.WRONG_NUMBER, Agreed(), "The number belongs to somebody else by now."
        if person is not None and person.trait == HANGS_UP and person.uploads:
            return Call.Outcome.REFUSES, Agreed(), "Will not replace before the next quarter."
        return Call.Outcome.NO_ANSWER, Agreed(), ""
    if gone:
        return Call.Outcome.REACHED, Agreed(), "The switchboard named a successor."
    promised = now + timedelta(hours=person.works[-1][0] + 2) if person.works else None
    return (
        (Call.Outcome.PROMISED, Agreed(promised_for=promised), "Had not seen any mail. Has the link now.")
        if promised
        else (Call.Outcome.REACHED, Agreed(), "Had not seen any mail. Has the link now.")
    )
