"""A real SMTP server on loopback that accepts, refuses, or hangs up, as a test wishes."""

import asyncio
import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Sink:
    """What came in, and what to answer.

    `replies` are to RCPT, by address; `data_reply` is to DATA. At the attempts in `drops_at` the line is cut, after
    `is_dead_after` attempts it always is.
    """

    replies: dict[str, str] = field(default_factory=dict)
    data_reply: str = ""
    drops_at: set[int] = field(default_factory=set)
    is_dead_after: int | None = None
    received: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    connections: int = 0
    tried: int = 0
    url: str = ""

    @property
    def recipients(self) -> list[str]:
        """To whom the messages went, in order."""
        return [str(each["To"]) for each in self.received]

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried += 1
        if self.tried in self.drops_at or (self.is_dead_after is not None and self.tried > self.is_dead_after):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "421 4.3.2 Gone"
        if reply := self.replies.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_reply:
            return self.data_reply
        content = envelope.content
        assert isinstance(content, bytes)
        self.senders.append(envelope.mail_from or "")
        self.received.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 Kept"


@contextmanager
def sink_server(sink: Sink) -> Iterator[Sink]:
    """Serve a sink on a free port; `sink.url` is what DRILL_EMAIL_URL is set to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    sink.connections = 0
    sink.url = f"smtp://127.0.0.1:{port}"
    try:
        yield sink
    finally:
        controller.stop()
