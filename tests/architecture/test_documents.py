"""The files beside the code say what is so: requirements, links, environment."""

import ast
import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, called, read

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
READERS = {"str", "bool", "int", "float", "list", "db", "dict", "url", "json", "email_url", "email_url_config"}


def requirements(file: str) -> dict[str, str]:
    """Package -> the whole entry, of a file with one requirement per paragraph of continued lines."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {normal(re.split(r"[=\[ ;~<>]", entry, maxsplit=1)[0]): entry for entry in entries}


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_one_exact_version_with_hashes(file: str):
    entries = requirements(file)
    assert len(entries) > 10
    assert not [entry for entry in entries.values() if not re.match(r"[\w.\[\],-]+==[\w.]+ ", entry)]
    assert not [entry for entry in entries.values() if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_pinned_requirements_hold_what_is_asked_for_and_name_no_host(name: str):
    wanted = [line for line in requirements(f"{name}.in") if not line.startswith("-")]
    assert set(wanted) <= set(requirements(f"{name}.txt"))
    assert "://" not in (ROOT / f"{name}.txt").read_text()


def test_the_product_and_its_tests_run_on_the_same_versions():
    tested, shipped = requirements("requirements-dev.txt"), requirements("requirements.txt")
    assert not [name for name, entry in shipped.items() if tested[name].split()[0] != entry.split()[0]]


def test_the_lint_rules_that_the_house_needs_are_on():
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert {"TID", "DTZ", "PLC0415", "BLE", "S", "C90"} <= set(lint["select"])
    assert {"datetime.datetime.now", "django.utils.timezone.now", "time.time"} <= set(
        lint["flake8-tidy-imports"]["banned-api"]
    )


def links(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere."""
    for target in LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        goal = page if not path else (page.parent / path).resolve()
        if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in anchors(goal)):
            yield f"{page.relative_to(ROOT)}: {target}"


def anchors(page: Path) -> set[str]:
    """The headings of a page as they are linked to."""
    return {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in HEADING.findall(page.read_text())
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    assert not list(links(page))


def test_a_broken_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.architecture.test_documents.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[here](#a-heading) [gone](gone.md) [nowhere](#nothing) [out](https://example.com)")
    assert list(links(page)) == ["page.md: gone.md", "page.md: #nothing"]


def read_from_environment() -> set[str]:
    """The variables that the settings read."""
    calls = (node for node in ast.walk(read(ROOT / "config/settings.py").tree) if isinstance(node, ast.Call))
    return {
        str(call.args[0].value)
        for call in calls
        if ast.unparse(call.func).startswith("env.") and called(call) in READERS
        if call.args and isinstance(call.args[0], ast.Constant)
    }


def test_every_variable_of_the_environment_is_explained():
    explained = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    read_by_settings = read_from_environment()
    assert "DATABASE_URL" in read_by_settings
    assert read_by_settings - explained == set()
    assert {name for name in explained - read_by_settings if not name.startswith("ANYMAIL_")} == set()


def test_every_decision_has_a_number_a_state_and_its_reasons():
    decisions = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert re.match(r"# \d+\. ", text), path
        assert {"## Decision", "## Why", "## Price"} <= set(re.findall(r"^## \w+", text, re.MULTILINE)), path


def test_the_assets_from_elsewhere_are_as_they_came():
    (sums,) = (ROOT / "reports/static").rglob("SHA256SUMS")
    listed = {name: digest for digest, name in (line.split() for line in sums.read_text().splitlines())}
    assert listed
    assert {name: hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() for name in listed} == listed
