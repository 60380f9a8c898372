"""The mail sink of the benchmarks speaks enough SMTP to be measured against."""

import contextlib
import smtplib
import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from bench import sink


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=lambda: sink.talk(server.accept()[0]), daemon=True).start()
        yield server.getsockname()[1]


def test_many_messages_go_through_one_connection(port: int):
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as line:
        for size in (0, 10, 1_000_000):
            message = b"Subject: x\r\n\r\n" + b".\r\n" * (size // 3)
            assert line.sendmail("ca@ca.example", ["a@a.example"], message) == {}
        assert line.quit() == (221, b"2.0.0 Bye")


def test_commands_that_come_all_at_once_are_answered_in_turn(port: int):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@a.example>\r\nDATA\r\nA: b\r\n\r\nc\r\n.\r\nQUIT\r\n")
        told = b""
        while block := line.recv(1000):
            told += block
    codes = [reply[:3] for reply in told.splitlines()]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]


def test_a_client_that_hangs_up_ends_the_session():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        client.sendall(b"MAIL FROM:<a@a.example>\r\nDATA\r\nhalf a mes")
        client.close()
        theirs, _ = server.accept()
        theirs.settimeout(10)
        with contextlib.suppress(ConnectionError):
            sink.talk(theirs)
        assert theirs.fileno() == -1
