"""The product's source code as syntax trees, for tests about its shape."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = (
    "config",
    "rehearsal",
    "reports",
    "notices",
    "revocation",
    "campaigns",
    "subscribers",
    "audit",
    "core",
    "bench",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the repository, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """All nodes of some kinds."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def functions(self) -> Iterator[Function]:
        """All functions and methods."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def calls(self) -> Iterator[ast.Call]:
        """All calls."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def imports(self) -> Iterator[str]:
        """All that is imported, as dotted names: `from a import b` gives a and a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def at(self, node: ast.AST) -> str:
        """Where a node stands, for a message."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


def read(path: Path) -> Source:
    """One file of the repository."""
    text = path.read_text()
    return Source(path.relative_to(ROOT), text, ast.parse(text))


def example(text: str, path: str = "campaigns/services.py") -> Source:
    """A made-up file, to show that a rule finds what it looks for."""
    return Source(Path(path), text, ast.parse(text))


@cache
def product() -> tuple[Source, ...]:
    """Every file of the product but migrations."""
    paths = [path for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(read(path) for path in [ROOT / "manage.py", *paths] if "migrations" not in path.parts)


@cache
def suite() -> tuple[Source, ...]:
    """Every file of the tests."""
    return tuple(read(path) for path in sorted((ROOT / "tests").rglob("*.py")))


def called(call: ast.Call) -> str:
    """The last name of what is called: `update` for `rows.filter(…).update(…)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def strings(node: ast.AST) -> Iterator[str]:
    """All constant strings within a node."""
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))
