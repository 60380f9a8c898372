"""What a person may do about an affected subscriber: ring, name a contact, deal with what came back."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.actors import staff
from campaigns.models import AffectedSubscriber, Campaign
from campaigns.services import name_contact
from core import clock
from core.acts import Act
from notices.admin import calling
from notices.models import InboundMessage, Notice
from notices.services import deal_with, release_turn, retry_refused, take_turn

CALLERS = ("campaigns.call_subscriber",)


class ContactForm(forms.Form):
    """A further person or mailbox of the subscriber."""

    name = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)
    email = forms.CharField(max_length=254, widget=UnfoldAdminTextInputWidget, help_text="A notice goes there at once.")
    phone = forms.CharField(max_length=40, required=False, widget=UnfoldAdminTextInputWidget)


def _take(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    turn = take_turn(affected.subscriber, actor=staff(user.username), now=now)
    return f"It is your turn until {turn.until:%H:%M} UTC: nobody else rings {affected} now."


def _give_back(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    is_given = release_turn(affected.subscriber, actor=staff(user.username), now=now)
    return f"{affected} can be rung by somebody else." if is_given else "It was no longer your turn."


def _objection(affected: AffectedSubscriber, user: User) -> str:
    return calling.somebody_else_rings(affected, user, clock.now())


def _name(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    contact = name_contact(affected, actor=staff(user.username), now=now, **data)
    return f"Added {contact}. A notice goes out within a minute."


def _retry(affected: AffectedSubscriber, data: dict[str, Any], user: User, now: datetime) -> str:
    rows = list(Notice.objects.filter(affected_subscriber=affected, state=Notice.State.REFUSED))
    written = retry_refused(rows, actor=staff(user.username), now=now)
    return f"{len(written)} written again." if written else "None of them could be written again."


def _is_running(affected: AffectedSubscriber) -> bool:
    return affected.campaign.state == Campaign.State.RUNNING


def _is_acting(affected: AffectedSubscriber) -> bool:
    return _is_running(affected) and affected.campaign.halted_at is None


def _deal_with(message: InboundMessage, data: dict[str, Any], user: User, now: datetime) -> str:
    is_new = deal_with(message, actor=staff(user.username), now=now)
    return "Taken off the list of what is to be read." if is_new else f"{message.seen_by} had dealt with it already."


def _is_unread(message: InboundMessage) -> bool:
    return message.seen_at is None


def _has_refused(affected: AffectedSubscriber) -> bool:
    return _is_running(affected) and affected.notices.filter(state=Notice.State.REFUSED).exists()


CALL: Act[AffectedSubscriber] = Act(
    "call",
    "Write down a call",
    "Write it down",
    CALLERS,
    calling.write_down,
    calling.CallForm,
    explain=calling.explain,
    is_offered=_is_running,
    objection=_objection,
    prepare=calling.fit,
    template="console/call.html",
)
TURN: Act[AffectedSubscriber] = Act(
    "turn",
    "Ring them",
    "I ring them now",
    CALLERS,
    _take,
    is_offered=_is_acting,
    template="console/subscriber_act.html",
    lead="For a quarter of an hour nobody else is asked to ring this subscriber.",
)
GIVE_BACK: Act[AffectedSubscriber] = Act(
    "give_back",
    "Give back the turn",
    "Somebody else may ring",
    CALLERS,
    _give_back,
    is_offered=_is_running,
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


DEAL_WITH: Act[InboundMessage] = Act(
    "deal_with",
    "A message that came back",
    "Dealt with",
    CALLERS,
    _deal_with,
    is_offered=_is_unread,
    template="console/inbound.html",
)


def subscriber_acts() -> tuple[Act[AffectedSubscriber], ...]:
    """The acts on an affected subscriber, in the order of their buttons."""
    return (TURN, CALL, NAME, RETRY)
