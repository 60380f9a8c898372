"""The colleagues who ring up subscribers that nobody has reached by mail."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from audit.actors import staff
from campaigns import links
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import name_contact
from notices.models import Call
from notices.services import record_call
from rehearsal.people import Person

BEGIN_AFTER = timedelta(hours=20)
BETWEEN_CALLS = timedelta(minutes=12)
AGAIN_AFTER = timedelta(hours=10)
CALLER = staff("caller")


class CallRoom:
    """A handful of people with telephones, who work through the at-risk list and write down what was said."""

    def __init__(
        self, people: Mapping[str, Person], *, on_reached: Callable[[AffectedSubscriber, str, datetime], None]
    ) -> None:
        self.people = people
        self.on_reached = on_reached
        self.next_at: datetime | None = None

    def step(self, *, now: datetime) -> None:
        """Make the calls for which there has been time since the last step."""
        for campaign in Campaign.objects.acting():
            begin = (campaign.launched_at or now) + BEGIN_AFTER
            self.next_at = max(self.next_at or begin, begin)
            while self.next_at <= now:
                self.next_at += BETWEEN_CALLS
                if not self._ring(campaign, now=now):
                    self.next_at = max(self.next_at, now)
                    break

    def _ring(self, campaign: Campaign, *, now: datetime) -> bool:
        quiet = Call.objects.filter(at__gt=now - AGAIN_AFTER).values("affected_subscriber")
        rows = AffectedSubscriber.objects.filter(campaign=campaign, acknowledged_at=None).at_risk(now)
        affected = (
            rows.exclude(pk__in=quiet)
            .select_related("subscriber", "campaign")
            .order_by("unreachable_since", "pk")
            .first()
        )
        if affected is None:
            return False
        self._talk(affected, self.people.get(affected.subscriber.reference), now=now)
        return True

    def _talk(self, affected: AffectedSubscriber, person: Person | None, *, now: datetime) -> None:
        contact = affected.subscriber.contacts.exclude(phone="").order_by("rank").first()
        reached = person is not None and person.answers_phone
        gone = person is not None and person.trait == "everybody gone"
        record_call(
            affected,
            contact=contact,
            outcome=_outcome(reached, gone),
            note="The switchboard named a successor." if reached and gone else "",
            actor=CALLER,
            now=now,
        )
        if not reached:
            return
        if gone:
            domain = contact.email.rpartition("@")[2] if contact else "subscriber.example"
            name_contact(affected, name="Successor", email=f"successor@{domain}", phone="", actor=CALLER, now=now)
        elif contact is not None:
            self.on_reached(affected, links.respond_url(affected, contact), now)


def _outcome(reached: bool, gone: bool) -> str:
    """Where everybody is gone, the number is answered by somebody who only knows who came after them."""
    if not reached:
        return Call.Outcome.NO_ANSWER
    return Call.Outcome.WRONG_NUMBER if gone else Call.Outcome.REACHED
