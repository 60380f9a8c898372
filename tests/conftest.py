"""The few fixtures that all tests share. Builders of rows and certificates are plain modules beside this one."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from playwright.sync_api import Browser, Playwright, sync_playwright

from core import clock
from tests.servers import CHROMIUM_ARGS, chromium

NOW = datetime(2024, 3, 19, 8, 30, tzinfo=UTC)
"""The moment at which tests begin."""


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def move(self, by: timedelta) -> datetime:
        """Let some time pass; the new moment."""
        self.now += by
        return self.now


@pytest.fixture
def now() -> datetime:
    """The moment at which tests begin."""
    return NOW


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """A clock for what asks `core.clock.now()`: views, commands, tasks. Services are handed `now` instead."""
    frozen = FrozenClock(NOW)
    monkeypatch.setattr(clock, "now", lambda: frozen.now)
    return frozen


SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """Sign in a member of staff: `sign_in("olga", "campaigns.add_campaign", role="operator")` gives a client.

    Permissions are spelled `app.codename`, a role is the name of a group that exists. Without either the person may
    sign in and do nothing; `superuser=True` may do everything.
    """

    def signed_in(username: str, *permissions: str, role: str = "", superuser: bool = False) -> Client:
        user = User.objects.create_user(
            username, f"{username}@ca.example", is_staff=True, is_superuser=superuser, first_name=username.title()
        )
        if role:
            user.groups.add(Group.objects.get(name=role))
        for permission in permissions:
            app, codename = permission.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture(scope="session")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(_playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium that talks to nobody but the pages it is sent to."""
    with _playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_ARGS)) as launched:
        yield launched
