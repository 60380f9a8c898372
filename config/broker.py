"""The filesystem broker of one machine, made safe for several processes.

Kombu's own transport writes a message in place, so a worker that looks at the wrong moment takes an empty file and
ends; and it ends when its folder is removed. Here a message appears whole or not at all, and a missing folder is made
again: nothing is lost with it, since a message only says "look now".
"""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from time import monotonic_ns, sleep
from typing import Any

from kombu.transport import filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

PATIENCE = 20
BOUND: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
"""What this process has bound: folder and exchange to (routing key, pattern, queue)."""


class Channel(filesystem.Channel):
    """A channel whose messages are moved into place."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = _made(self.data_folder_out)
        name = f"{monotonic_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        draft = folder / f".{name}"
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.replace(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder, taken = _made(self.data_folder_in), _made(self.processed_folder)
        for name in sorted(os.listdir(folder)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            mine = taken / f"{os.getpid()}-{name}"
            try:
                (folder / name).replace(mine)
                payload = mine.read_bytes()
            except FileNotFoundError:
                continue  # another worker was faster
            mine.unlink(missing_ok=True)
            return loads(bytes_to_str(payload))
        raise Empty

    def _size(self, queue: str) -> int:
        _made(self.data_folder_in)
        return int(super()._size(queue))

    def get_table(self, exchange: str) -> list[Any]:
        """The queues of an exchange. A table that is just being written is read again; one that was removed with its
        folder is what this process remembers of it."""
        found: list[Any] = self._patiently(super().get_table, exchange)
        return found or [filesystem.exchange_queue_t(*each) for each in self._remembered(exchange)]

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        _made(self.control_folder)
        remembered = self._remembered(exchange)
        if (bound := (routing_key or "", pattern or "", queue or "")) not in remembered:
            remembered.append(bound)
        self._patiently(super()._queue_bind, exchange, routing_key, pattern, queue)

    def _remembered(self, exchange: str) -> list[tuple[str, str, str]]:
        return BOUND.setdefault((str(self.control_folder), exchange), [])

    @staticmethod
    def _patiently(act: Callable[..., Any], *args: Any) -> Any:
        for _ in range(PATIENCE):
            try:
                return act(*args)
            except ValueError:
                sleep(0.05)
        return act(*args)


class Transport(filesystem.Transport):
    """The transport of `filesystem://`."""

    Channel = Channel


def _made(folder: Any) -> Path:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path
