"""A status server beside the site: it serves the CRLs and OCSP answers of a CA, or what a test puts in their place."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from django.conf import settings

from core import clock
from revocation.sandbox import open_ca

Body = bytes | Callable[[], Iterator[bytes]]


class Shelf:
    """What is served instead of the truth, by path, and how often each path was asked for."""

    def __init__(self) -> None:
        self.instead: dict[str, Body] = {}
        self.asked: Counter[str] = Counter()
        self.url = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def path(self, url: str) -> str:
        return url.removeprefix(self.url)

    def body(self, path: str, posted: bytes) -> Body:
        self.asked[path] += 1
        if path in self.instead:
            return self.instead[path]
        _, _, slug, *rest = path.split("/")
        ca = open_ca(Path(settings.SANDBOX_ROOT), slug)
        if rest == ["ocsp"]:
            return ca.answer(posted, now=clock.now())
        return ca.crl(int(rest[1].removesuffix(".crl")), now=clock.now()).der


@contextmanager
def shelf() -> Iterator[Shelf]:
    """A shelf on a free port of loopback."""
    it = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, posted: bytes) -> None:
            body = it.body(self.path, posted)
            self.send_response(200)
            if isinstance(body, bytes):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                for part in [body] if isinstance(body, bytes) else body():
                    self.wfile.write(part)
            except OSError:
                return  # whoever asked has hung up

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    it.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
