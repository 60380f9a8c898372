"""In which language the subscriber's pages speak, and how a visitor changes it."""

import pytest
from django.test import Client

from campaigns.links import token
from core.languages import nearest
from notices.languages import language_of
from subscribers.models import Contact
from tests import make
from tests.conftest import FrozenClock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
SWITCH = '<a href="?language='


def page_for(contact: str = "", subscriber: str = "en") -> tuple[str, Contact]:
    affected, _ = make.affected(2)
    holder = affected.subscriber
    holder.language = subscriber
    holder.save()
    told = holder.contacts.get(rank=0)
    told.language = contact
    told.save()
    return f"/respond/{token(affected, told)}/", told


def text(client: Client, path: str, **headers: str) -> str:
    return client.get(path, headers=headers).content.decode()


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"), ("en-GB", "en"), ("zh", "zh-hans"), ("zh-CN", "zh-hans"), ("ZH_hans_cn", "zh-hans"),
        ("zh-TW", "zh-hans"), ("yue-HK", "zh-hans"), ("de", "en"), ("", "en"), ("%00", "en"), ("zhx", "en"),
    ],
)  # fmt: skip
def test_any_tag_falls_to_the_nearest_shipped_language(tag: str, language: str):
    assert nearest(tag) == language


@pytest.mark.parametrize(
    ("contact", "subscriber", "language"),
    [("zh-CN", "en", "zh-hans"), ("", "zh-CN", "zh-hans"), ("en-GB", "zh-CN", "en"), ("", "fr", "en")],
)
def test_a_page_and_a_notice_speak_the_contacts_language_else_the_subscribers(
    client: Client, contact: str, subscriber: str, language: str
):
    path, told = page_for(contact, subscriber)
    answer = client.get(path)
    assert answer["Content-Language"] == language == language_of(told)
    assert ("您的证书" in answer.content.decode()) == (language == "zh-hans")
    assert f'<html lang="{language}">' in answer.content.decode()


def test_a_visitor_can_switch_and_stays_switched_also_after_an_act(client: Client):
    path, _ = page_for("zh-CN")
    assert f'{SWITCH}en"' in text(client, path)
    assert "Your certificates" in text(client, f"{path}?language=en")
    assert "Your certificates" in text(client, path)
    after = client.post(f"{path}acknowledge/", follow=True)
    assert "Thank you. We have recorded" in after.content.decode()
    assert "您的证书" in text(client, f"{path}?language=zh-hans")
    refused = client.post(f"{path}confirm/", {}, follow=True).content.decode()
    assert "未选择任何证书" in refused
    form = client.post(f"{path}contact/", {"email": "x"})
    assert form.status_code == 400
    assert "<strong>未作任何更改。</strong>" in form.content.decode()
    assert "Enter a valid" not in form.content.decode()


def test_the_switch_is_kept_by_a_cookie_that_scripts_cannot_read(client: Client):
    path, _ = page_for()
    cookie = client.get(f"{path}?language=zh-hans").cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-hans", True, "Lax")


@pytest.mark.parametrize("odd", ["xx", "ZH-HANS;x=1", "%0d%0aSet-Cookie:%20a=b", "..%2f..%2fetc", ""])
def test_a_language_that_is_not_shipped_changes_nothing(client: Client, odd: str):
    path, _ = page_for("zh-CN")
    answer = client.get(f"{path}?language={odd}")
    assert answer["Content-Language"] == "zh-hans"
    assert "django_language" not in answer.cookies


def test_a_broken_link_is_told_of_in_the_browsers_language(client: Client):
    assert "该链接无法使用" in text(client, "/respond/nothing/", **{"accept-language": "zh-CN,zh;q=0.9"})
    assert "This link does not work" in text(client, "/respond/nothing/", **{"accept-language": "de"})


def test_a_form_without_its_cookie_is_refused_in_the_browsers_language():
    path, _ = page_for()
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "zh-CN"})
    answer = client.post(f"{path}acknowledge/")
    assert answer.status_code == 403
    assert "未作任何更改" in answer.content.decode()


def test_the_console_speaks_english_whatever_the_browser_prefers(client: Client, frozen_clock: FrozenClock):
    page_for("zh-CN")
    assert "Log in" in text(client, "/login/", **{"accept-language": "zh-CN"})


def test_the_rule_is_translated_and_the_original_stands_beside_it(client: Client):
    path, _ = page_for("zh-CN")
    page = text(client, path)
    assert "CA 获悉证书的签发不符合本要求" in page
    assert "The CA is made aware that the Certificate was not issued in accordance" in page


def test_times_are_the_contacts_own(client: Client):
    path, told = page_for()
    told.time_zone = "Asia/Shanghai"
    told.save()
    assert "(Asia/Shanghai)" in text(client, path)


def test_what_is_wrong_with_a_new_certificate_is_said_in_chinese(client: Client):
    path, _ = page_for("zh-CN")
    answer = client.post(f"{path}replace/", {"pem": "-----BEGIN CERTIFICATE-----\nxx"})
    assert "PEM 内容缺少 END 行" in answer.content.decode()
