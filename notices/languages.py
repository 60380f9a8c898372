"""In which language a contact is written to."""

from core.languages import nearest
from subscribers.models import Contact


def language_of(contact: Contact) -> str:
    """The shipped language nearest to the contact's own, else to the subscriber's; load its subscriber with it."""
    return nearest(contact.language or contact.subscriber.language)
