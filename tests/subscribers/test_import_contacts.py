"""The channels, language and history of contacts in an import."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from subscribers.models import Contact
from subscribers.services import verify_contact
from tests.conftest import NOW
from tests.subscribers.material import ACTOR, SUBSCRIBERS, bring

pytestmark = pytest.mark.django_db
HEAD = "subscriber,email,phone,role,sms,voice,chat,webhook,language,time zone,source,left_at,bounced_at,bounce_note\n"


def contacts(*rows: str) -> str:
    return HEAD + "\n".join(rows) + "\n"


def test_a_contact_comes_with_its_channels_and_its_language(tmp_path: Path):
    row = "B-1,w@bank.example,+86 10 1234,backup,yes,no,msteams://a/b/c/d,https://hook.example/x,zh_cn,asia/shanghai,CRM,,,"
    assert not bring(tmp_path, SUBSCRIBERS, contacts(row)).errors
    found = Contact.objects.get()
    assert (found.takes_sms, found.takes_voice, found.role, found.rank) == (True, False, "backup", 1)
    assert (found.chat_url, found.webhook_url) == ("msteams://a/b/c/d", "https://hook.example/x")
    assert (found.language, found.time_zone, found.source) == ("zh-CN", "Asia/Shanghai", "CRM")
    report = bring(tmp_path, SUBSCRIBERS, contacts(row))
    assert (report.counts["contact"].changed, report.counts["contact"].unchanged) == (0, 1)


def test_an_account_manager_is_nobody_of_the_subscriber(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS, contacts("B-1,am@ca.example,,account manager,,,,,,,,,,"))
    assert Contact.objects.get().role == "account_manager"
    assert not Contact.objects.own().exists()


def test_an_empty_cell_takes_nothing_away(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS, contacts("B-1,w@bank.example,+1 555 0100,,yes,,,https://hook.example/x,de,,,,,"))
    report = bring(tmp_path, contacts("B-1,w@bank.example,,,,,,,,,,,,"))
    found = Contact.objects.get()
    assert (found.takes_sms, found.webhook_url, found.language) == (True, "https://hook.example/x", "de")
    assert report.counts["contact"].unchanged == 1


def test_no_takes_a_channel_away(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS, contacts("B-1,w@bank.example,+1 555 0100,,yes,,,,,,,,,"))
    bring(tmp_path, contacts("B-1,w@bank.example,,,no,,,,,,,,,"))
    assert not Contact.objects.get().takes_sms


def test_an_old_file_takes_no_verification_back(tmp_path: Path):
    bring(tmp_path, SUBSCRIBERS, contacts("B-1,w@bank.example,,,,,,,,,,,2024-01-01T00:00:00Z,550 unknown"))
    contact = Contact.objects.get()
    assert contact.bounced_at == datetime(2024, 1, 1, tzinfo=UTC)
    verify_contact(contact, actor=ACTOR, now=NOW)
    bring(tmp_path, contacts("B-1,w@bank.example,,,,,,,,,,,2024-01-01T00:00:00Z,550 unknown"))
    bring(tmp_path, "subscriber,email,verified_at\nB-1,w@bank.example,2023-01-01T00:00:00Z\n")
    contact.refresh_from_db()
    assert (contact.verified_at, contact.bounced_at, contact.bounce_note) == (NOW, None, "")
    later = NOW + timedelta(days=1)
    bring(tmp_path, contacts(f"B-1,w@bank.example,,,,,,,,,,,{later.isoformat()},550 unknown"))
    contact.refresh_from_db()
    assert contact.bounced_at == later


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        (",,chief,,,,,,,,,,", "role: 'chief' is none of primary, backup, account_manager."),
        (",+1 555 0100,,maybe,,,,,,,,,", "takes_sms: 'maybe' is neither yes nor no."),
        (",,,yes,,,,,,,,,", "phone: is empty, and text messages or calls are to go there."),
        (",,,,,hello,,,,,,,", "chat_url: is not the address of a chat such as msteams://…"),
        (",,,,,,http://x.example,,,,,,", "webhook_url: is not an https address without a password."),
        (",,,,,,https://a:b@x.example,,,,,,", "webhook_url: is not an https address without a password."),
        (",,,,,,,Chinese,,,,,", "language: 'Chinese' is not a language tag such as en, zh-CN or sr-Latn-RS."),
        (",,,,,,,,Peking,,,,", "time_zone: 'Peking' is not an IANA time zone such as Asia/Shanghai."),
    ],
)
def test_what_cannot_be_used_is_said_with_its_line_and_field(tmp_path: Path, cells: str, error: str):
    report = bring(tmp_path, SUBSCRIBERS, contacts(f"B-1,w@b.example{cells}"))
    assert [(each.line, f"{each.field}: {each.text}") for each in report.errors] == [(2, error)]
    assert not Contact.objects.exists()
