"""The key that signs the webhooks of a contact."""

import base64
import hashlib
import hmac

from django.conf import settings

from subscribers.models import Contact


def webhook_key(contact: Contact) -> str:
    """The contact's own key in the spelling of Standard Webhooks, `whsec_` and base64: the contact checks with it that
    a webhook is ours. It follows from SECRET_KEY, so a new one there makes all of them new."""
    raw = hmac.digest(settings.SECRET_KEY.encode(), b"webhook:" + str(contact.public_id).encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(raw).decode()
