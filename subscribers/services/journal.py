"""How the register speaks in the journal."""

from typing import Any

STREAM = "register"
NOTE_LENGTH = 500
SECRET = frozenset({"chat_url", "webhook_url"})
"""Columns whose value is a key: whoever has such an address can write to it."""


def said(column: str, value: Any) -> Any:
    """A value as JSON takes it; of a key only its kind."""
    if column in SECRET and value:
        return f"{str(value).partition('://')[0]}://..."
    return value if isinstance(value, bool | int | float | list | dict | None) else str(value)
