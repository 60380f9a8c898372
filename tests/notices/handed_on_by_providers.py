"""How every provider hands on mail that came in: as it came, in parts, or as a pointer to where it can be fetched."""

import base64
import email
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

from tests.notices.signed_by_providers import (
    KEY,
    RSA,
    STAMP,
    Posted,
    basic,
    hmac_in,
    mailgun_fields,
    mandrill_signed,
    postal_signed,
    public,
    sns,
    svix,
)

TO = "revocation@ca.example"
SECRET = {"WEBHOOK_SECRET": "mail:secret"}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class House:
    """How a provider hands a message on; `{url}` in a setting is the provider's own server."""

    settings: dict[str, Any]
    write: Callable[[bytes], Any]
    pack: Callable[[bytes, bool], Posted]
    path: str


def _text(raw: bytes) -> str:
    return raw.decode()


def _headers(raw: bytes) -> list[tuple[str, str]]:
    left_out = {"content-type", "content-transfer-encoding", "mime-version"}
    return [(name, value) for name, value in email.message_from_bytes(raw).items() if name.lower() not in left_out]


def _words(raw: bytes) -> str:
    return str(email.message_from_bytes(raw).get_payload())


def form(body: bytes, right: bool, *, signed: bool = False) -> Posted:
    """The same fields, as a form; with the fields of Mailgun's signature or the credentials."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    if signed:
        return Posted(urlencode(fields | mailgun_fields(body, right)).encode(), FORM)
    return Posted(urlencode(fields).encode(), FORM, basic(b"", right).headers)


def _ses(raw: bytes) -> Any:
    action = {"type": "SNS", "encoding": "BASE64"}
    receipt = {"action": action, "recipients": [TO], "spamVerdict": {"status": "PASS"}}
    mail = {"messageId": "x", "source": "a@b.example", "timestamp": "2024-03-19T08:30:00.000Z"}
    return {
        "notificationType": "Received",
        "receipt": receipt,
        "mail": mail,
        "content": base64.b64encode(raw).decode(),
    }


def _brevo(raw: bytes) -> Any:
    return {"items": [{"Uuid": ["1"], "Headers": dict(_headers(raw)), "RawTextBody": _words(raw), "Attachments": []}]}


def _mailersend(raw: bytes) -> Any:
    data = {
        "id": "1",
        "created_at": "2024-03-19T08:30:00.000000Z",
        "raw": _text(raw),
        "sender": {"email": "a@b.example"},
    }
    return {"type": "inbound.message", "data": data | {"recipients": {"rcptTo": [{"email": TO}]}}}


def _mailjet(raw: bytes) -> Any:
    return {"Sender": "a@b.example", "Recipient": TO, "Headers": dict(_headers(raw)), "Text-part": _words(raw)}


def _postmark_raw(raw: bytes) -> Any:
    return {"FromFull": {}, "OriginalRecipient": TO, "RawEmail": _text(raw), "Headers": []}


def _postmark(raw: bytes) -> Any:
    fields = dict(_headers(raw))
    sender, subject = fields.pop("From"), fields.pop("Subject", "")
    fields.pop("To", None)
    return {
        "FromFull": {"Email": sender, "Name": ""},
        "ToFull": [{"Email": TO, "Name": ""}],
        "OriginalRecipient": TO,
        "Subject": subject,
        "Headers": [{"Name": name, "Value": value} for name, value in fields.items()],
        "TextBody": _words(raw),
    }


def _sparkpost(raw: bytes) -> Any:
    content = {"email_rfc822": base64.b64encode(raw).decode(), "email_rfc822_is_base64": True}
    message = {"protocol": "smtp", "content": content, "msg_from": "a@b.example", "rcpt_to": TO}
    return [{"msys": {"relay_message": message}}]


def _mailgun_parsed(raw: bytes) -> Any:
    headers = json.dumps(_headers(raw))
    return {"sender": "a@b.example", "recipient": TO, "message-headers": headers, "body-plain": _words(raw)}


def _sendgrid_parsed(raw: bytes) -> Any:
    headers = "\n".join(f"{name}: {value}" for name, value in _headers(raw))
    return {"headers": headers, "text": _words(raw), "envelope": json.dumps({"from": "a@b.example", "to": [TO]})}


HOUSES: dict[str, House] = {
    "amazon_ses": House(SECRET, _ses, sns, "amazon_ses/inbound/"),
    "brevo": House(SECRET | {"BREVO_API_KEY": KEY}, _brevo, basic, "brevo/inbound/"),
    "sendinblue": House(SECRET | {"SENDINBLUE_API_KEY": KEY}, _brevo, basic, "sendinblue/inbound/"),
    "mailersend": House(
        {"MAILERSEND_INBOUND_SECRET": KEY}, _mailersend, partial(hmac_in, header="Signature"), "mailersend/inbound/"
    ),
    "mailgun, whole": House(
        {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY},
        lambda raw: {"sender": "a@b.example", "recipient": TO, "body-mime": _text(raw)},
        partial(form, signed=True),
        "mailgun/inbound_mime/",
    ),
    "mailgun, in parts": House(
        {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY}, _mailgun_parsed, partial(form, signed=True), "mailgun/inbound/"
    ),
    "mailjet": House(SECRET, _mailjet, basic, "mailjet/inbound/"),
    "mailtrap": House(
        {"MAILTRAP_INBOUND_SECRET": KEY, "MAILTRAP_API_TOKEN": KEY, "MAILTRAP_API_URL": "{url}/api/"},
        lambda raw: {
            "events": [
                {"event": "inbound.message_received", "inbox_id": 7, "message_id": "m", "timestamp": STAMP * 1000}
            ]
        },
        partial(hmac_in, header="Mailtrap-Signature"),
        "mailtrap/inbound/",
    ),
    "mandrill": House(
        {"MANDRILL_WEBHOOK_KEY": KEY},
        lambda raw: [{"event": "inbound", "ts": STAMP, "msg": {"raw_msg": _text(raw), "email": TO}}],
        mandrill_signed,
        "mandrill/",
    ),
    "postal": House(
        {"POSTAL_WEBHOOK_KEY": public(RSA[True])},
        lambda raw: {"id": 5, "rcpt_to": TO, "message": base64.b64encode(raw).decode(), "base64": True},
        postal_signed,
        "postal/inbound/",
    ),
    "postmark, whole": House(SECRET, _postmark_raw, basic, "postmark/inbound/"),
    "postmark, in parts": House(SECRET, _postmark, basic, "postmark/inbound/"),
    "resend": House(
        SECRET | {"RESEND_API_KEY": KEY, "RESEND_API_URL": "{url}/api/"},
        lambda raw: {"type": "email.received", "created_at": "2024-03-19T08:30:00Z", "data": {"email_id": "m"}},
        svix,
        "resend/inbound/",
    ),
    "sendgrid, whole": House(
        SECRET,
        lambda raw: {"email": _text(raw), "envelope": json.dumps({"from": "a@b.example", "to": [TO]})},
        form,
        "sendgrid/inbound/",
    ),
    "sendgrid, in parts": House(SECRET, _sendgrid_parsed, form, "sendgrid/inbound/"),
    "sparkpost": House(SECRET, _sparkpost, basic, "sparkpost/inbound/"),
}


@dataclass
class Shelf:
    """A provider's server, where what it has told of is fetched; `raw` is the message, `asked` what was asked for."""

    raw: bytes
    asked: list[str]
    url: str = ""
    status: int = 200

    def answer(self, path: str) -> bytes:
        """What stands at an address."""
        where = {"raw_message_url": f"{self.url}/raw", "raw": {"download_url": f"{self.url}/raw"}}
        return self.raw if path == "/raw" else json.dumps(where).encode()


@contextmanager
def shelf_server(shelf: Shelf) -> Iterator[Shelf]:
    """Serve it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append(self.path)
            said = shelf.answer(self.path)
            self.send_response(shelf.status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield shelf
        finally:
            server.shutdown()
            thread.join()
