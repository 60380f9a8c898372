"""The mail sink: it takes every notice over SMTP and puts it in its reader's mailbox. What is delivered it reports
through the same signed webhook that a mail provider calls; bounces and automatic replies come back as mail."""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core import clock
from rehearsal import history
from rehearsal.mailbox import Mail, Mailboxes
from rehearsal.people import AWAY, BOUNCES, READS, REFUSED, Person
from rehearsal.postmaster import ReturnMailbox, bounce, language_of, out_of_office

log = logging.getLogger(__name__)
DELIVERY = timedelta(minutes=2)
BOUNCE = timedelta(minutes=20)
VACATION_DAYS = 7
"""How long a vacation program stays silent towards a sender it has answered (RFC 5230 4.1)."""
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
        told: dict[str, Any] = {
            "event": "delivered",
            "id": secrets.token_urlsafe(16),
            "timestamp": float(at),
            "recipient": mail.recipient,
            "message": {"headers": {"message-id": mail.message_id.strip("<>"), "to": mail.recipient}},
        }
        signature = hmac.new(self.signing_key.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
        return {"signature": {"timestamp": at, "token": token, "signature": signature}, "event-data": told}


@dataclass
class Mailman:
    """Brings back what a mailbox answers by itself."""

    returned: ReturnMailbox
    people: Mapping[str, Person]
    """By address, those whose mailboxes are not simply read."""
    answered: dict[str, datetime] = field(default_factory=dict)

    def bring(self, mail: Mail, sender: str) -> None:
        """Deliver the bounce or the automatic reply to a message, to its envelope sender."""
        now = clock.now()
        if mail.fate == BOUNCES:
            self.returned.put(bounce(mail, to=sender, now=now))
        elif self._answers(mail.recipient, now):
            who = self.people[mail.recipient]
            back = history.REPORT_READ_AT + timedelta(days=who.back_after_days or VACATION_DAYS)
            self.returned.put(
                out_of_office(mail, to=sender, substitute=who.substitute, back=back, language=language_of(mail))
            )

    def _answers(self, recipient: str, now: datetime) -> bool:
        before = self.answered.get(recipient)
        if recipient not in self.people or (before and now - before < timedelta(days=VACATION_DAYS)):
            return False
        self.answered[recipient] = now
        return True


@dataclass
class Sink:
    """An aiosmtpd handler: refuses whom it must, keeps the rest, and reports a little later."""

    boxes: Mailboxes
    fates: Mapping[str, str]
    provider: Provider
    mailman: Mailman
    closed: Path
    reports: "set[asyncio.Task[None]]" = field(default_factory=set)

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
            task = asyncio.get_running_loop().create_task(self._follow(mail, envelope.mail_from or ""))
            self.reports.add(task)
            task.add_done_callback(self.reports.discard)
        return "250 2.0.0 Kept"

    async def _follow(self, mail: Mail, sender: str) -> None:
        wait = BOUNCE if mail.fate == BOUNCES else DELIVERY
        await asyncio.sleep(wait.total_seconds() / max(clock.speed(), 1))
        if mail.fate in {BOUNCES, AWAY}:
            await asyncio.to_thread(self.mailman.bring, mail, sender)
        if mail.fate == BOUNCES:
            return
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
