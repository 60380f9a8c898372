"""The page at the telephone: whom to ring, what to say, and one button for each outcome."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.actors import staff
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.moments import zone
from notices import callhours
from notices.callscript import Occasion, script
from notices.languages import language_of
from notices.models import Call, CallTurn, Notice
from notices.phonebook import in_line, shown, wrong_numbers
from notices.services import Agreed, record_call
from notices.services.calls import deadline_of, zone_of
from subscribers.models import Channel, Contact

LOST = (Notice.State.BOUNCED, Notice.State.REFUSED)


class LocalMoment(forms.DateTimeField):
    """A moment by the clock on the subscriber's wall."""

    place: tzinfo = UTC

    def to_python(self, value: Any) -> datetime | None:
        """The moment; raises `ValidationError` for one that the clocks there skip."""
        with timezone.override(self.place):
            return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        """As the browser's own field wants it."""
        if isinstance(value, datetime) and timezone.is_aware(value):
            return value.astimezone(self.place).strftime("%Y-%m-%dT%H:%M")
        return value


def _local(label: str) -> LocalMoment:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    widget.input_type = "datetime-local"
    return LocalMoment(label=label, required=False, widget=widget)


class CallForm(forms.Form):
    """Whom was rung, and what came of it."""

    contact = forms.ModelChoiceField(
        Contact.objects.none(), required=False, empty_label="somebody else", widget=UnfoldAdminSelectWidget
    )
    outcome = forms.ChoiceField(choices=Call.Outcome.choices, error_messages={"required": "Choose what came of it."})
    promised_for = _local("Promised by")
    next_at = _local("Ring again")
    note = forms.CharField(
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "What was said, who will do what until when"}),
    )

    def clean(self) -> dict[str, Any]:
        """A promise's moment counts with a promise only: the field is filled in before an outcome is chosen."""
        data: dict[str, Any] = {**self.cleaned_data}
        if data.get("outcome") != Call.Outcome.PROMISED:
            data["promised_for"] = None
        return data


@dataclass(frozen=True, slots=True)
class Callee:
    """One contact who can be rung."""

    contact: Contact
    number: str
    language: str
    local_time: str
    zone: str
    is_open: bool
    lines: list[str]


def fit(form: forms.Form, affected: AffectedSubscriber) -> None:
    """Offer the subscriber's contacts, and read moments by the clock there."""
    contact, place = form.fields["contact"], zone(affected.subscriber.time_zone)
    if isinstance(contact, forms.ModelChoiceField):
        contact.queryset = Contact.objects.filter(subscriber=affected.subscriber_id, left_at=None)
    for field in form.fields.values():
        if isinstance(field, LocalMoment):
            field.place = place


def explain(affected: AffectedSubscriber, now: datetime) -> dict[str, Any]:
    """Everything that a caller wants to see during the call."""
    deadline = deadline_of(affected, now)
    calls = list(affected.calls.select_related("contact").order_by("-pk"))
    contacts = list(affected.subscriber.contacts.select_related("subscriber"))
    wrong = wrong_numbers([affected.subscriber_id])[affected.subscriber_id]
    line, told = in_line(contacts, calls, wrong), _written_to(affected)
    turn = CallTurn.objects.filter(subscriber=affected.subscriber_id, until__gt=now).first()
    return {
        "deadline": deadline,
        "left": affected.certificates.outstanding(now).count(),
        "callees": [_callee(affected, each, told, deadline, now) for each in line],
        "managers": [each for each in contacts if each.role == Contact.Role.ACCOUNT_MANAGER and not each.left_at],
        "wrong": sorted(shown(number, is_drill=affected.campaign.is_drill) for number in wrong),
        "calls": calls,
        "turn": turn,
        "outcomes": _outcomes(affected, line[0] if line else None, deadline, now),
        "elsewhere": _elsewhere(affected, now),
    }


def initial(affected: AffectedSubscriber, now: datetime) -> dict[str, Any]:
    """What the form begins with: the contact to ring first, and the promise to ask for."""
    contacts = affected.subscriber.contacts.all()
    wrong = wrong_numbers([affected.subscriber_id])[affected.subscriber_id]
    line = in_line(contacts, affected.calls.all(), wrong)
    asked = callhours.promise_to_ask_for(now, affected.subscriber.time_zone, deadline_of(affected, now))
    return {"contact": line[0].pk if line else None, "promised_for": asked}


def write_down(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    """Record the call; says when the next one is."""
    agreed = Agreed(data.pop("promised_for"), data.pop("next_at"))
    call = record_call(affected, agreed=agreed, actor=staff(user.username), now=now, **data)
    again = f" Next call: {call.next_at:%Y-%m-%d %H:%M} UTC." if call.next_at else " No further call is planned."
    return f"{affected}: {call.get_outcome_display()}.{again}"


def somebody_else_rings(affected: AffectedSubscriber, user: User, now: datetime) -> str:
    """Who is ringing this subscriber, when it is not the person who looks."""
    turns = CallTurn.objects.filter(subscriber=affected.subscriber_id, until__gt=now)
    turn = turns.exclude(caller=staff(user.username)).first()
    return (
        f"{turn.caller.partition(':')[2]} is ringing them, until {turn.until:%H:%M} UTC at the latest." if turn else ""
    )


def _written_to(affected: AffectedSubscriber) -> tuple[str, ...]:
    """The mail addresses at which the subscriber's own contacts have a notice that has not come back."""
    gone = affected.notices.filter(channel=Channel.MAIL, sent_at__isnull=False).exclude(state__in=LOST)
    own = gone.filter(contact__left_at=None, contact__bounced_at=None).exclude(
        contact__role=Contact.Role.ACCOUNT_MANAGER
    )
    return tuple(dict.fromkeys(own.order_by("pk").values_list("contact__email", flat=True)))


def _callee(
    affected: AffectedSubscriber, contact: Contact, told: tuple[str, ...], deadline: datetime | None, now: datetime
) -> Callee:
    name, campaign = zone_of(affected, contact), affected.campaign
    occasion = Occasion(
        subscriber=affected.subscriber.name,
        explanation=campaign.explanation,
        rule_pack=campaign.rule_pack,
        rule=campaign.rule,
        count=affected.certificates.outstanding(now).count(),
        deadline=deadline or campaign.deadline,
        written_to=told,
    )
    language = language_of(contact)
    return Callee(
        contact=contact,
        number=shown(contact.phone, is_drill=campaign.is_drill),
        language=language,
        local_time=callhours.local_time(name, now),
        zone=name,
        is_open=callhours.is_open(now, name),
        lines=script(occasion, contact=contact.name, language=language, zone_name=name, now=now),
    )


def _outcomes(
    affected: AffectedSubscriber, contact: Contact | None, deadline: datetime | None, now: datetime
) -> list[dict[str, Any]]:
    """One button for each outcome, with the next call that would follow, by the clock there."""
    name, found = zone_of(affected, contact), []
    for value, label in Call.Outcome.choices:
        again = callhours.next_attempt(value, zone_name=name, deadline=deadline, now=now)
        there = again.astimezone(zone(name)).strftime("%a %d %b, %H:%M") if again else ""
        is_told = value in Call.TOLD
        found.append({"value": value, "label": str(label), "is_told": is_told, "next_at": again, "there": there})
    return found


def _elsewhere(affected: AffectedSubscriber, now: datetime) -> list[AffectedSubscriber]:
    """The same subscriber in other running campaigns: one call is enough for all of them."""
    rows = AffectedSubscriber.objects.outstanding(now).filter(
        subscriber=affected.subscriber_id, campaign__in=Campaign.objects.running()
    )
    return list(rows.exclude(pk=affected.pk).select_related("campaign", "subscriber"))
