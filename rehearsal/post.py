"""The mail sink: it takes every notice over SMTP, puts it in its reader's mailbox, and reports what became of it
through the same signed webhook that a mail provider calls."""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core import clock
from rehearsal.mailbox import Mail, Mailboxes
from rehearsal.people import BOUNCES, READS, REFUSED

log = logging.getLogger(__name__)
DELIVERY = timedelta(minutes=2)
BOUNCE = timedelta(minutes=20)
ATTEMPTS = 30


@dataclass
class Provider:
    """How this sink reports to the site: address and key of its webhook."""

    webhook: str
    signing_key: str

    def report(self, mail: Mail) -> None:
        """Tell the site what became of a message; a site that is away is asked again for half a minute."""
        body = json.dumps(self._event(mail)).encode()
        request = urllib.request.Request(self.webhook, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
            answer.read()

    def _event(self, mail: Mail) -> dict[str, Any]:
        at, token = f"{clock.now().timestamp():.6f}", secrets.token_hex(25)
        bounced = mail.fate == BOUNCES
        told: dict[str, Any] = {
            "event": "failed" if bounced else "delivered",
            "id": secrets.token_urlsafe(16),
            "timestamp": float(at),
            "recipient": mail.recipient,
            "message": {"headers": {"message-id": mail.message_id.strip("<>"), "to": mail.recipient}},
        }
        if bounced:
            told |= {
                "severity": "permanent",
                "reason": "bounce",
                "delivery-status": {"code": 550, "message": "5.1.1 The address does not exist any more"},
            }
        signature = hmac.new(self.signing_key.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
        return {"signature": {"timestamp": at, "token": token, "signature": signature}, "event-data": told}


class Sink:
    """An aiosmtpd handler: refuses whom it must, keeps the rest, and reports a little later."""

    def __init__(self, boxes: Mailboxes, fates: Mapping[str, str], provider: Provider, closed: Path) -> None:
        self.boxes = boxes
        self.fates = fates
        self.provider = provider
        self.closed = closed
        self.reports: set[asyncio.Task[None]] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Answer to one recipient."""
        if self.closed.exists():
            return "451 4.3.2 The rehearsal's mail is stopped; try later"
        if self.fates.get(address.lower()) == REFUSED:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one message, once for each recipient."""
        for address in envelope.rcpt_tos:
            fate = self.fates.get(address.lower(), READS)
            mail = self.boxes.put(at=clock.now(), recipient=address, raw=envelope.original_content or b"", fate=fate)
            task = asyncio.get_running_loop().create_task(self._report_later(mail))
            self.reports.add(task)
            task.add_done_callback(self.reports.discard)
        return "250 2.0.0 Kept"

    async def _report_later(self, mail: Mail) -> None:
        wait = BOUNCE if mail.fate == BOUNCES else DELIVERY
        await asyncio.sleep(wait.total_seconds() / max(clock.speed(), 1))
        for _ in range(ATTEMPTS):
            try:
                await asyncio.to_thread(self.provider.report, mail)
            except (urllib.error.URLError, OSError):
                await asyncio.sleep(1)
            else:
                return
        log.warning("The site took no report about message %d.", mail.id)


def serve(sink: Sink, port: int) -> Controller:
    """Start the sink on loopback; the caller stops the controller that is returned."""
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    return controller
