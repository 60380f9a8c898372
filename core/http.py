"""Bounded HTTP: what comes from outside is limited in size, in time, and in where it may lead us.

Names are looked up once and the connection goes to the address that was checked, so a name cannot point elsewhere
between the check and the call. Proxies of the environment are not used. The look-up of a name is bounded by the
system's resolver, everything after it by `timeout`.
"""

import hashlib
import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from core.errors import Refused, Unavailable

MAX_REDIRECTS = 3
SILENCE = timedelta(seconds=10)
"""The longest wait for the next bytes, however much of `timeout` is left."""
CHUNK = 64 * 1024
PORTS = {"http": 80, "https": 443}
REDIRECTS = {301, 302, 303, 307, 308}
KEEPS_METHOD = {307, 308}
MAY_PASS = {408, 425, 429}
"""Answers of the 4xx class that mean "later", not "no" (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4)."""


@dataclass(frozen=True)
class Post:
    """What to send with a POST."""

    data: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """A whole answer of the 2xx class; `url` is the one that gave it, after redirects, and headers are lower-case."""

    url: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    sha256: str


@dataclass(frozen=True)
class _Bounds:
    limit_bytes: int
    ends: float
    post: Post | None

    def left(self) -> float:
        """Seconds to wait for the next bytes; raises TimeoutError when the time is up."""
        remaining = self.ends - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return min(remaining, SILENCE.total_seconds())


def fetch(
    url: str, *, limit_bytes: int, timeout: timedelta, allow_private: bool = False, post: Post | None = None
) -> Response:
    """GET or POST a URL within `timeout` and `limit_bytes`, following at most three redirects.

    `allow_private` is for URLs that the operator configured: without it, and after any step on a public address,
    loopback, private and other special addresses are refused. Raises `Refused` (bad URL, forbidden address, 4xx) or
    `Unavailable` (network, 5xx, too large, too slow).
    """
    bounds = _Bounds(limit_bytes, time.monotonic() + timeout.total_seconds(), post)
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url)
        step = _Step(parts, bounds, allow_private=allow_private)
        try:
            answer = step.run(url)
        except TimeoutError as error:
            raise Unavailable(f"{url} took too long.") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{url} did not answer: {str(error) or type(error).__name__}.") from error
        if isinstance(answer, Response):
            return answer
        url, allow_private = _next(url, answer, bounds.post), allow_private and step.was_private
    raise Refused(f"{url} is one redirect too many; {MAX_REDIRECTS} are followed.")


@dataclass(frozen=True)
class _Redirect:
    status: int
    location: str


class _Line:
    """A connected socket whose every wait is bounded by the end of the whole exchange."""

    def __init__(self, connected: socket.socket, bounds: _Bounds) -> None:
        self.socket, self.bounds = connected, bounds

    def sendall(self, data: Any) -> None:
        self.socket.settimeout(self.bounds.left())
        self.socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Nothing: `http.client` calls this before the body is read; `_Step` closes the socket in the end."""


class _Reader(io.RawIOBase):
    def __init__(self, line: _Line) -> None:
        self.line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.line.socket.settimeout(self.line.bounds.left())
        return self.line.socket.recv_into(buffer)


class _Step:
    """One exchange with one host."""

    def __init__(self, parts: SplitResult, bounds: _Bounds, *, allow_private: bool) -> None:
        self.parts, self.bounds, self.allow_private = parts, bounds, allow_private
        self.was_private = False

    def run(self, url: str) -> Response | _Redirect:
        parts, post = self.parts, self.bounds.post
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or PORTS[parts.scheme])
        with self._connect() as connected:
            connection.sock = _Line(connected, self.bounds)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {
                "Accept-Encoding": "identity",
                "User-Agent": "Recall",
                "Connection": "close",
                "Host": parts.netloc,
            }
            if post:
                headers |= {"Content-Type": post.content_type, **post.headers}
            connection.request("POST" if post else "GET", target, body=post.data if post else None, headers=headers)
            with connection.getresponse() as answer:
                return self._take(url, answer)

    def _take(self, url: str, answer: http.client.HTTPResponse) -> Response | _Redirect:
        location = answer.getheader("location")
        if answer.status in REDIRECTS and location:
            return _Redirect(answer.status, location)
        _raise_for_status(url, answer.status)
        body = self._read(url, answer)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(url, answer.status, body, headers, hashlib.sha256(body).hexdigest())

    def _read(self, url: str, answer: http.client.HTTPResponse) -> bytes:
        body, limit = bytearray(), self.bounds.limit_bytes
        while chunk := answer.read1(CHUNK):
            body += chunk
            if len(body) > limit:
                raise Unavailable(f"{url} sends more than {limit} bytes.")
        if answer.length:
            raise Unavailable(f"{url} ended {answer.length} bytes early.")
        return bytes(body)

    def _connect(self) -> socket.socket:
        host, port = self.parts.hostname or "", self.parts.port or PORTS[self.parts.scheme]
        failure: OSError | None = None
        for address in self._addresses(host, port):
            try:
                plain = socket.create_connection((address, port), timeout=self.bounds.left())
            except OSError as error:
                failure = error
                continue
            self.was_private = not is_public(address)
            return self._secured(plain, host) if self.parts.scheme == "https" else plain
        raise failure or OSError(f"{host} has no address")

    def _secured(self, plain: socket.socket, host: str) -> socket.socket:
        try:
            plain.settimeout(self.bounds.left())
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except UnicodeError as error:
            raise Refused(f"{host!r} is no host name: {error}.") from error
        allowed = [address for address in found if self.allow_private or is_public(address)]
        if found and not allowed:
            raise Refused(f"{host} is at {found[0]}, which is no public address.")
        return allowed


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet, also when IPv6 merely wraps an IPv4 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 2.1


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"{url!r} is no URL: {error}.") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise Refused(f"{url!r} is no http or https URL.")
    if "@" in parts.netloc or port == 0:
        raise Refused(f"{url!r} names a user or an impossible port.")
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise Refused(f"{url!r} has characters that must be percent-encoded.")
    return parts


def _next(url: str, redirect: _Redirect, post: Post | None) -> str:
    try:
        target = urljoin(url, redirect.location)
    except ValueError as error:
        raise Refused(f"{url} redirects to {redirect.location!r}, which is no URL.") from error
    if url.startswith("https:") and not target.startswith("https:"):
        raise Refused(f"{url} redirects to {target}, away from https.")
    if post and redirect.status not in KEEPS_METHOD:
        raise Refused(f"{url} redirects a POST by {redirect.status}, which would drop its content.")
    return target


def _raise_for_status(url: str, status: int) -> None:
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success, RFC 9110 15.3
        return
    if 400 <= status < 500 and status not in MAY_PASS:  # noqa: PLR2004 - the client errors, RFC 9110 15.5
        raise Refused(f"{url} answered {status}.")
    raise Unavailable(f"{url} answered {status}.")
