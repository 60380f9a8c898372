"""Mailboxes that take what comes back: read over IMAP, or as a Maildir on this machine.

A message is marked only after the reader has kept it, so whoever dies in between reads it again; what was kept already
is recognised by its digest. Of a message that is very long only the beginning is read.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from core.errors import Refused, Unavailable
from notices.mime import READ

TIMEOUT = 20
KEYWORD = "$RecallTaken"
PORTS = {"imaps": 993, "imap": 143, "imap+tls": 143}


@dataclass(frozen=True, slots=True)
class Found:
    """A message in a mailbox: how the mailbox calls it, its bytes or their beginning, its size, when it came in."""

    key: str
    raw: bytes
    size: int
    received_at: datetime


class Mailbox(Protocol):
    """What a reader needs of a mailbox. Every method raises `Unavailable` when the mailbox is away."""

    def unread(self, *, limit: int) -> Iterator[Found]:
        """The oldest messages that have not been marked."""

    def mark(self, key: str) -> None:
        """Say that a message has been kept."""


def name_of(url: str) -> str:
    """What a mailbox is called in journals and logs: its address without a password."""
    parts = urlsplit(url)
    user = f"{unquote(parts.username)}@" if parts.username else ""
    return f"{parts.scheme}://{user}{parts.hostname or ''}{parts.path}"[:100]


@contextmanager
def open_mailbox(url: str) -> Iterator[Mailbox]:
    """A mailbox by its URL: `imaps://user:password@host/Folder`, `imap+tls://…`, `imap://…`, or `maildir:///path`.

    Raises `Refused` for another kind of URL, and `Unavailable` when the mailbox cannot be opened.
    """
    parts = urlsplit(url)
    if parts.scheme == "maildir":
        yield Maildir(Path(unquote(parts.path)))
    elif parts.scheme in PORTS:
        with _signed_in(parts) as client:
            yield Imap(client)
    else:
        raise Refused(
            f"{name_of(url)} is no mailbox; those of IMAP begin with imaps://, those on disk with maildir://."
        )


class Maildir:
    """A Maildir: what is new lies in `new`, what was kept is moved to `cur`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "new").is_dir():
            raise Unavailable(f"There is no Maildir at {path}.")

    def unread(self, *, limit: int) -> Iterator[Found]:
        """The oldest messages in `new`."""
        try:
            paths = sorted((self.path / "new").iterdir(), key=lambda each: (each.stat().st_mtime_ns, each.name))
            for path in paths[:limit]:
                facts = path.stat()
                with path.open("rb") as stream:
                    raw = stream.read(READ)
                yield Found(path.name, raw, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))
        except OSError as error:
            raise Unavailable(f"The Maildir {self.path} cannot be read: {error.strerror}.") from error

    def mark(self, key: str) -> None:
        """Move a message to `cur`, as seen."""
        try:
            (self.path / "cur").mkdir(exist_ok=True)
            (self.path / "new" / key).rename(self.path / "cur" / f"{key.partition(':')[0]}:2,S")
        except OSError as error:
            raise Unavailable(f"The Maildir {self.path} cannot be written: {error.strerror}.") from error


class Imap:
    """A folder on an IMAP server (RFC 9051). Kept messages carry a keyword; where the server knows none, `Seen`."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client
        allowed = {bytes(flag).lower() for flag in client.folder_facts.get(b"PERMANENTFLAGS", ())}
        has_keywords = rb"\*" in allowed or KEYWORD.encode().lower() in allowed
        self.flag, self.search = (KEYWORD, ["UNKEYWORD", KEYWORD]) if has_keywords else (r"\Seen", ["UNSEEN"])

    def unread(self, *, limit: int) -> Iterator[Found]:
        """The oldest messages that have not been kept; looking marks nothing."""
        with _told():
            keys = sorted(self.client.search([*self.search, "UNDELETED"]))[:limit]
            facts = self.client.fetch(keys, ["RFC822.SIZE", "INTERNALDATE"]) if keys else {}
        for key in keys:
            if key in facts:
                yield self._read(key, facts[key])

    def mark(self, key: str) -> None:
        """Put the keyword on a message."""
        with _told():
            self.client.add_flags([int(key)], [self.flag], silent=True)

    def _read(self, key: int, facts: dict[bytes, Any]) -> Found:
        size = int(facts[b"RFC822.SIZE"])
        with _told():
            answer = self.client.fetch([key], [f"BODY.PEEK[]<0.{READ}>"]).get(key, {})
        raw = next((bytes(value) for name, value in answer.items() if name.startswith(b"BODY[]")), b"")
        return Found(str(key), raw, size, facts[b"INTERNALDATE"])


class _Client(IMAPClient):  # type: ignore[misc] # the library has no types
    """The client, with what the server said of the selected folder."""

    folder_facts: dict[bytes, Any]


@contextmanager
def _signed_in(parts: SplitResult) -> Iterator[_Client]:
    is_tls = parts.scheme == "imaps"
    with _told():
        client = _Client(
            parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            ssl=is_tls,
            ssl_context=ssl.create_default_context() if is_tls else None,
            timeout=TIMEOUT,
        )
    try:
        with _told():
            client.normalise_times = False
            if parts.scheme == "imap+tls":
                client.starttls(ssl.create_default_context())
            client.login(
                unquote(parts.username or ""), unquote(parts.password or "") or settings.RETURN_MAILBOX_PASSWORD
            )
            client.folder_facts = client.select_folder(unquote(parts.path.strip("/")) or "INBOX")
        yield client
    finally:
        client.shutdown()


@contextmanager
def _told() -> Iterator[None]:
    """Let what goes wrong at the other end be said in one way; a password is never in it."""
    try:
        yield
    except (OSError, IMAPClientError) as error:
        raise Unavailable(f"The IMAP server says: {str(error)[:200] or type(error).__name__}.") from error
