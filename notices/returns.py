"""Where mail servers return a message that they cannot deliver: an address of its own for each message (VERP).

With `RETURN_PATH=bounces@ca.example` the envelope sender is `bounces+<identifier>.<tag>@ca.example`, a sub-address of
one mailbox (RFC 5233): whatever the bounce says, its recipient tells which message it is about. The tag is signed, so
nobody can make up a bounce of a message that he has not had from us.
"""

import re
from base64 import b32encode
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

TAG = 12
SUB_ADDRESS = re.compile(rf"(?P<local>.+)\+(?P<public_id>[0-9a-f]{{32}})\.(?P<tag>[a-z2-7]{{{TAG}}})@(?P<domain>[^@]+)")
LONGEST_LOCAL_PART = 64 - len("+") - 32 - len(".") - TAG
"""What RFC 5321 4.5.3.1.1 leaves for the name of the mailbox."""


def return_path(public_id: UUID) -> str:
    """The envelope sender of a message; empty where no `RETURN_PATH` is set."""
    local, at, domain = settings.RETURN_PATH.rpartition("@")
    return f"{local}+{public_id.hex}.{_tag(public_id)}@{domain}" if at else ""


def read_return_path(address: str) -> UUID | None:
    """The message that an envelope address of ours stands for; None for any other address and for a forged one."""
    found = SUB_ADDRESS.fullmatch(address.strip().strip("<>").lower())
    if found is None or f"{found['local']}@{found['domain']}" != settings.RETURN_PATH.lower():
        return None
    public_id = UUID(found["public_id"])
    return public_id if constant_time_compare(found["tag"], _tag(public_id)) else None


def _tag(public_id: UUID) -> str:
    """Twelve characters that survive a mail server which changes the case of what it hands on."""
    signed = salted_hmac("notices.returns", public_id.hex, algorithm="sha256").digest()
    return b32encode(signed).decode().lower()[:TAG]
