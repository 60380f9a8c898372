"""Bounded HTTP against real sockets."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from core.errors import Refused, Unavailable
from core.http import Post, fetch, is_public

SECOND = timedelta(seconds=1)
Serve = Callable[[socket.socket, bytes], None]


@contextmanager
def server(serve: Serve, host: str = "127.0.0.1") -> Iterator[str]:
    """A server on loopback that hands each connection and its request to `serve`; gives the URL."""
    listener = socket.create_server((host, 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    serve(connection, _request(connection))
                except OSError:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _request(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _some(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    if not (got := connection.recv(4096)):
        raise ConnectionError("the client has gone")
    return got


def says(text: str | bytes) -> Serve:
    """A server that always answers the same bytes."""
    data = text.encode() if isinstance(text, str) else text
    return lambda connection, _: connection.sendall(data)


def ask(url: str, **changes):
    known: dict[str, Any] = {"limit_bytes": 1000, "timeout": 5 * SECOND, "allow_private": True}
    return fetch(url, **known | changes)


def test_a_get_gives_the_body_its_digest_and_lower_case_headers():
    with server(says("HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: 3\r\n\r\nabc")) as url:
        answer = ask(f"{url}/a.crl?b=c")
    assert (answer.status, answer.body, answer.url) == (200, b"abc", f"{url}/a.crl?b=c")
    assert answer.headers["content-type"] == "application/pkix-crl"
    assert answer.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_a_get_sends_path_query_and_host():
    seen: list[bytes] = []

    def serve(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(serve) as url:
        ask(f"{url}/a.crl?b=c")
    assert seen[0].startswith(b"GET /a.crl?b=c HTTP/1.1\r\n")
    assert seen[0].count(b"Host: " + url.removeprefix("http://").encode()) == 1


def test_a_post_sends_its_content_and_type():
    def echo(connection: socket.socket, request: bytes) -> None:
        body = request.partition(b"\r\n\r\n")[2]
        assert b"Content-Type: application/ocsp-request" in request
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with server(echo) as url:
        assert ask(url, post=Post(b"\x00\xff", "application/ocsp-request")).body == b"\x00\xff"


def test_a_chunked_body_is_put_together():
    with server(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) as url:
        assert ask(url).body == b"abcde"


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not():
    body = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}"
    with server(says(body.format(1000, "x" * 1000))) as url:
        assert len(ask(url).body) == 1000
    with server(says(body.format(1001, "x" * 1001))) as url, pytest.raises(Unavailable, match="more than 1000 bytes"):
        ask(url)


def test_an_endless_body_is_cut_off_at_the_limit():
    sent = [0]

    def pour(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)
            sent[0] += 65536

    with server(pour) as url, pytest.raises(Unavailable, match="more than 100000 bytes"):
        ask(url, limit_bytes=100_000)
    assert sent[0] < 50_000_000


@pytest.mark.parametrize("start", ["", "HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_drips_is_left_when_the_time_is_up(start: str):
    def drip(connection: socket.socket, request: bytes) -> None:
        connection.sendall(start.encode())
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    with server(drip) as url, pytest.raises(Unavailable, match="too long"):
        ask(url, timeout=SECOND / 2)
    assert time.monotonic() - began < 6


def test_a_body_that_ends_early_is_not_taken_for_whole():
    with (
        server(says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as url,
        pytest.raises(Unavailable, match="early"),
    ):
        ask(url)


@pytest.mark.parametrize("noise", ["", "no http\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_unavailable(noise: str):
    with server(says(noise)) as url, pytest.raises(Unavailable, match="did not answer"):
        ask(url)


def test_a_closed_port_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="did not answer"):
        ask(f"http://127.0.0.1:{port}/")


def test_a_plain_server_behind_https_is_unavailable():
    with server(says("HTTP/1.1 200 OK\r\n\r\n")) as url, pytest.raises(Unavailable, match="https://127"):
        ask(url.replace("http:", "https:"), timeout=SECOND)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (404, Refused), (408, Unavailable), (429, Unavailable), (500, Unavailable), (503, Unavailable)],
)
def test_a_status_says_no_or_later(status: int, error: type[Exception]):
    answer = says(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
    with server(answer) as url, pytest.raises(error, match=f"answered {status}"):
        ask(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ca.example/a", "file:///etc/passwd", "/a.crl", "http://", "http:///a", "http://a@ca.example/",
        "http://ca.example:99999/", "http://ca.example:0/", "http://ca.example/a b", "http://ca.example/\r\nX: y",
        "http://zürich.example/", "http://[::1/", "http://a..example/",
    ],
)  # fmt: skip
def test_a_bad_url_is_refused(url: str):
    with pytest.raises(Refused):
        ask(url)


def redirects(*steps: str, status: int = 302) -> Serve:
    """A server that redirects as often as there are steps, each time to the next, and then answers "there"."""
    left = list(steps)

    def serve(connection: socket.socket, request: bytes) -> None:
        if left:
            head = f"HTTP/1.1 {status} X\r\nLocation: {left.pop(0)}\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nthere " + request.split()[0])

    return serve


def test_three_redirects_are_followed_and_four_are_not():
    with server(redirects("/1", "/2", "/3")) as url:
        answer = ask(url)
    assert (answer.body, answer.url) == (b"there GET", f"{url}/3")
    with server(redirects("/1", "/2", "/3", "/4")) as url, pytest.raises(Refused, match="too many"):
        ask(url)


def test_a_redirected_post_stays_a_post_or_is_refused():
    content = Post(b"x", "text/plain")
    with server(redirects("/1", status=307)) as url:
        assert ask(url, post=content).body == b"there POST"
    with server(redirects("/1", status=302)) as url, pytest.raises(Refused, match="drop its content"):
        ask(url, post=content)


@pytest.mark.parametrize("target", ["ftp://ca.example/", "file:///etc/passwd", "http://[::1"])
def test_a_redirect_to_a_bad_url_is_refused(target: str):
    with server(redirects(target)) as url, pytest.raises(Refused):
        ask(url)


def test_a_private_address_is_refused_unless_the_operator_configured_the_url():
    with server(says("HTTP/1.1 200 OK\r\n\r\nsecret")) as url:
        with pytest.raises(Refused, match="no public address"):
            ask(url, allow_private=False)
        with pytest.raises(Refused, match="no public address"):
            ask(url.replace("127.0.0.1", "localhost"), allow_private=False)
        with pytest.raises(Refused, match="no public address"):
            ask(url.replace("127.0.0.1", "0x7f000001"), allow_private=False)
        assert ask(url).body == b"secret"


def test_a_public_server_cannot_redirect_to_a_private_one(monkeypatch: pytest.MonkeyPatch):
    """The first host counts as public here, since no test reaches the Internet; the second is what it is."""
    with (
        server(says("HTTP/1.1 200 OK\r\n\r\nsecret"), host="127.0.0.2") as inner,
        server(redirects(f"{inner}/")) as outer,
    ):
        assert ask(outer).body == b"secret"
        monkeypatch.setattr("core.http.is_public", lambda address: address == "127.0.0.1")
        for allowed in (False, True):
            with server(redirects(f"{inner}/")) as again, pytest.raises(Refused, match="no public address"):
                ask(again, allow_private=allowed)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]
)
def test_a_public_address_is_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",  # noqa: S104
        "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_a_special_address_is_not_public(address: str):
    assert not is_public(address)
