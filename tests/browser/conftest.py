"""What browser tests of the console share: members of staff who sign in through the form, and pictures to look at."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests import make
from tests.conftest import FrozenClock

PASSWORD = "long enough for a test"
SignedIn = Callable[..., Page]


def picture(page: Page, name: str) -> None:
    """Keep a picture for people to look at, if the environment names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def signed_in(
    browser: Browser, live_server: LiveServer, frozen_clock: FrozenClock, settings: Settings, tmp_path: Path
) -> Iterator[SignedIn]:
    """`signed_in("olga", "operator")`: that person's page, signed in through the form; complains of anything amiss."""
    settings.VAR = tmp_path
    cache.clear()
    call_command("migrate", verbosity=0)
    amiss: list[str] = []
    with ExitStack() as opened:

        def enter(username: str, role: str, **options: object) -> Page:
            person = make.user(username)
            person.set_password(PASSWORD)
            person.save()
            person.groups.set([Group.objects.get(name=role)])
            context = opened.enter_context(browser.new_context(base_url=live_server.url, **options))  # type: ignore[arg-type]
            page = context.new_page()
            page.on("pageerror", lambda error: amiss.append(str(error)))
            page.on("request", lambda asked: _stays_here(asked.url, live_server.url, amiss))
            page.goto("/login/")
            page.get_by_label("Username").fill(username)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
            return page

        yield enter
    assert amiss == []


def _stays_here(url: str, site: str, amiss: list[str]) -> None:
    if not url.startswith((site, "data:", "blob:")):
        amiss.append(f"asked {url}")
