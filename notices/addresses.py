"""Addresses and texts as they may be shown and handed on: without what lets a reader act for somebody else."""

import re

from subscribers.models import Channel

LINK = re.compile(r"""(/(?:respond|contact)/)[^/\s"'<>]+(?:/|=?[ \t]*\r?\n[>\s]*[^/\s"'<>]+/)?""")
"""The token of a link, up to the slash at its end, which may be on the next line."""


def without_key(channel: str, address: str) -> str:
    """An address as it is; of chats and webhooks without what can be a password: all behind the scheme, or the host."""
    if channel not in (Channel.CHAT, Channel.WEBHOOK) or not address:
        return address
    scheme, _, rest = address.partition("://")
    if channel == Channel.CHAT or not rest:
        return f"{scheme if rest else channel}://…"
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…"


def without_link(text: str) -> str:
    """A text without personal links: whoever holds one can answer for the subscriber, and readers here may not.

    Mail programs break lines where they quote, also within a link.
    """
    return LINK.sub(r"\1(personal link)/", text)
