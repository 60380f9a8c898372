"""What becomes known of contacts after the import: who works, who has left, who shall be told as well."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from audit import services as audit
from core.errors import Malformed, Refused
from subscribers import fields
from subscribers.models import Contact, ContactCheck, Subscriber
from subscribers.services.journal import NOTE_LENGTH, STREAM

MOST_CONTACTS = 30
"""A subscriber's link may fill no register: that many contacts, and no more, may be named."""


def add_contact(
    subscriber: Subscriber,
    *,
    email: str,
    name: str = "",
    phone: str = "",
    rank: int | None = None,
    actor: str,
    now: datetime,
) -> Contact:
    """A further contact of a subscriber: its first becomes the primary, the others backups behind those that are there.

    A contact with this address is returned as it is; one that had left is back. Raises `Malformed` for an address or a
    number that is none, `Refused` where there are too many already.
    """
    email, phone = _ways(email, phone)
    with transaction.atomic():
        Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        known = subscriber.contacts.all()
        same = known.filter(email=email) if email else known.filter(email="", phone=phone)
        if found := same.first():
            mark_contact_back(found, actor=actor, now=now)
            return found
        if known.count() >= MOST_CONTACTS:
            raise Refused(_("There are %(count)d contacts already. Please write to us.") % {"count": MOST_CONTACTS})
        last = known.order_by("rank").last()
        place = rank if rank is not None else last.rank + 1 if last else 0
        contact = Contact.objects.create(
            subscriber=subscriber,
            name=fields.text(200)(name.strip()),
            email=email,
            phone=phone,
            role=Contact.Role.BACKUP if place else Contact.Role.PRIMARY,
            rank=place,
            added_at=now,
        )
        facts = {"subscriber": subscriber.reference, "email": email, "rank": place}
        audit.record("contact.added", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    return contact


def verify_contact(contact: Contact, *, actor: str, now: datetime) -> None:
    """Somebody has reached this contact: it works, an earlier bounce is history, and whoever asked has an answer."""
    with transaction.atomic():
        _write(contact, verified_at=now, bounced_at=None, bounce_note="")
        _answer(contact, ContactCheck.Answer.STILL, now=now)
        audit.record("contact.verified", stream=STREAM, about=contact, actor=actor, now=now)


def mark_contact_bounced(contact: Contact, *, note: str, actor: str, now: datetime) -> bool:
    """Mail to this contact comes back; whether that is new. The first bounce stands until the contact is verified."""
    with transaction.atomic():
        fresh = Contact.objects.filter(pk=contact.pk, bounced_at=None)
        is_new = bool(fresh.update(bounced_at=now, bounce_note=note[:NOTE_LENGTH]))
        if is_new:
            facts = {"email": contact.email, "note": note[:NOTE_LENGTH]}
            audit.record("contact.bounced", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    if is_new:
        contact.bounced_at, contact.bounce_note = now, note[:NOTE_LENGTH]
    return is_new


def clear_bounce(contact: Contact, *, actor: str, now: datetime) -> bool:
    """The address takes mail again, as far as we know; whether it was marked. It is not verified by that."""
    with transaction.atomic():
        marked = Contact.objects.filter(pk=contact.pk).exclude(bounced_at=None)
        if not marked.update(bounced_at=None, bounce_note=""):
            return False
        facts = {"email": contact.email, "note": contact.bounce_note}
        audit.record("contact.bounce_cleared", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    contact.bounced_at, contact.bounce_note = None, ""
    return True


def mark_contact_left(contact: Contact, *, note: str = "", actor: str, now: datetime) -> bool:
    """This is no longer the right person; whether that is new. Its links open nothing any more, and it is kept."""
    with transaction.atomic():
        present = Contact.objects.filter(pk=contact.pk, left_at=None)
        if not present.update(left_at=now, left_note=note[:NOTE_LENGTH], link_version=F("link_version") + 1):
            return False
        _answer(contact, ContactCheck.Answer.LEFT, note=note[:NOTE_LENGTH], now=now)
        facts = {"email": contact.email, "note": note[:NOTE_LENGTH]}
        audit.record("contact.left", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    contact.refresh_from_db()
    return True


def mark_contact_back(contact: Contact, *, actor: str, now: datetime) -> bool:
    """This is the right person after all; whether it had left. It is not verified by that."""
    with transaction.atomic():
        gone = Contact.objects.filter(pk=contact.pk).exclude(left_at=None)
        if not gone.update(left_at=None, left_note=""):
            return False
        facts = {"email": contact.email, "note": contact.left_note}
        audit.record("contact.back", stream=STREAM, about=contact, actor=actor, now=now, facts=facts)
    contact.left_at, contact.left_note = None, ""
    return True


def hand_over(contact: Contact, *, email: str, name: str = "", actor: str, now: datetime) -> Contact:
    """This person has left and names who follows, in the same place; the successor is asked as soon as others are.

    Raises `Malformed` for an address that is none, `Refused` for the person's own.
    """
    if fields.email(email.strip()) == contact.email:
        raise Refused(_("This is the address that we have. Give that of the person who takes your place."))
    with transaction.atomic():
        heir = add_contact(contact.subscriber, email=email, name=name, rank=contact.rank, actor=actor, now=now)
        mark_contact_left(contact, note=f"follows: {heir.email}", actor=actor, now=now)
        ask_as_well(heir, asked=contact, now=now)
    return heir


def ask_as_well(newcomer: Contact, *, asked: Contact, now: datetime) -> bool:
    """Ask a contact whom another has named in a round that is going on; whether there is one."""
    rounds = asked.checks.filter(round__ended_at=None, round__answer_by__gt=now).values_list("round", flat=True)
    latest = rounds.order_by("-round").first()
    if latest is None or newcomer.verified_at:
        return False
    due_at = now if newcomer.email else None
    return ContactCheck.objects.get_or_create(round_id=latest, contact=newcomer, defaults={"due_at": due_at})[1]


def cut_off_links(contact: Contact, *, actor: str, now: datetime) -> None:
    """Links that were sent to this contact open nothing any more; the next letter has a new one."""
    with transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(link_version=F("link_version") + 1)
        audit.record("contact.links_cut_off", stream=STREAM, about=contact, actor=actor, now=now)
    contact.refresh_from_db()


def _ways(email: str, phone: str) -> tuple[str, str]:
    email = fields.email(email.strip()) if email.strip() else ""
    phone = fields.phone(phone.strip()) if phone.strip() else ""
    if not email and not phone:
        raise Malformed("A contact needs an e-mail address or a telephone number.")
    return email, phone


def _write(contact: Contact, **values: Any) -> None:
    Contact.objects.filter(pk=contact.pk).update(**values)
    for name, value in values.items():
        setattr(contact, name, value)


def _answer(contact: Contact, answer: str, *, note: str = "", now: datetime) -> None:
    """Close what this contact is being asked in rounds."""
    contact.checks.filter(answered_at=None).update(answer=answer, answered_at=now, note=note, due_at=None)
