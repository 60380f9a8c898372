"""The door to the mail: the only module that hands notices to a mail server or provider.

Live campaigns use the configured connection, drills only the sink of `DRILL_EMAIL_URL`. A batch goes through one
connection; one that drops is opened again.
"""

import logging
import smtplib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address
from environ import Env

from core import clock
from core.errors import Refused, Unavailable
from notices.models import Notice
from notices.refusals import is_about_address
from notices.wording import one_line

log = logging.getLogger(__name__)
PATIENCE = 2
"""After so many messages in a row for which no connection held, the rest of the batch is not tried."""
CLOSING = 421
"""The server closes the connection (RFC 5321 4.2.3)."""


class AddressRefused(Refused):
    """The recipient's address takes no mail, and will not later."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the message; `provider_id` is the provider's own identifier, empty for plain SMTP."""

    provider_id: str = ""


Outcome = Sent | Refused | Unavailable


def send(notices: Sequence[Notice], *, now: datetime) -> Iterator[tuple[Notice, Outcome]]:
    """Send notices one after the other; yields what became of each as soon as it is known.

    `AddressRefused` is about the recipient, another `Refused` about how this site is set up; `Unavailable` may go
    through another time. The caller may stop early: connections are closed then.
    """
    lines: dict[bool, _Line] = {}
    try:
        for notice in notices:
            is_drill = notice.affected_subscriber.campaign.is_drill
            if reason := _objection(is_drill=is_drill):
                yield notice, Refused(reason)
                continue
            line = lines.setdefault(is_drill, _Line(_drill_options() if is_drill else {}))
            yield notice, line.send(notice, now=now)
    finally:
        for line in lines.values():
            line.close()


def _objection(*, is_drill: bool) -> str:
    if is_drill and not settings.DRILL_EMAIL_URL:
        return "A drill sends mail only to the sink of DRILL_EMAIL_URL, and none is set."
    if not is_drill and clock.is_rehearsed():
        return "The clock is a rehearsal's; the mail of a live campaign is not sent under it."
    return ""


def _drill_options() -> dict[str, Any]:
    found = Env.email_url_config(settings.DRILL_EMAIL_URL)
    options = {
        "backend": found["EMAIL_BACKEND"],
        "host": found["EMAIL_HOST"],
        "port": found["EMAIL_PORT"],
        "username": found["EMAIL_HOST_USER"] or "",
        "password": found["EMAIL_HOST_PASSWORD"] or "",
        "use_tls": found.get("EMAIL_USE_TLS", False),
        "use_ssl": found.get("EMAIL_USE_SSL", False),
    }
    return options | ({"file_path": found["EMAIL_FILE_PATH"]} if found["EMAIL_FILE_PATH"] else {})


def _message(notice: Notice, *, now: datetime) -> EmailMultiAlternatives:
    """The message as it goes out. No Auto-Submitted, Precedence or List-Unsubscribe: they keep out-of-office replies
    from being sent, and those tell us that a contact is away."""
    message = EmailMultiAlternatives(
        subject=notice.subject,
        body=notice.body_text,
        from_email=settings.NOTICE_FROM,
        to=[notice.address],
        headers={"Message-ID": notice.message_id, "Date": format_datetime(now.astimezone(UTC))},
        alternatives=[(notice.body_html, "text/html")],
    )
    message.metadata = {"notice": str(notice.public_id)}  # type: ignore[attr-defined] # read by Anymail's backends
    message.tags = [notice.affected_subscriber.campaign.kind]  # type: ignore[attr-defined]
    return message


class _Line:
    """One connection, opened when it is needed and again when it drops."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.connection: Any = None
        self.failures = 0
        self.trouble = ""

    def send(self, notice: Notice, *, now: datetime) -> Outcome:
        """Hand over one message; a message whose connection drops is tried once more on a new one."""
        try:
            sanitize_address(notice.address, "utf-8")
        except ValueError as error:
            return AddressRefused(_told(error))
        message = _message(notice, now=now)
        for _ in range(2):
            if self.failures >= PATIENCE or not self._is_open():
                return Unavailable(self.trouble)
            try:
                self.connection.send_messages([message])
            except Exception as error:  # noqa: BLE001 - backends raise whatever they like; each kind is sorted below
                if not _is_dropped(error):
                    self.failures = 0
                    return _sorted(error)
                self.trouble = _told(error)
                self.close()
            else:
                self.failures = 0
                return Sent(_provider_id(message))
        self.failures += 1
        return Unavailable(self.trouble)

    def close(self) -> None:
        """Hang up; a server that is gone does not mind."""
        connection, self.connection = self.connection, None
        if connection:
            try:
                connection.close()
            except OSError as error:
                log.info("The mail connection did not close well: %s", _told(error))

    def _is_open(self) -> bool:
        """Connect if need be. A server that cannot be reached, or turns us away, is not asked again in this batch."""
        if self.connection is None:
            try:
                connection = get_connection(**self.options)
                connection.open()
            except Exception as error:
                log.warning("The mail server cannot be reached.", exc_info=not isinstance(error, OSError))
                self.failures, self.trouble = PATIENCE, _told(error)
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
    if isinstance(error, AnymailRecipientsRefused | AnymailInvalidAddress):
        return AddressRefused(_told(error))
    if not isinstance(error, AnymailError | OSError):
        log.error("A notice could not be handed to the mail backend.", exc_info=error)
    return Unavailable(_told(error))


def _told(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return one_line(f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}")
    return one_line(f"{type(error).__name__}: {error}", longest=400)


def _provider_id(message: EmailMultiAlternatives) -> str:
    status = getattr(message, "anymail_status", None)
    found = getattr(status, "message_id", None)
    return found if isinstance(found, str) else ""
