"""What a person may do about an affected subscriber: write down a call, name a contact, try refused notices again."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audit.actors import staff
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import name_contact
from core.acts import Act
from notices.models import Call, Notice
from notices.services import record_call, retry_refused
from subscribers.models import Contact

CALLERS = ("campaigns.call_subscriber",)


class CallForm(forms.Form):
    """Whom was rung, and what came of it."""

    contact = forms.ModelChoiceField(
        Contact.objects.none(), required=False, empty_label="somebody else", widget=UnfoldAdminSelectWidget
    )
    outcome = forms.ChoiceField(choices=Call.Outcome.choices, widget=UnfoldAdminSelectWidget)
    note = forms.CharField(
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What was said, and who will do what until when.",
    )


class ContactForm(forms.Form):
    """A further person or mailbox of the subscriber."""

    name = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)
    email = forms.CharField(max_length=254, widget=UnfoldAdminTextInputWidget, help_text="A notice goes there at once.")
    phone = forms.CharField(max_length=40, required=False, widget=UnfoldAdminTextInputWidget)


def _own_contacts(form: forms.Form, affected: AffectedSubscriber) -> None:
    field = form.fields["contact"]
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = Contact.objects.filter(subscriber=affected.subscriber_id)


def _call(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    record_call(affected, actor=staff(user.username), now=now, **data)
    return "The call is in the journal."


def _name(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    contact = name_contact(affected, actor=staff(user.username), now=now, **data)
    return f"Added {contact}. A notice goes out within a minute."


def _retry(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    rows = list(Notice.objects.filter(affected_subscriber=affected, state=Notice.State.REFUSED))
    written = retry_refused(rows, actor=staff(user.username), now=now)
    return f"{len(written)} written again." if written else "None of them could be written again."


def _is_running(affected: AffectedSubscriber) -> bool:
    return affected.campaign.state == Campaign.State.RUNNING


def _has_refused(affected: AffectedSubscriber) -> bool:
    return _is_running(affected) and affected.notices.filter(state=Notice.State.REFUSED).exists()


CALL: Act[AffectedSubscriber] = Act(
    "call",
    "Write down a call",
    "Write it down",
    CALLERS,
    _call,
    CallForm,
    is_offered=_is_running,
    prepare=_own_contacts,
    template="console/subscriber_act.html",
)
NAME: Act[AffectedSubscriber] = Act(
    "contact",
    "Add a contact",
    "Add this contact",
    CALLERS,
    _name,
    ContactForm,
    is_offered=_is_running,
    template="console/subscriber_act.html",
    lead="Somebody who was named on the telephone, for instance.",
)
RETRY: Act[AffectedSubscriber] = Act(
    "retry",
    "Try refused notices again",
    "Try again",
    ("campaigns.launch_campaign",),
    _retry,
    is_offered=_has_refused,
    template="console/subscriber_act.html",
)


def subscriber_acts() -> tuple[Act[AffectedSubscriber], ...]:
    """The acts on an affected subscriber, in the order of their buttons."""
    return (CALL, NAME, RETRY)
