"""A real HTTP server on loopback that plays a provider: Postmark's API, or whatever takes JSON, as a test wishes."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body as JSON."""
        return json.loads(self.body)


@dataclass
class Provider:
    """What came in, and what to answer: `status` to everything, or as `answers` decides for each request."""

    status: int = 200
    reply: dict[str, Any] = field(default_factory=dict)
    answers: Callable[[Asked], int] | None = None
    hangs_up: bool = False
    takes: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    taken: list[Asked] = field(default_factory=list)
    url: str = ""

    @property
    def recipients(self) -> list[str]:
        """To whom the mails went that Postmark's API took."""
        return [each.json["To"] for each in self.taken]

    @property
    def host(self) -> str:
        """`host:port`."""
        return self.url.removeprefix("http://")


@contextmanager
def provider_server(provider: Provider) -> Iterator[Provider]:
    """Serve a provider on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            provider.asked.append(asked)
            time.sleep(provider.takes)
            status = provider.answers(asked) if provider.answers else provider.status
            if status == 200:
                provider.taken.append(asked)
            if provider.hangs_up:
                self.connection.close()
                return
            said = json.dumps(_said(asked) | provider.reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def _said(asked: Asked) -> dict[str, Any]:
    """What Postmark says to a mail that it takes."""
    said: dict[str, Any] = {"ErrorCode": 0, "Message": "OK", "MessageID": str(uuid4())}
    if b'"To"' in asked.body:
        said["To"] = asked.json["To"]
    return said


def postmark(provider: Provider, *, name: str = "postmark", per_minute: int = 0) -> dict[str, Any]:
    """A route over Postmark's backend of Anymail whose API this provider plays."""
    return {
        "name": name,
        "backend": "anymail.backends.postmark.EmailBackend",
        "options": {"server_token": "only for tests", "api_url": provider.url + "/", "timeout": 5},
        "per_minute": per_minute,
    }


def smtp(url: str, *, name: str = "relay", per_minute: int = 0) -> dict[str, Any]:
    """A route over SMTP to a sink."""
    host, _, port = url.removeprefix("smtp://").partition(":")
    return {
        "name": name,
        "backend": "django.core.mail.backends.smtp.EmailBackend",
        "options": {"host": host, "port": int(port)},
        "per_minute": per_minute,
    }
