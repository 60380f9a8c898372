"""The books of a sandbox CA on disk: one SQLite file, safe against several processes and against crashes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import Unavailable

PATIENCE_SECONDS = 20.0
SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE shard (shard INTEGER PRIMARY KEY, changes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE issued (
    serial BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, not_after INTEGER NOT NULL, shard INTEGER NOT NULL,
    der BLOB NOT NULL
);
CREATE TABLE revoked (
    shard INTEGER NOT NULL, serial BLOB NOT NULL, revoked_at INTEGER NOT NULL, reason TEXT NOT NULL,
    not_after INTEGER NOT NULL, PRIMARY KEY (shard, serial)
) WITHOUT ROWID;
CREATE TABLE crl (
    shard INTEGER PRIMARY KEY, number INTEGER NOT NULL, this_update INTEGER NOT NULL, changes INTEGER NOT NULL,
    sha256 TEXT NOT NULL, der BLOB NOT NULL
);
"""
"""Serial numbers are the content octets of the DER INTEGER, moments are whole seconds since 1970."""


class Store:
    """Short connections to the file, one for each act."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, settings: dict[str, str], shards: int) -> None:
        """Create the file with empty books."""
        with closing(self._connect("rwc")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(SCHEMA)
            db.executemany("INSERT INTO setting VALUES (?, ?)", settings.items())
            db.executemany("INSERT INTO shard (shard) VALUES (?)", ((shard,) for shard in range(shards)))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view of the books. Raises `Unavailable` when they cannot be reached."""
        yield from self._transaction("BEGIN")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The only writer at this time; all or nothing. Raises `Unavailable` when another one will not end."""
        yield from self._transaction("BEGIN IMMEDIATE")

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect("rw")) as db:
                db.execute(begin)
                yield db
                db.execute("COMMIT")  # closing without it rolls back
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The sandbox CA's books cannot be used: {error}.") from error

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None)
        db.execute("PRAGMA synchronous=FULL")
        return db
