"""The door: the only module that hands messages to a mail server or provider, or to another channel.

Messages of live campaigns take the configured ways, those of drills only the sinks of `DRILL_EMAIL_URL` and
`DRILL_CHANNEL_URL`. A batch goes through one connection per way; one that drops is opened again.
"""

import logging
import smtplib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from anymail.backends.base import AnymailBaseBackend
from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address

from core import clock
from core.errors import Refused, Unavailable
from notices.channels import OpenLine
from notices.models import Letter
from notices.outcomes import AddressRefused, Down, Outcome, Sent, Suppressed, Unclear
from notices.refusals import is_about_address
from notices.returns import return_path
from notices.routes import Way, ways
from notices.switch import Line, Message, Stopwatch, Switch
from notices.wording import one_line
from subscribers.models import Channel

log = logging.getLogger(__name__)
CLOSING = 421
"""The server closes the connection (RFC 5321 4.2.3)."""
ABOUT_US = {401, 402, 403, 408, 429}
"""Answers of a provider that are about our account, not about the message; 5xx is about the provider."""
NOT_CONNECTED = {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}
ROUTINE_SHARE = 0.5
"""The share of a ceiling that letters may use: the rest is kept for notices."""
__all__ = ["AddressRefused", "Outcome", "Sent", "send"]


def send(messages: Sequence[Message], *, now: datetime) -> Iterator[tuple[Message, Outcome]]:
    """Send messages one after the other; yields what became of each as soon as it is known.

    `AddressRefused` is about the recipient, another `Refused` about how this site is set up; `Unavailable` may go
    through another time. The caller may stop early: connections are closed then.
    """
    switches: dict[tuple[str, bool], Switch] = {}
    watch = Stopwatch(now)
    try:
        for message in messages:
            to_sink = _goes_to_sink(message)
            if reason := _objection(message, to_sink=to_sink):
                yield message, Refused(reason)
                continue
            key = message.channel, to_sink
            if key not in switches:
                share = ROUTINE_SHARE if isinstance(message, Letter) else 1.0
                found = ways(message.channel, to_sink=to_sink)
                line = partial(_line, to_sink=to_sink)
                switches[key] = Switch(found, line, watch, batch=len(messages), share=share)
            yield message, switches[key].send(message, now=now)
    finally:
        for switch in switches.values():
            switch.close()


def _goes_to_sink(message: Message) -> bool:
    """Drills, and everything routine under a rehearsal's clock, never leave the house."""
    if isinstance(message, Letter):
        return clock.is_rehearsed()
    return message.affected_subscriber.campaign.is_drill


def _objection(message: Message, *, to_sink: bool) -> str:
    is_mail = message.channel == Channel.MAIL
    if to_sink and is_mail and not settings.DRILL_EMAIL_URL:
        return "A drill sends mail only to the sink of DRILL_EMAIL_URL, and none is set."
    if to_sink and not is_mail and not settings.DRILL_CHANNEL_URL:
        return "A drill sends only mail, unless DRILL_CHANNEL_URL names a sink for the other channels."
    if not to_sink and clock.is_rehearsed():
        return "The clock is a rehearsal's; the messages of a live campaign are not sent under it."
    return ""


def _line(way: Way, *, to_sink: bool) -> Line:
    return _MailLine(way) if way.channel == Channel.MAIL else OpenLine(way, to_sink=to_sink)


def _message(notice: Message, *, returns_to: str, now: datetime) -> EmailMultiAlternatives:
    """The message as it goes out; bounces go to `returns_to`, if it is given.

    No Auto-Submitted, Precedence or List-Unsubscribe: they keep out-of-office replies from being sent, and those tell
    us that a contact is away. Only the answer to an answer says that it is automatic, so that two machines do not talk
    for ever (RFC 3834 3.1.7).
    """
    message = EmailMultiAlternatives(
        subject=notice.subject,
        body=notice.body_text,
        from_email=returns_to or settings.NOTICE_FROM,
        to=[notice.address],
        reply_to=[settings.NOTICE_REPLY_TO] if settings.NOTICE_REPLY_TO else None,
        headers={
            "Message-ID": notice.message_id,
            "Date": format_datetime(now.astimezone(UTC)),
            "From": settings.NOTICE_FROM,
            **_headers(notice),
        },
        alternatives=[(notice.body_html, "text/html")] if notice.body_html else None,
    )
    message.metadata = {"notice": str(notice.public_id)}  # type: ignore[attr-defined] # read by Anymail's backends
    kind = notice.kind if isinstance(notice, Letter) else notice.affected_subscriber.campaign.kind
    message.tags = [kind]  # type: ignore[attr-defined]
    return message


def _headers(notice: Message) -> dict[str, str]:
    if not isinstance(notice, Letter) or notice.kind != Letter.Kind.RECEIVED:
        return {}
    answered = one_line(notice.in_reply_to, longest=998)
    found = {"Auto-Submitted": "auto-replied"}
    return found | ({"In-Reply-To": answered, "References": answered} if answered else {})


class _MailLine:
    """One connection, opened when it is needed and again when it drops."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.connection: Any = None
        self.trouble = ""

    def send(self, message: Message, *, now: datetime) -> Outcome:
        """Hand over one message; a message whose connection drops is tried once more on a new one."""
        try:
            sanitize_address(message.address, "utf-8")
        except ValueError as error:
            return AddressRefused(_told(error))
        for _ in range(2):
            if not self._is_open():
                return Down(self.trouble, is_final=True)
            is_provider = isinstance(self.connection, AnymailBaseBackend)
            mail = _message(message, returns_to="" if is_provider else return_path(message.public_id), now=now)
            try:
                self.connection.send_messages([mail])
            except Exception as error:  # noqa: BLE001 - backends raise whatever they like; each kind is sorted below
                if not _is_dropped(error):
                    return _sorted(error)
                self.trouble = _told(error)
                self.close()
            else:
                return Sent(_provider_id(mail))
        return Down(self.trouble)

    def close(self) -> None:
        """Hang up; a server that is gone does not mind."""
        connection, self.connection = self.connection, None
        if connection:
            try:
                connection.close()
            except OSError as error:
                log.info("The mail connection did not close well: %s", _told(error))

    def _is_open(self) -> bool:
        """Connect if need be."""
        if self.connection is None:
            try:
                connection = get_connection(self.way.target or None, **self.way.options)
                if isinstance(connection, AnymailBaseBackend):
                    # What a provider cannot do, such as tags, keeps no notice from going out.
                    connection.ignore_unsupported_features = True
                connection.open()
            except Exception as error:
                log.warning("The mail server cannot be reached.", exc_info=not isinstance(error, OSError))
                self.trouble = _told(error)
                return False
            self.connection = connection
        return True


def _is_dropped(error: Exception) -> bool:
    """Whether it was the connection that failed, and not the message.

    Providers are asked over HTTP, message by message, and may have taken one whose answer was lost: those are not
    asked twice in a row.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == CLOSING for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == CLOSING
    if isinstance(error, AnymailError | smtplib.SMTPException):
        return isinstance(error, smtplib.SMTPServerDisconnected)
    return isinstance(error, OSError)


def _sorted(error: Exception) -> Outcome:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        told = f"{code} {text.decode(errors='replace')}"
        return AddressRefused(one_line(told)) if is_about_address(code, told) else Unavailable(one_line(told))
    if isinstance(error, AnymailRecipientsRefused):
        return Suppressed(_told(error))
    if isinstance(error, AnymailInvalidAddress):
        return AddressRefused(_told(error))
    if isinstance(error, AnymailError):
        return _sorted_by_provider(error)
    if not isinstance(error, OSError):
        log.error("A message could not be handed to the mail backend.", exc_info=error)
    return Unavailable(_told(error))


def _sorted_by_provider(error: AnymailError) -> Outcome:
    """A provider that answers has not taken the message; where no answer came it may have."""
    status, told = error.status_code, _told(error)
    if status is None:
        reason = getattr(next(iter(getattr(error.__cause__, "args", ())), None), "reason", None)
        if type(reason).__name__ in NOT_CONNECTED:
            return Down(told, is_final=True)
        return Unclear(told) if isinstance(error, OSError) else Unavailable(told)
    return Down(told) if status in ABOUT_US or status >= 500 else Unavailable(told)  # noqa: PLR2004 - RFC 9110 15.6


def _told(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return one_line(f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}")
    return one_line(f"{type(error).__name__}: {error}", longest=400)


def _provider_id(message: EmailMultiAlternatives) -> str:
    status = getattr(message, "anymail_status", None)
    found = getattr(status, "message_id", None)
    return str(found)[:255] if isinstance(found, str | int) else ""
