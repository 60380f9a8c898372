"""Mailboxes are read from a real IMAP server and from a Maildir: nothing is lost, nothing is taken twice."""

import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Refused, Unavailable
from notices import mailboxes
from notices.mailboxes import Mailbox, name_of, open_mailbox
from tests.mailhouse import MailHouse, mail_house

USER = "bounces@ca.example"


@pytest.fixture(scope="module")
def house() -> Iterator[MailHouse]:
    with mail_house(relay=9) as built:
        yield built


def deliver(house: MailHouse, to: str, *bodies: bytes) -> None:
    """Put messages into a mailbox, over LMTP."""
    with smtplib.LMTP("127.0.0.1", house.lmtp) as lmtp:
        for body in bodies:
            lmtp.sendmail("someone@elsewhere.example", [to], body)


def keys(mailbox: Mailbox, limit: int = 100) -> list[str]:
    return [found.key for found in mailbox.unread(limit=limit)]


def wait_for(house: MailHouse, user: str, count: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open_mailbox(house.imap_url(user)) as mailbox:
            if len(keys(mailbox)) >= count:
                return
        time.sleep(0.05)
    raise AssertionError("the messages have not come")


def test_a_message_is_read_until_it_is_marked_and_looking_marks_nothing(house: MailHouse) -> None:
    user = "one@ca.example"
    deliver(house, "one+tag@ca.example", b"Subject: first\r\n\r\nHello\r\n", b"Subject: second\r\n\r\nHi\r\n")
    wait_for(house, user, 2)

    with open_mailbox(house.imap_url(user)) as mailbox:
        first, second = mailbox.unread(limit=10)
        mailbox.mark(first.key)
    with open_mailbox(house.imap_url(user)) as mailbox:
        assert keys(mailbox) == [second.key]
        assert keys(mailbox) == [second.key]
        mailbox.mark(second.key)
        assert keys(mailbox) == []

    assert b"Subject: first" in first.raw
    assert first.size == len(first.raw)
    assert first.received_at.tzinfo is not None


def test_of_a_very_long_message_only_the_beginning_is_read(house: MailHouse) -> None:
    user = "long@ca.example"
    deliver(house, user, b"Subject: long\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"x" * 70) * 20_000)
    wait_for(house, user, 1)

    with open_mailbox(house.imap_url(user)) as mailbox:
        [found] = mailbox.unread(limit=10)
    assert found.size > 1_400_000
    assert len(found.raw) == mailboxes.READ
    assert b"Subject: long" in found.raw


def test_a_mailbox_that_is_away_says_so_without_its_password(house: MailHouse) -> None:
    wrong = house.imap_url(USER).replace("secret", "not-this-one")
    with pytest.raises(Unavailable) as refused, open_mailbox(wrong):
        pass
    assert "not-this-one" not in str(refused.value)
    with pytest.raises(Unavailable), open_mailbox("imap://a:pass-word@127.0.0.1:1/INBOX"):
        pass
    with pytest.raises(Unavailable), open_mailbox(house.imap_url(USER, "NoSuchFolder")):
        pass


def test_the_name_of_a_mailbox_has_no_password() -> None:
    assert name_of("imaps://bounces%40ca.example:pass@mail.ca.example/INBOX") == (
        "imaps://bounces@ca.example@mail.ca.example/INBOX"
    )


@pytest.mark.parametrize("url", ["pop3://host/", "https://host/", "INBOX", ""])
def test_another_kind_of_address_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="no mailbox"), open_mailbox(url):
        pass


def test_a_maildir_gives_what_is_new_and_keeps_what_was_marked(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box/new/1.a").write_bytes(b"Subject: one\n\nHello\n")
    (tmp_path / "box/new/2.b").write_bytes(b"Subject: long\n\n" + b"x" * (mailboxes.READ + 1))

    with open_mailbox(f"maildir://{tmp_path}/box") as mailbox:
        first, second = mailbox.unread(limit=10)
        assert (first.key, first.raw) == ("1.a", b"Subject: one\n\nHello\n")
        assert len(second.raw) == mailboxes.READ
        mailbox.mark("1.a")
        assert keys(mailbox) == ["2.b"]
    assert (tmp_path / "box/cur/1.a:2,S").exists()
    with pytest.raises(Unavailable, match="no Maildir"), open_mailbox(f"maildir://{tmp_path}/elsewhere"):
        pass
