"""The fence around templates that people edit: a small part of Jinja, in which nothing can be called or loaded."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

TAG = r"\{%(?:(?!%\}).)*%\}"
LONE_TAGS = re.compile(rf"^[ \t]*({TAG}(?:[ \t]*{TAG})*)[ \t]*\n", re.MULTILINE)
BETWEEN = re.compile(r"%\}[ \t]+\{%")
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.For, nodes.Filter,
    nodes.Compare, nodes.Operand, nodes.Const, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
)  # fmt: skip
"""Words, placeholders, conditions and repetitions; everything else of Jinja is refused."""
LOOP = {"first": True, "last": True, "index": 1}
Value = tuple[str, Any]


class _Fenced(ImmutableSandboxedEnvironment):
    """Jinja without functions, without loaders, and with one filter."""

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


def look(source: str, known: Mapping[str, Any]) -> tuple[set[str], list[str]]:
    """Which placeholders a source uses, such as `accounts.link`, and what is wrong with it, by line.

    `known` holds an example for everything that can be put in; lists hold at least one of their kind.
    """
    try:
        tree = ENVIRONMENT.parse(prepared(source))
    except TemplateSyntaxError as error:
        return set(), [f"Line {error.lineno}: {error.message}"]
    except (RecursionError, ValueError):
        return set(), ["It cannot be read: something in it is nested too deeply, or too long."]
    reader = _Reader()
    reader.read(tree, {name: (name, value) for name, value in known.items()})
    return reader.used, reader.problems


class _Reader:
    """Walks through a template, and knows in each place what can be put in there."""

    def __init__(self) -> None:
        self.used = set[str]()
        self.problems = list[str]()

    def read(self, node: nodes.Node, scope: Mapping[str, Value]) -> None:
        if not isinstance(node, ALLOWED) or (isinstance(node, nodes.Filter) and node.name != "length"):
            self._complain(node, f"“{_kind(node)}” cannot be used in a template.")
        elif isinstance(node, nodes.For):
            self._repeat(node, scope)
        elif isinstance(node, nodes.Name | nodes.Getattr):
            self._value(node, scope)
        else:
            for child in node.iter_child_nodes():
                self.read(child, scope)

    def _repeat(self, node: nodes.For, scope: Mapping[str, Value]) -> None:
        found = self._value(node.iter, scope)
        if found is None:
            return
        path, value = found
        if not isinstance(value, list) or not isinstance(node.target, nodes.Name) or node.test or node.recursive:
            self._complain(node, f"{path} cannot be repeated like this.")
            return
        inner = {**scope, node.target.name: (path, value[0]), "loop": ("loop", LOOP)}
        for child in node.body:
            self.read(child, inner)
        for child in node.else_:
            self.read(child, scope)

    def _value(self, node: nodes.Node, scope: Mapping[str, Value]) -> Value | None:
        if isinstance(node, nodes.Name):
            return self._found(node, node.name, node.name, scope)
        if not isinstance(node, nodes.Getattr):
            self._complain(node, f"“{_kind(node)}” cannot be used in a template.")
            return None
        base = self._value(node.node, scope)
        if base is None:
            return None
        path, value = base
        parts = {name: (f"{path}.{name}", each) for name, each in value.items()} if isinstance(value, dict) else {}
        return self._found(node, node.attr, f"{path}.{node.attr}", parts)

    def _found(self, node: nodes.Node, name: str, path: str, scope: Mapping[str, Value]) -> Value | None:
        if name not in scope:
            likely = get_close_matches(name, scope, n=1)
            hint = f" Do you mean {scope[likely[0]][0]}?" if likely else ""
            self._complain(node, f"there is no placeholder {path}.{hint}")
            return None
        self.used.add(scope[name][0])
        return scope[name]

    def _complain(self, node: nodes.Node, what: str) -> None:
        self.problems.append(f"Line {node.lineno}: {what}")


def _kind(node: nodes.Node) -> str:
    """A part of a template as people know it."""
    if isinstance(node, nodes.Filter):
        return f"| {node.name}"
    return {"Assign": "set", "Getitem": "[…]", "Call": "…(…)"}.get(type(node).__name__, type(node).__name__.lower())
