"""The promises that the code makes about itself; each rule is also shown to find a breach."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, Source, called, example, product, strings, suite

PURE = {"plan", "scope", "rules", "replacement", "audience", "crl", "ocsp", "certificates", "importing"}
CLOCK_READERS = {"tasks", "views", "webhooks", "admin", "management", "rehearsal", "bench"}
"""Entry points, by the name of a file or of a folder above it; besides them, whatever answers requests."""
WRITERS = {"update", "create", "get_or_create", "update_or_create", "settle"}
RAW_STATE = re.compile(r"\bset\b[^;]*\bstate\s*=", re.IGNORECASE)
SYNONYMS = ("customer", "ticket", "blacklist", "whitelist", "denylist", "revokee", "cert_owner", "utils", "helper")
IDENTIFIERS = (ast.Name, ast.Attribute, ast.arg, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.keyword)


def state_writers(source: Source) -> Iterator[str]:
    """What writes a `state` by itself: an assignment, a bulk write, plain SQL."""
    if source.path == Path("audit/moves.py"):
        return
    for node in ast.walk(source.tree):
        assigned = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_of_a_row(node, source)
        raw = isinstance(node, ast.Constant) and isinstance(node.value, str) and RAW_STATE.search(node.value)
        if assigned or raw or (isinstance(node, ast.Call) and _writes_state(node)):
            yield source.at(node)


def _is_of_a_row(node: ast.Attribute, source: Source) -> bool:
    """Outside models `self.state` is something else's: what a line of a page shows, for instance."""
    return node.attr == "state" and ("models" in source.path.stem or ast.unparse(node.value) != "self")


def _writes_state(call: ast.Call) -> bool:
    if called(call) in WRITERS and any(keyword.arg == "state" for keyword in call.keywords):
        return True
    if called(call) in {"setattr", "bulk_update"}:
        return "state" in strings(call)
    return any(keyword.arg == "update_fields" and "state" in strings(keyword.value) for keyword in call.keywords)


def local_imports(source: Source) -> Iterator[str]:
    """Imports within a function; `AppConfig.ready` is the one place where Django wants them."""
    for function in source.functions():
        if function.name == "ready" and source.path.name == "apps.py":
            continue
        yield from (source.at(node) for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))


def impure_imports(source: Source) -> Iterator[str]:
    """What a rule module must not know: rows, services, the clock."""
    if source.path.parts[0] == "core" or not PURE & {source.path.stem, *source.path.parts[1:-1]}:
        return
    for name in source.imports():
        parts = name.split(".")
        if name.startswith("django.db") or {"models", "services"} & set(parts[1:]) or name == "core.clock":
            yield f"{source.path} imports {name}"


def clock_readers(source: Source) -> Iterator[str]:
    """Who asks for the time, though it should have been told; and who binds `now` so that no test can stop it."""
    yield from (f"{source.path} imports {name}" for name in source.imports() if name == "core.clock.now")
    answers_requests = any(name.startswith("django.http") for name in source.imports())
    is_core = source.path in {Path("core/clock.py"), Path("core/due.py")}
    if is_core or answers_requests or CLOCK_READERS & {source.path.stem, *source.path.parts[:-1]}:
        return
    for call in source.calls():
        if ast.unparse(call.func) == "clock.now":
            yield source.at(call)


def synonyms(source: Source) -> Iterator[str]:
    """Identifiers that use another word than the glossary's."""
    for node in source.nodes(*IDENTIFIERS):
        name = next((str(value) for key in ("id", "attr", "arg", "name") if (value := getattr(node, key, None))), "")
        if any(word in name.lower() for word in SYNONYMS):
            yield f"{source.at(node)} {name}"
    if source.path.stem in {"utils", "helpers", "common", "manager"}:
        yield str(source.path)


def mocks(source: Source) -> Iterator[str]:
    """Tests that patch instead of using the real thing."""
    yield from (f"{source.path} imports {name}" for name in source.imports() if name.startswith("unittest.mock"))


Rule = Callable[[Source], Iterator[str]]


@pytest.mark.parametrize("rule", [state_writers, local_imports, impure_imports, clock_readers, synonyms])
def test_the_product_keeps_the_rule(rule: Rule):
    assert not [found for source in product() for found in rule(source)]


@pytest.mark.parametrize("rule", [mocks, local_imports])
def test_the_tests_keep_the_rule(rule: Rule):
    assert not [found for source in suite() for found in rule(source)]


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (state_writers, "notices/services.py", "notice.state = 'sent'"),
        (state_writers, "notices/services.py", "notice.state: str = 'sent'"),
        (state_writers, "notices/services.py", "rows.filter(state='queued').update(state='sent')"),
        (state_writers, "notices/services.py", "settle(rows, due_at=None, state='sent')"),
        (state_writers, "notices/models.py", "def f(self):\n    self.state = 'sent'"),
        (state_writers, "notices/services.py", "setattr(notice, 'state', 'sent')"),
        (state_writers, "notices/services.py", "Notice.objects.bulk_update(rows, ['due_at', 'state'])"),
        (state_writers, "notices/services.py", "notice.save(update_fields=['state'])"),
        (state_writers, "notices/services.py", "SQL = 'UPDATE notice SET due_at = null, state = %s'"),
        (local_imports, "notices/services.py", "def f():\n    from audit import moves"),
        (local_imports, "notices/apps.py", "def f():\n    import audit"),
        (impure_imports, "campaigns/plan.py", "from campaigns.models import Campaign"),
        (impure_imports, "campaigns/plan.py", "from subscribers import services"),
        (impure_imports, "subscribers/importing/rows.py", "from django.db import connection"),
        (clock_readers, "notices/services.py", "from core import clock\nclock.now()"),
        (clock_readers, "notices/tasks.py", "from core.clock import now"),
        (synonyms, "notices/services.py", "customer_name = ''"),
        (synonyms, "notices/services.py", "def open_ticket(): ..."),
        (synonyms, "notices/utils.py", ""),
        (mocks, "tests/test_x.py", "from unittest.mock import patch"),
    ],
)
def test_a_breach_of_the_rule_is_found(rule: Rule, path: str, text: str):
    assert list(rule(example(text, path)))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (
            state_writers,
            "notices/services.py",
            "rows.filter(state='queued').update(due_at=None)\nif row.state == 'x': ...",
        ),
        (local_imports, "notices/apps.py", "class A:\n    def ready(self):\n        from notices import webhooks"),
        (impure_imports, "campaigns/plan.py", "from campaigns.rules import Rule\nfrom core.errors import Refused"),
        (clock_readers, "notices/management/commands/send_due.py", "from core import clock\nclock.now()"),
        (clock_readers, "reports/health.py", "from django.http import HttpResponse\nclock.now()"),
    ],
)
def test_what_keeps_the_rule_is_left_alone(rule: Rule, path: str, text: str):
    assert not list(rule(example(text, path)))


def test_imports_keep_to_the_layers():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
