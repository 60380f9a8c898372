"""Says what messages are that came back: bounces, automatic replies, or answers of people."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notices.mime import READ
from notices.replies import classify


class Command(BaseCommand):
    """Prints one line of JSON per message: file, kind, addresses, permanent, return_date and detail."""

    help = (
        "Say of messages in files, folders or maildirs what they are: bounce, auto_reply or answer; as lines of JSON."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django declares it; nothing of the site is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the files."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a message, a folder, or a maildir")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what each message is; what cannot be read is told on stderr, and the exit status is 1 then."""
        unread = 0
        for given in options["files"]:
            for path in _messages(given):
                try:
                    with path.open("rb") as file:
                        raw = file.read(READ)
                except (OSError, ValueError) as error:
                    unread += 1
                    self.stderr.write(f"{path}: {getattr(error, 'strerror', None) or error}.")
                    continue
                self.stdout.write(_line(path, raw))
        if unread:
            raise CommandError(f"{unread} of the files could not be read.")


def _messages(given: Path) -> Iterator[Path]:
    """The messages of a folder in order; of a maildir without those that are still being delivered."""
    if not given.is_dir():
        yield given
        return
    folders = [given / "cur", given / "new"] if (given / "cur").is_dir() and (given / "new").is_dir() else [given]
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if not path.is_dir())


def _line(path: Path, raw: bytes) -> str:
    found = classify(raw)
    name = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return json.dumps(
        {
            "file": name,
            "kind": found.kind,
            "addresses": list(found.addresses),
            "permanent": found.permanent,
            "return_date": found.return_date or None,
            "detail": found.detail[:1000],
        },
        ensure_ascii=False,
    )
