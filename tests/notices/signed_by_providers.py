"""How every provider proves that a report is its own: signatures and credentials, right ones and wrong ones."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.conftest import NOW

STAMP = int(NOW.timestamp())
ISO = NOW.isoformat()
KEY = "a-key-of-these-tests"


@dataclass(frozen=True)
class Posted:
    """One request."""

    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def basic(body: bytes, right: bool) -> Posted:
    login = base64.b64encode(b"mail:secret" if right else b"mail:guessed").decode()
    return Posted(body, headers={"Authorization": f"Basic {login}"})


def hmac_in(body: bytes, right: bool, *, header: str) -> Posted:
    key = KEY if right else "another key"
    return Posted(body, headers={header: hmac.new(key.encode(), body, hashlib.sha256).hexdigest()})


def mailgun_fields(body: bytes, right: bool) -> dict[str, str]:
    stamp, token = str(STAMP), hashlib.sha256(body).hexdigest()[:50]
    key = KEY if right else "another key"
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": signature}


def mailgun_signed(body: bytes, right: bool) -> Posted:
    try:
        payload = json.loads(body)
        return Posted(json.dumps(payload | {"signature": mailgun_fields(body, right)}).encode())
    except (ValueError, TypeError, RecursionError):
        return Posted(body)


def mandrill_signed(body: bytes, right: bool) -> Posted:
    text = body.decode("latin-1")
    signed = f"http://testserver/anymail/mandrill/mandrill_events{text}"
    key = KEY if right else "another key"
    digest = base64.b64encode(hmac.new(key.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    form = urlencode({"mandrill_events": text}).encode()
    return Posted(form, "application/x-www-form-urlencoded", {"X-Mandrill-Signature": digest})


RSA = {right: rsa.generate_private_key(65537, 2048) for right in (True, False)}
EC = {right: ec.generate_private_key(ec.SECP256R1()) for right in (True, False)}


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def postal_signed(body: bytes, right: bool) -> Posted:
    signature = RSA[right].sign(body, padding.PKCS1v15(), hashes.SHA1())
    return Posted(body, headers={"X-Postal-Signature": base64.b64encode(signature).decode()})


def sendgrid_signed(body: bytes, right: bool) -> Posted:
    signature = base64.b64encode(EC[right].sign(str(STAMP).encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    prefix = "X-Twilio-Email-Event-Webhook-"
    return Posted(body, headers={f"{prefix}Signature": signature, f"{prefix}Timestamp": str(STAMP)})


def unisender_signed(body: bytes, right: bool) -> Posted:
    key = KEY if right else "another key"
    auth = hashlib.md5(body.replace(b"AUTH", key.encode()), usedforsecurity=False).hexdigest()
    return Posted(body.replace(b"AUTH", auth.encode()))


def sns(body: bytes, right: bool) -> Posted:
    identifier = hashlib.sha256(body).hexdigest()
    kind = "Notification"
    envelope = {"Type": kind, "MessageId": identifier, "Timestamp": ISO, "Message": body.decode("latin-1")}
    headers = {"x-amz-sns-message-type": kind, "x-amz-sns-message-id": identifier}
    return Posted(json.dumps(envelope).encode(), "text/plain; charset=UTF-8", headers | basic(b"", right).headers)


def svix(body: bytes, right: bool) -> Posted:
    return Posted(body, headers={"svix-id": hashlib.sha256(body).hexdigest(), **basic(b"", right).headers})
