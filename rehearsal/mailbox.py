"""The mailboxes of the simulated readers: a small SQLite file beside Recall's database, as if in another house."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

LINK = re.compile(r"https?://\S+?/respond/[^\s/]+/")
LARGEST = (1 << 63) - 1
"""The largest key that SQLite knows."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL,
    message_id TEXT NOT NULL, link TEXT NOT NULL, fate TEXT NOT NULL, raw BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mail_recipient ON mail (recipient);
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it lies in a mailbox."""

    id: int
    at: datetime
    recipient: str
    subject: str
    message_id: str
    link: str
    fate: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        return message_from_bytes(self.raw, policy=default)

    @property
    def links(self) -> list[str]:
        """The links in its text: one for each subscriber that it is about."""
        return list(dict.fromkeys(LINK.findall(self.body("plain"))))

    def body(self, kind: str) -> str:
        """The text of one alternative, `plain` or `html`; empty if it has none."""
        part = self.message.get_body(preferencelist=(kind,))
        return part.get_content() if part else ""


class Mailboxes:
    """All mailboxes of a rehearsal. Every call opens the file anew, so that several processes can share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as db:
            db.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)

    def put(self, *, at: datetime, recipient: str, raw: bytes, fate: str) -> Mail:
        """Keep one message."""
        message = message_from_bytes(raw, policy=default)
        text = message.get_body(preferencelist=("plain",))
        found = LINK.search(text.get_content() if text else "")
        facts = (
            recipient,
            str(message["Subject"] or "").strip(),
            str(message["Message-ID"] or ""),
            found[0] if found else "",
        )
        with self._open() as db:
            key = db.execute(
                "INSERT INTO mail (at, recipient, subject, message_id, link, fate, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (at.isoformat(), *facts, fate, raw),
            ).lastrowid
        return Mail(int(key or 0), at, *facts, fate, raw)

    def since(self, key: int) -> list[Mail]:
        """The messages after a number, oldest first."""
        return self._read("WHERE id > ? ORDER BY id LIMIT 2000", (key,))

    def page(self, *, before: int | None = None, recipient: str = "", size: int = 50) -> list[Mail]:
        """A page of messages, newest first, before a number; `recipient` may be any part of subject or address."""
        like = f"%{recipient}%"
        return self._read(
            "WHERE id < ? AND (recipient LIKE ? OR subject LIKE ?) ORDER BY id DESC LIMIT ?",
            (before or 1 << 60, like, like, size),
        )

    def get(self, key: int) -> Mail | None:
        """One message, or None."""
        if key > LARGEST:
            return None
        return next(iter(self._read("WHERE id = ?", (key,))), None)

    def count(self) -> int:
        """How many messages there are."""
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM mail").fetchone()[0])

    def _read(self, where: str, values: tuple[object, ...]) -> list[Mail]:
        columns = "id, at, recipient, subject, message_id, link, fate, raw"
        with self._open() as db:
            rows = db.execute(f"SELECT {columns} FROM mail {where}", values).fetchall()  # noqa: S608 - our own words
        return [Mail(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=20)
        try:
            with db:
                yield db
        finally:
            db.close()
