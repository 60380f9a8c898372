"""What a mail server means by a refusal: pure reading of SMTP replies (RFC 5321 4.2.3) and status codes (RFC 3463)."""

import re

STATUS = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
ADDRESS, MAILBOX = 1, 2
MAILBOX_DISABLED = 1
ADDRESS_CODES = {550, 551, 553, 556}
SENDERS_FAULT = {7, 8}
"""X.1.7 and X.1.8 are about the sender's address, not about the recipient's."""


def is_about_address(code: int, text: str) -> bool:
    """Whether a reply to RCPT says that this mailbox takes no mail at all, today or later.

    A status code decides where there is one: 5.1.x is the address (but for the two about the sender) and 5.2.1 a
    disabled mailbox. Policy, reputation and protocol (5.7.x, 5.5.x, 5.3.x) are about us, and a full mailbox (5.2.2)
    passes. Without a status code 550, 551, 553 and 556 mean the address.
    """
    if not 500 <= code < 600:  # noqa: PLR2004 - permanent negative replies, RFC 5321 4.2.1
        return False
    if found := STATUS.search(text):
        kind, detail = int(found[1]), int(found[2])
        return (kind == ADDRESS and detail not in SENDERS_FAULT) or (kind == MAILBOX and detail == MAILBOX_DISABLED)
    return code in ADDRESS_CODES
