"""Measuring: each act in a process of its own, so that its peak of memory is its own and its caches are cold."""

import gc
import multiprocessing
import resource
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from django.db import connections

from bench.table import Measured

Act = Callable[[], int]
"""What is timed; how many it did."""
Prepared = Callable[[], Act]
"""Prepares an act outside the time that counts: loads rows, opens connections, warms templates."""
KIB = 1024


class Failed(Exception):
    """An act went wrong; the text is the traceback of its process."""


def apart(prepare: Prepared) -> Measured:
    """Prepare and do an act in a process of its own. Raises `Failed`."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(prepare, sender))
    process.start()
    sender.close()
    try:
        found: Measured | str = receiver.recv()
    except EOFError:
        found = "The process of this act ended without a word."
    process.join()
    receiver.close()
    if isinstance(found, str):
        raise Failed(found)
    return found


def _run(prepare: Prepared, sender: Connection) -> None:
    try:
        act = prepare()
        gc.collect()
        started = time.perf_counter()
        count = act()
        took = time.perf_counter() - started
        sender.send(Measured(count, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB))
    except Exception:
        sender.send(traceback.format_exc())
        raise
    finally:
        connections.close_all()
