"""Signed links for subscribers. A link only identifies; what it may do is decided when it is used."""

from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from campaigns.models import AffectedSubscriber
from core.errors import Refused
from subscribers.models import Contact

SALT = "campaigns.respond"


class Withdrawn(Refused):
    """The link was ours, and has been cut off."""


def token(affected_subscriber: AffectedSubscriber, contact: Contact) -> str:
    """The signed text in a link: the affected subscriber, the contact, and the version of the subscriber's links."""
    return _signer().sign(f"{affected_subscriber.public_id.hex}.{contact.pk}.{affected_subscriber.link_version}")


def respond_url(affected_subscriber: AffectedSubscriber, contact: Contact) -> str:
    """The absolute address at which this contact answers for this subscriber."""
    return f"{settings.SITE_URL}/respond/{quote(token(affected_subscriber, contact))}/"


def read(token: str) -> tuple[AffectedSubscriber, Contact]:
    """Whom a link identifies. Raises `Refused` for one that is altered or unknown, `Withdrawn` for one cut off."""
    subscriber_id, contact_pk, version = _parts(token)
    affected = (
        AffectedSubscriber.objects.select_related("campaign", "subscriber").filter(public_id=subscriber_id).first()
    )
    contact = Contact.objects.filter(pk=contact_pk).first()
    if affected is None or contact is None or contact.subscriber_id != affected.subscriber_id:
        raise Refused("This link belongs to nobody.")
    if version != affected.link_version:
        raise Withdrawn("This link is no longer valid. A newer message has a newer link.")
    return affected, contact


def _parts(token: str) -> tuple[UUID, int, int]:
    try:
        subscriber_id, contact_pk, version = _signer().unsign(token).split(".")
        return UUID(subscriber_id), int(contact_pk), int(version)
    except (BadSignature, ValueError):
        raise Refused("This link is damaged. Please copy the whole address from the message.") from None


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
