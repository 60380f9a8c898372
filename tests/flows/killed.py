"""Run a management command that is killed, with SIGKILL, at the n-th passage of one point of the code.

`python -m tests.flows.killed module:function before|after N command…`. Every module that has taken the function by name
gets the one that kills, so the command itself is not touched.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from inspect import isgeneratorfunction
from itertools import count
from typing import Any

import django

django.setup()

from django.core.management import call_command, load_command_class  # noqa: E402


def killing(function: Callable[..., Any], edge: str, number: int) -> Callable[..., Any]:
    """The function, with the end of this process before or after its n-th call."""
    passages = count(1)

    def die_if(here: str, passage: int) -> None:
        if here == edge and passage == number:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        passage = next(passages)
        die_if("before", passage)
        result = function(*args, **kwargs)
        die_if("after", passage)
        return result

    @wraps(function)
    def generated(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for result in function(*args, **kwargs):
            passage = next(passages)
            die_if("before", passage)
            yield result
            die_if("after", passage)

    return generated if isgeneratorfunction(function) else called


def install(point: str, edge: str, number: int) -> None:
    """Put the killing function in the place of the real one, wherever it is known."""
    name, _, path = point.partition(":")
    owner: Any = import_module(name)
    *outer, last = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    real = getattr(owner, last)
    deadly = killing(real, edge, number)
    setattr(owner, last, deadly)
    for module in list(sys.modules.values()):
        for known, value in list(vars(module).items()) if module else ():
            if value is real:
                setattr(module, known, deadly)


if __name__ == "__main__":
    point, edge, number, command, *rest = sys.argv[1:]
    app = {"send_due": "notices", "revoke_due": "revocation"}[command]
    load_command_class(app, command)
    install(point, edge, int(number))
    call_command(command, *rest)
