"""What every run of the suite shares: an environment of its own, and no test that is passed over in silence.

Loaded before the settings are (`-p tests.plugin` in pyproject.toml), so nothing of the machine's own `.env` or `var/`
reaches a test. With xdist the controller makes the folder and each worker takes a part of it.
DJANGO_ALLOW_ASYNC_UNSAFE is for browser tests: Playwright keeps an event loop in the thread that asks the database.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest


def _own_environment() -> Path | None:
    """Point the settings at a fresh folder; the folder, if it is this process that has to remove it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    own = Path(os.environ["VAR"]) / worker if worker else Path(tempfile.mkdtemp(prefix="recall-test-"))
    (own / "static").mkdir(parents=True, exist_ok=True)
    os.environ.update(READ_DOT_ENV="0", VAR=str(own), SECRET_KEY="only for tests", CONN_MAX_AGE="0")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return None if worker else own


_OWN = _own_environment()


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    if _OWN:
        shutil.rmtree(_OWN, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test, or one that is expected to fail, fails the run."""
    report = yield
    if report.skipped:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself."""
    report = yield
    if report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = getattr(report, "wasxfail", None) or report.longrepr
    if hasattr(report, "wasxfail"):
        del report.wasxfail
    report.outcome = "failed"
    report.longrepr = f"No test may be skipped or expected to fail: {reason}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test: with several workers the rest runs beside it."""
    items.sort(key=lambda item: "test_pull_plugs" not in item.nodeid)
