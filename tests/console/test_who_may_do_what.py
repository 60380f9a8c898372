"""Every role against every act; and that looking changes nothing."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.management import call_command

from reports.roles import ROLES as PERMISSIONS
from tests.conftest import FrozenClock, SignIn
from tests.console.acts import CAN, ROLES, stage

pytestmark = pytest.mark.django_db


def everything() -> dict[str, str]:
    """All rows of all tables but the sessions, to see whether anything has changed."""
    models = [model for model in apps.get_models() if model is not Session]
    return {
        model._meta.label: serializers.serialize("json", model._base_manager.order_by("pk"))
        for model in models
        if model._meta.label != "auth.User"
    }


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_shown_exactly_its_acts(role: str, sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    urls = stage().urls()
    client = sign_in("rita", role=role)
    found = {act: client.get(url).status_code for act, url in urls.items()}
    assert found == {act: 200 if role in CAN[act] else 403 for act in urls}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_refused_all_other_acts_and_nothing_is_changed(
    role: str, sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    urls = stage().urls()
    client = sign_in("rita", role=role)
    before = everything()
    data = {
        "reason": "x",
        "ground": "x",
        "commit": "1",
        "outcome": "reached",
        "email": "x@example.org",
        "typed_count": "2",
    }
    found = {act: client.post(url, data).status_code for act, url in urls.items() if role not in CAN[act]}
    assert found == {act: 403 for act in urls if role not in CAN[act]}
    assert everything() == before


def test_looking_at_an_act_changes_nothing(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    urls = stage().urls()
    client = sign_in("rita", superuser=True)
    before = everything()
    for url in urls.values():
        assert client.get(url).status_code == 200
        assert client.head(url).status_code == 200
    assert everything() == before


def test_a_stranger_is_sent_to_sign_in(client: Any, frozen_clock: FrozenClock) -> None:
    for url in stage().urls().values():
        answer = client.post(url, {})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/?next=")


def test_an_account_without_a_role_sees_no_campaign(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    running = stage().running
    client = sign_in("nora")
    assert client.get(f"/campaigns/{running.public_id}/").status_code == 403
    assert client.get(f"/campaigns/{running.public_id}/progress.json").status_code == 403
    page = client.get("/")
    assert page.status_code == 200
    assert "no role yet" in page.content.decode()
    assert running.title not in page.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_watch(role: str, sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    running = stage().running
    client = sign_in("rita", role=role)
    for path in ("", "progress.json", "certificates/", "subscribers/", "at-risk/", "sections/"):
        assert client.get(f"/campaigns/{running.public_id}/{path}").status_code == 200
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("approver", 200), ("auditor", 200), ("caller", 403)])
def test_the_journal_is_for_those_who_may_read_it(
    role: str, status: int, sign_in: SignIn, frozen_clock: FrozenClock
) -> None:
    running = stage().running
    client = sign_in("rita", role=role)
    assert client.get(f"/campaigns/{running.public_id}/journal/").status_code == status
    assert client.get("/audit/event/").status_code == status


def test_the_roles_are_made_again_after_each_migration() -> None:
    Group.objects.get(name="auditor").permissions.clear()
    Group.objects.get(name="caller").delete()
    call_command("migrate", verbosity=0)
    for name, permissions in PERMISSIONS.items():
        held = Group.objects.get(name=name).permissions.select_related("content_type")
        assert {f"{each.content_type.app_label}.{each.codename}" for each in held} == set(permissions)


def test_an_auditor_can_change_nothing_at_all() -> None:
    verbs = {permission.partition(".")[2].partition("_")[0] for permission in PERMISSIONS["auditor"]}
    assert verbs == {"view"}
