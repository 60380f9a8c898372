"""Addresses as they may be shown and handed on."""

from subscribers.models import Channel


def without_key(channel: str, address: str) -> str:
    """An address as it is; of chats and webhooks without what can be a password: all behind the scheme, or the host."""
    if channel not in (Channel.CHAT, Channel.WEBHOOK) or not address:
        return address
    scheme, _, rest = address.partition("://")
    if channel == Channel.CHAT or not rest:
        return f"{scheme if rest else channel}://…"
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…"
