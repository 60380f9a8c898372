"""Reading the mailboxes in which bounces and replies arrive: by IMAP, or from a maildir.

A message is marked as taken only after it has been recorded, so a reader that dies loses nothing; what is read twice
counts once. Passwords are never logged.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from notices.mime import READ

log = logging.getLogger(__name__)
TAKEN = b"$RecallTaken"
SEEN = b"\\Seen"
AT_ONCE = 200
TIMEOUT = 20
PORTS = {"imap": 143, "imaps": 993}


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message in a mailbox: its bytes (the beginning of a large one), its whole size, and when the server took it."""

    raw: bytes
    size: int
    received_at: datetime


class Record(Protocol):
    """The service that keeps one message."""

    def __call__(self, raw: bytes, *, source: str, received_at: datetime, size: int | None, now: datetime) -> Any:
        """Keep it."""


def read_all(mailboxes: Iterable[str], record: Record, *, now: datetime) -> int:
    """Read every mailbox; how many messages there were. One that is away is logged, and the others are read."""
    count = 0
    for url in mailboxes:
        try:
            count += read_mailbox(url, record, now=now)
        except (OSError, IMAPClientError) as error:
            log.warning("The mailbox %s cannot be read: %s.", shown(url), type(error).__name__)
    return count


def read_mailbox(url: str, record: Record, *, now: datetime) -> int:
    """Record what is new in one mailbox; how many messages there were. Raises OSError or IMAPClientError."""
    count = 0
    for arrived, done in _maildir(url) if url.startswith("maildir:") else _imap(url):
        try:
            record(arrived.raw, source=shown(url), received_at=arrived.received_at, size=arrived.size, now=now)
        except Exception:
            log.exception("A message in %s could not be recorded; it stays there.", shown(url))
            continue
        done()
        count += 1
    return count


def shown(url: str) -> str:
    """A mailbox without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}:{parts.path}" if parts.scheme == "maildir" else f"{parts.hostname}{parts.path or '/INBOX'}"


Found = tuple[Arrived, Callable[[], object]]


def _maildir(url: str) -> Iterator[Found]:
    """The new messages of a maildir; taken ones go to `cur`, as every reader does it."""
    folder = Path(unquote(urlsplit(url).path))
    if not (folder / "new").is_dir():
        raise FileNotFoundError(f"{folder} is no maildir.")
    for path in sorted((folder / "new").iterdir())[:AT_ONCE]:
        with path.open("rb") as file:
            raw = file.read(READ)
        facts = path.stat()
        arrived = Arrived(raw, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))
        yield arrived, _mover(path, folder / "cur" / f"{path.name}:2,S")


def _mover(path: Path, to: Path) -> Callable[[], object]:
    def done() -> None:
        to.parent.mkdir(exist_ok=True)
        path.rename(to)

    return done


def _imap(url: str) -> Iterator[Found]:
    """The messages of an IMAP folder that we have not taken yet."""
    with _connected(url) as box:
        answer = box.select_folder(unquote(urlsplit(url).path.strip("/")) or "INBOX")
        flag = TAKEN if b"\\*" in answer.get(b"PERMANENTFLAGS", ()) else SEEN
        keys = box.search(["UNKEYWORD", TAKEN] if flag == TAKEN else ["UNSEEN"])[:AT_ONCE]
        for key in keys:
            found = box.fetch([key], [f"BODY.PEEK[]<0.{READ}>", "RFC822.SIZE", "INTERNALDATE"]).get(key)
            if not found:
                continue
            raw = next((value for name, value in found.items() if name.startswith(b"BODY[]")), b"") or b""
            at = found[b"INTERNALDATE"]
            yield Arrived(raw, found[b"RFC822.SIZE"], at.astimezone(UTC)), _marker(box, key, flag)


def _marker(box: IMAPClient, key: int, flag: bytes) -> Callable[[], object]:
    return lambda: box.add_flags([key], [flag], silent=True)


@contextmanager
def _connected(url: str) -> Iterator[IMAPClient]:
    parts = urlsplit(url)
    is_secure = parts.scheme == "imaps"
    port = parts.port or PORTS[parts.scheme]
    box = IMAPClient(parts.hostname, port=port, ssl=is_secure, use_uid=True, timeout=TIMEOUT)
    try:
        box.normalise_times = False
        box.login(unquote(parts.username or ""), unquote(parts.password or "") or settings.RETURN_MAILBOX_PASSWORD)
        yield box
    finally:
        try:
            box.logout()
        except (OSError, IMAPClientError):
            log.info("The connection to %s did not close well.", shown(url))
