"""Signed links for contacts of the register. A link only identifies; what it may do is decided when it is used."""

from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from core.errors import Refused
from subscribers.models import Contact

SALT = "subscribers.contact"


class Withdrawn(Refused):
    """The link was ours, and has been cut off."""


def token(contact: Contact) -> str:
    """The signed text in a link: the contact, and the version of its links."""
    return _signer().sign(f"{contact.public_id.hex}.{contact.link_version}")


def contact_url(contact: Contact) -> str:
    """The absolute address at which this contact says whether it is still the right one."""
    return f"{settings.SITE_URL}/contact/{quote(token(contact))}/"


def read(token: str) -> Contact:
    """Whom a link identifies. Raises `Refused` for one that is altered or unknown, `Withdrawn` for one cut off."""
    try:
        public_id, version = _signer().unsign(token).split(".")
        contact = Contact.objects.select_related("subscriber").filter(public_id=UUID(public_id)).first()
        if contact and (contact.link_version != int(version) or contact.left_at):
            raise Withdrawn("This link is no longer valid. A newer message has a newer link.")
    except (BadSignature, ValueError):
        raise Refused("This link is damaged. Please copy the whole address from the message.") from None
    if contact is None:
        raise Refused("This link belongs to nobody.")
    return contact


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
