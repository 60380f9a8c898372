"""What a person of the CA can do about a contact: each is an event."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User

from audit.actors import staff
from core.acts import Act
from subscribers.models import Contact
from subscribers.services import (
    clear_bounce,
    cut_off_links,
    mark_contact_back,
    mark_contact_left,
    verify_contact,
)
from subscribers.services.journal import NOTE_LENGTH

MAY_CHANGE = ("subscribers.change_contact",)


class LeftForm(forms.Form):
    """How we heard of it."""

    note = forms.CharField(
        max_length=NOTE_LENGTH, required=False, label="How we know", help_text="Kept in the journal."
    )


def _verify(contact: Contact, _said: dict[str, Any], user: User, now: datetime) -> str:
    verify_contact(contact, actor=staff(user.username), now=now)
    return f"{contact} is verified."


def _left(contact: Contact, said: dict[str, Any], user: User, now: datetime) -> str:
    mark_contact_left(contact, note=said["note"], actor=staff(user.username), now=now)
    return f"{contact} is no longer written to."


def _back(contact: Contact, _said: dict[str, Any], user: User, now: datetime) -> str:
    mark_contact_back(contact, actor=staff(user.username), now=now)
    return f"{contact} is written to again."


def _unbounce(contact: Contact, _said: dict[str, Any], user: User, now: datetime) -> str:
    clear_bounce(contact, actor=staff(user.username), now=now)
    return f"Mail goes to {contact} again."


def _cut(contact: Contact, _said: dict[str, Any], user: User, now: datetime) -> str:
    cut_off_links(contact, actor=staff(user.username), now=now)
    return f"Links that were sent to {contact} open nothing any more."


CONTACT_ACTS = (
    Act[Contact](
        name="verify", title="This contact is right", button="Mark as verified", permissions=MAY_CHANGE, do=_verify,
        lead="You have spoken to this person, or they have written from this address. An earlier bounce is history.",
        is_offered=lambda contact: contact.left_at is None,
    ),
    Act[Contact](
        name="left", title="No longer the right person", button="Mark as left", permissions=MAY_CHANGE, do=_left,
        form=LeftForm, lead="Nobody writes to this contact any more. It is kept, with all that was sent to it.",
        is_offered=lambda contact: contact.left_at is None, is_grave=True,
    ),
    Act[Contact](
        name="back", title="The right person after all", button="Mark as back", permissions=MAY_CHANGE, do=_back,
        lead="This contact is written to again. It is not verified by that.",
        is_offered=lambda contact: contact.left_at is not None,
    ),
    Act[Contact](
        name="unbounce", title="The address takes mail again", button="Clear the bounce", permissions=MAY_CHANGE,
        do=_unbounce, lead="Mail goes to this address again. It is not verified by that; if it bounces, we know soon.",
        is_offered=lambda contact: contact.bounced_at is not None,
    ),
    Act[Contact](
        name="cut-off", title="Cut off the links of this contact", button="Cut off links", permissions=MAY_CHANGE,
        do=_cut, lead="For a letter that got into wrong hands. The next letter has a new link. Links of campaigns are"
        " cut off in the campaign.",
        is_offered=lambda contact: contact.left_at is None,
    ),
)  # fmt: skip
