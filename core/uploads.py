"""Uploaded files that wait for a decision: first what they would do is shown, then, on a second decision, it is done.

They wait in a folder of the site, under a random name that only this person's session knows.
"""

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from core import clock
from core.errors import Refused

KEPT_FOR = timedelta(days=1)
NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Waiting:
    """Files that wait, each with the name that it came under, and what was said of them."""

    files: list[tuple[Path, str]]
    said: dict[str, Any]


def keep(
    request: HttpRequest, slot: str, files: "Sequence[UploadedFile[Any]]", said: dict[str, Any] | None = None
) -> None:
    """Let files of this person wait, with what was `said` of them.

    Those of an earlier look are removed, and so are everybody's old ones.
    """
    forget(request, slot)
    _remove_old()
    token = secrets.token_hex(16)
    folder = _folder() / token
    folder.mkdir(parents=True, mode=0o700)
    names = []
    for place, file in enumerate(files):
        with (folder / str(place)).open("wb") as kept:
            for chunk in file.chunks():
                kept.write(chunk)
        names.append((file.name or f"file {place + 1}")[-NAME_LENGTH:])
    (folder / "facts.json").write_text(json.dumps({"names": names, "said": said or {}}))
    request.session[slot] = token


def waiting(request: HttpRequest, slot: str) -> Waiting:
    """The files that wait. Raises `Refused` when they are no longer there."""
    folder = _folder() / str(request.session.get(slot, "none"))
    try:
        facts = json.loads((folder / "facts.json").read_text())
    except FileNotFoundError:
        raise Refused("The files that you looked at are no longer here. Please choose them again.") from None
    return Waiting([(folder / str(place), name) for place, name in enumerate(facts["names"])], facts["said"])


def forget(request: HttpRequest, slot: str) -> None:
    """Remove the files that wait for this person's decision."""
    if token := request.session.pop(slot, ""):
        shutil.rmtree(_folder() / str(token), ignore_errors=True)


def _folder() -> Path:
    path: Path = settings.VAR / "uploads"
    return path


def _remove_old() -> None:
    """Files that nobody decided about within a day; by the machine's time, which is that of files."""
    if not _folder().exists():
        return
    oldest = (clock.real_now() - KEPT_FOR).timestamp()
    for folder in _folder().iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
