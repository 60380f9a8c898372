"""The pages on which operators change the words of messages."""

from collections.abc import Iterator
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from notices import texts
from notices.models import Letter, NoticeTemplate
from tests import make
from tests.conftest import FrozenClock, SignIn

pytestmark = pytest.mark.django_db
HOME = "/notices/noticetemplate/"
CHINESE = f"{HOME}revocation/zh-hans/"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    texts.forget()


@pytest.fixture
def olga(sign_in: SignIn, frozen_clock: FrozenClock) -> Client:
    client = sign_in("olga", role="operator")
    User.objects.filter(username="olga").update(email="olga@ca.example")
    return client


def form(**changed: str) -> dict[str, str]:
    found = texts.shipped("revocation", "zh-hans")
    assert found
    typed = {part: getattr(found, part).replace("\n", "\r\n") for part in texts.PARTS}
    return {**typed, "based_on": "0", "comment": "", "example": "", **changed}


def said(answer: HttpResponse) -> str:
    return unescape(answer.content.decode())


@pytest.mark.parametrize("role", ["operator", "approver", "caller", "auditor"])
def test_every_role_may_read_the_words_in_force(role: str, sign_in: SignIn, frozen_clock: FrozenClock):
    client = sign_in("rita", role=role)
    assert "as shipped" in said(client.get(HOME))
    page = said(client.get(CHINESE))
    assert "张证书将被吊销" in page
    assert ("Edit</a>" in page) == (role == "operator")
    assert client.get(f"{CHINESE}versions/0/").status_code == 200
    assert client.post(f"{CHINESE}versions/0/").status_code == (302 if role == "operator" else 403)


def test_what_is_typed_can_be_looked_at_on_a_real_subscriber_and_is_not_saved(olga: Client):
    affected, _ = make.affected()
    answer = olga.post(
        f"{CHINESE}edit/",
        form(subject="您好 " + form()["subject"], example=affected.subscriber.reference, **{"try": ""}),
    )
    assert answer.status_code == 200
    assert f"With the facts of {affected.subscriber.name}" in said(answer)
    assert '<dd lang="zh-hans">您好' in said(answer)
    assert not NoticeTemplate.objects.exists()


def test_a_version_is_saved_shown_and_taken_back(olga: Client):
    assert (
        olga.post(f"{CHINESE}edit/", form(short="您好 " + form()["short"], comment="friendlier", save="")).status_code
        == 302
    )
    assert "friendlier" in said(olga.get(HOME))
    assert "friendlier" in said(olga.get(CHINESE))
    older = said(olga.get(f"{CHINESE}versions/0/"))
    assert "Put this version in force again" in older
    assert "+ 您好" in older
    assert olga.post(f"{CHINESE}versions/0/").status_code == 302
    assert list(NoticeTemplate.objects.values_list("version", "comment")) == [
        (2, "the shipped words again"), (1, "friendlier"),
    ]  # fmt: skip


def test_a_missing_placeholder_is_told_beside_its_field_and_what_was_typed_is_kept(olga: Client):
    typed = form(body=form()["body"].replace("{{ account.csv }}", "{{ accout.csv }}"), save="")
    answer = olga.post(f"{CHINESE}edit/", typed)
    assert answer.status_code == 400
    assert "there is no placeholder accout" in said(answer)
    assert "Missing: accounts.csv." in said(answer)
    assert "{{ accout.csv }}" in said(answer)
    assert not NoticeTemplate.objects.exists()


def test_saving_over_somebody_elses_version_is_refused(olga: Client):
    olga.post(f"{CHINESE}edit/", form(short="您好 " + form()["short"], save=""))
    answer = olga.post(f"{CHINESE}edit/", form(short="早上好 " + form()["short"], save=""))
    assert answer.status_code == 409
    assert "Version 1 was saved meanwhile" in said(answer)
    assert NoticeTemplate.objects.count() == 1


def test_a_test_goes_to_the_own_address(olga: Client):
    answer = olga.post(f"{CHINESE}edit/", form(send=""))
    assert "A test goes to olga@ca.example." in said(answer)
    [letter] = Letter.objects.all()
    assert (letter.kind, letter.address, letter.language) == ("test", "olga@ca.example", "zh-hans")


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"example": "nobody of this name", "try": ""}, 409, "No affected subscriber has the reference"),
        ({"body": ""}, 400, "This field is required."),
        ({"based_on": "x"}, 400, "Load the page again."),
        ({"subject": "x" * 501}, 400, "at most 500 characters"),
    ],
)
def test_bad_input_is_answered_clearly(olga: Client, changed: dict[str, str], status: int, told: str):
    answer = olga.post(f"{CHINESE}edit/", form(**changed))
    assert answer.status_code == status
    assert told in said(answer)


@pytest.mark.parametrize("at", ["nothing/en/", "revocation/xx/", "revocation/en/versions/9/", "nothing/en/edit/"])
def test_an_address_of_no_template_is_not_found(olga: Client, at: str):
    assert olga.get(HOME + at).status_code == 404
