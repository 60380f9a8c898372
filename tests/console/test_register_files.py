"""Files into the register through the console, and out of it."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import Event
from subscribers.models import Commitment, Contact, Subscriber
from subscribers.services import give_commitment, mark_contact_bounced, mark_contact_left, verify_contact
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock
from tests.subscribers.material import CONTACTS, SUBSCRIBERS, bundle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
IMPORT = "admin:subscribers_subscriber_import"
EXPORT = "admin:subscribers_subscriber_export"


@pytest.fixture
def client(sign_in: Callable[..., Client]) -> Client:
    return sign_in("olga", role="operator")


def look(client: Client, *contents: str | bytes) -> Any:
    files = [
        SimpleUploadedFile(f"{place}.csv", each.encode() if isinstance(each, str) else each)
        for place, each in enumerate(contents)
    ]
    return client.post(reverse(IMPORT), {"register_files": files})


def write(client: Client, digest: str) -> Any:
    return client.post(reverse(IMPORT), {"digest": digest})


def export(client: Client, wanted: str) -> bytes:
    answer: Any = client.post(reverse(EXPORT), {"wanted": wanted})
    assert answer.status_code == 200
    return bytes(answer.getvalue())


def everything() -> list[Any]:
    """What the register says, apart from numbers that only the database knows."""
    hidden = {"id", "public_id", "subscriber_id", "added_at", "reminded_at", "link_version"}
    rows = [Subscriber.objects.order_by("reference"), Contact.objects.order_by("email"), Commitment.objects.all()]
    return [[{k: v for k, v in row.items() if k not in hidden} for row in each.values()] for each in rows]


def test_a_look_tells_what_would_change_and_changes_nothing(client: Client):
    page = look(client, SUBSCRIBERS, CONTACTS)
    assert page.status_code == 200
    report = page.context["report"]
    assert (report.counts["subscriber"].created, report.counts["contact"].created) == (2, 2)
    words = page.content.decode()
    assert "Example Bank" in words
    assert "0.csv:2" in words
    assert not Subscriber.objects.exists()
    assert not Event.objects.exists()


def test_what_was_looked_at_is_written(client: Client):
    digest = look(client, SUBSCRIBERS, CONTACTS).context["report"].digest
    assert write(client, digest).status_code == 302
    assert (Subscriber.objects.count(), Contact.objects.count()) == (2, 2)
    event = assert_event("register.imported", actor="staff:olga")
    assert [each["name"] for each in event.facts["files"]] == ["0.csv", "1.csv"]
    assert write(client, digest).status_code == 409


def test_changes_are_told_field_by_field(client: Client):
    write(client, look(client, SUBSCRIBERS, CONTACTS).context["report"].digest)
    report = look(client, "reference,name,class\nB-1,Bank of Examples,finance\nC-2,City,government\n").context["report"]
    (change,) = report.changes
    assert (change.key, change.is_new, change.line) == ("B-1", False, 2)
    (field,) = change.fields
    assert (field.name, field.was, field.becomes) == ("name", "Example Bank", "Bank of Examples")


def test_nothing_is_written_when_the_register_has_changed_meanwhile(client: Client):
    write(client, look(client, SUBSCRIBERS).context["report"].digest)
    digest = look(client, "reference,name\nB-1,Bank of Examples\n").context["report"].digest
    Subscriber.objects.filter(reference="B-1").update(name="Somebody else's edit")
    answer = write(client, digest)
    assert answer.status_code == 409
    assert "Look again" in answer.content.decode()
    assert Subscriber.objects.get(reference="B-1").name == "Somebody else's edit"


def test_another_digest_writes_nothing(client: Client):
    look(client, SUBSCRIBERS)
    assert write(client, "0" * 64).status_code == 409
    assert not Subscriber.objects.exists()


def test_errors_come_with_file_line_and_field_and_nothing_can_be_written(client: Client):
    page = look(client, SUBSCRIBERS, "subscriber,email\nB-1,nobody\nX-9,a@b.example\n")
    assert page.status_code == 400
    words = page.content.decode()
    assert "1.csv:2: email:" in words
    assert "1.csv:3: subscriber:" in words
    assert 'name="digest"' not in words
    assert write(client, page.context["report"].digest).status_code == 409
    assert not Subscriber.objects.exists()


def test_certificates_do_not_come_by_this_way(client: Client):
    make.issuer()
    page = look(client, bundle([make.leaf()]))
    assert page.status_code == 400
    assert "use import_register" in page.content.decode()


@pytest.mark.parametrize("content", ["", "hello\n", "a,b\n1,2\n", b"\xff\xfea\x00", b"PK\x03\x04broken"])
def test_files_that_are_none_of_ours_are_refused(client: Client, content: str | bytes):
    page = look(client, content)
    assert page.status_code == 400
    assert not Subscriber.objects.exists()


def test_no_file_at_all_is_refused(client: Client):
    assert client.post(reverse(IMPORT), {}).status_code == 400


@pytest.mark.parametrize("role", ["caller", "auditor", "approver"])
def test_others_neither_import_nor_export(sign_in: Callable[..., Client], role: str):
    other = sign_in("vera", role=role)
    for name in (IMPORT, EXPORT):
        assert other.get(reverse(name)).status_code == 403
        assert other.post(reverse(name), {"digest": "0", "wanted": "all.xlsx"}).status_code == 403


def full_register() -> None:
    odd = make.subscriber("=cmd|' /C calc'!A0", contacts=2, language="zh-CN", time_zone="Asia/Shanghai")
    first, second = odd.contacts.all()
    Contact.objects.filter(pk=first.pk).update(
        takes_sms=True, chat_url="msteams://a/b", webhook_url="https://h.example/x", language="de", source="'=CRM",
        name="@Wang, \"W\"", time_zone="Europe/Zurich",
    )  # fmt: skip
    verify_contact(first, actor="system", now=NOW + timedelta(microseconds=7))
    mark_contact_bounced(second, note="-550 gone", actor="system", now=NOW)
    mark_contact_left(second, note="said so", actor="system", now=NOW)
    make.contact(odd, rank=2, role="account_manager")
    give_commitment(odd, window=timedelta(days=5), given_by="+CISO", actor="system", now=NOW)
    make.subscriber("''-Plain", contacts=0, subscriber_class="critical")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_exported_can_be_imported_without_loss(client: Client, kind: str):
    full_register()
    before = everything()
    if kind == "xlsx":
        files = [export(client, "all.xlsx")]
    else:
        files = [export(client, f"{name}.csv") for name in ("subscribers", "contacts", "commitments")]
    assert look(client, *files).context["report"].changes == []
    for model in (Commitment, Contact, Subscriber):
        model.objects.all().delete()
    page = look(client, *files)
    assert page.status_code == 200, page.context["report"].errors
    assert write(client, page.context["report"].digest).status_code == 302
    assert everything() == before


def test_no_exported_cell_is_a_formula(client: Client):
    full_register()
    for name in ("subscribers", "contacts", "commitments"):
        for row in csv.reader(io.StringIO(export(client, f"{name}.csv").decode())):
            assert not [cell for cell in row if cell[:1] in tuple("=+-@\t\r")]
    book = openpyxl.load_workbook(io.BytesIO(export(client, "all.xlsx")))
    assert book.sheetnames == ["subscribers", "contacts", "commitments"]
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}


def test_an_export_is_kept_in_the_journal_and_looking_is_not(client: Client, frozen_clock: FrozenClock):
    assert client.get(reverse(EXPORT)).status_code == 200
    assert not Event.objects.exists()
    export(client, "contacts.csv")
    assert assert_event("register.exported", actor="staff:olga").facts == {"table": "contacts", "format": "csv"}
    assert client.post(reverse(EXPORT), {"wanted": "secrets.csv"}).status_code == 400
