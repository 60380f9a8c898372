"""The sink of text messages and calls, over real HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import telephones
from rehearsal.mailbox import Mailboxes


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[Mailboxes, str]]:
    boxes = Mailboxes(tmp_path / "post.sqlite3")
    server = telephones.serve(telephones.Telephones(boxes, {"+86 10 5555 0001": "reads"}), 0)
    yield boxes, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(url, data=body) as answer:  # noqa: S310 - our own address
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_text_message_lies_beside_the_mails_with_its_link(sink: tuple[Mailboxes, str]) -> None:
    boxes, url = sink
    text = "62 certificates will be revoked. http://127.0.0.1:1/respond/token.1.1.x/"
    status = post(url, json.dumps({"channel": "sms", "address": "+861055550001", "text": text, "notice": "n"}).encode())

    assert status == 200
    [kept] = boxes.since(0)
    assert (kept.recipient, kept.fate, kept.link) == (
        "+861055550001",
        "reads",
        "http://127.0.0.1:1/respond/token.1.1.x/",
    )
    assert kept.subject.startswith("sms: 62 certificates")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'"text"', b"x" * (telephones.LARGEST + 1)])
def test_what_is_no_message_is_refused(sink: tuple[Mailboxes, str], body: bytes) -> None:
    boxes, url = sink
    assert post(url, body) in {400, 413}
    assert boxes.count() == 0
