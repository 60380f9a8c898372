"""The fence around templates that people edit: a small part of Jinja, in which nothing can be called or loaded."""

import re
from functools import lru_cache

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

TAG = r"\{%(?:(?!%\}).)*%\}"
LONE_TAGS = re.compile(rf"^[ \t]*({TAG}(?:[ \t]*{TAG})*)[ \t]*\n", re.MULTILINE)
BETWEEN = re.compile(r"%\}[ \t]+\{%")


class _Fenced(ImmutableSandboxedEnvironment):
    """Jinja without functions, loaders or filters beyond those that a message needs."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = {"length": len}


ENVIRONMENT = _Fenced()


@lru_cache(maxsize=256)
def compiled(source: str) -> Template:
    """A template ready to be filled in."""
    return ENVIRONMENT.from_string(prepared(source))


def prepared(source: str) -> str:
    """The source with line ends as Unix has them, and without those after lines that hold nothing but tags.

    Such a line end moves into its tag, so that the numbers of lines stay as they are.
    """
    return LONE_TAGS.sub(_closed_up, source.replace("\r\n", "\n").replace("\r", "\n"))


def _closed_up(found: re.Match[str]) -> str:
    return BETWEEN.sub("%}{%", found[1])[:-2] + "\n%}"
