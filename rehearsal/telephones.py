"""The sink for what does not go by mail: text messages, voice calls and chats of a drill, as their readers see them."""

import json
import logging
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from core import clock
from rehearsal.mailbox import Mailboxes
from rehearsal.people import SILENT

log = logging.getLogger(__name__)
LARGEST = 64 * 1024


def digits(number: str) -> str:
    """A telephone number as it is compared, however it is spelled; anything else as it is."""
    found = "".join(letter for letter in number if letter.isdecimal())
    return found if number[:1] in "+0123456789(" and found else number


class Telephones:
    """Takes posts such as `{"channel": "sms", "address": "+86…", "text": "…"}` and keeps them beside the mails."""

    def __init__(self, boxes: Mailboxes, fates: Mapping[str, str]) -> None:
        self.boxes = boxes
        self.fates = {digits(address): fate for address, fate in fates.items()}

    def take(self, body: bytes) -> int:
        """Keep one message; the HTTP status that answers it."""
        try:
            told = json.loads(body)
            channel, address, text = (str(told[name]) for name in ("channel", "address", "text"))
        except (ValueError, KeyError, TypeError):
            return 400
        message = EmailMessage(policy=SMTP)
        message["Subject"] = f"{channel}: {' '.join(text.split())[:120]}"
        message["Message-ID"] = f"<{told.get('notice', '')}.{channel}@telephones.example>"
        message.set_content(text)
        fate = self.fates.get(digits(address), SILENT)
        self.boxes.put(at=clock.now(), recipient=address, raw=message.as_bytes(), fate=fate)
        return 200


def serve(telephones: Telephones, port: int) -> ThreadingHTTPServer:
    """Start the sink on loopback; the caller shuts the server down that is returned."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status = telephones.take(self.rfile.read(length)) if 0 < length <= LARGEST else 413
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server
