"""Serves the CRLs that the sandbox CA has published, from a process that measures nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from rehearsal import history
from revocation import sandbox


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve the sandbox CAs of a folder on a free port of loopback; `host:port`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, _, slug, _, name = self.path.split("/")
            ca = sandbox.open_ca(root, slug)
            # Asked for a moment before its thisUpdate, a CRL is never renewed: what was published is what is served.
            body = ca.crl(int(name.removesuffix(".crl")), now=history.REPORT_READ_AT).der
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
