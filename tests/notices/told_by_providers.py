"""What every provider that Anymail takes reports from posts to us, in its own form and signed in its own way.

The payloads are written after the providers' documentation and what Anymail reads of them, shortened to what matters.
`told` says for each kind what the provider writes and what Anymail calls it. Kinds: delivered; hard and soft bounce;
suppressed (the provider refuses because of its own lists); complaint; unsubscribed; away; opened.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from notices.models import Notice
from tests.notices.signed_by_providers import (
    EC,
    ISO,
    KEY,
    RSA,
    STAMP,
    Posted,
    basic,
    hmac_in,
    mailgun_signed,
    mandrill_signed,
    postal_signed,
    public,
    sendgrid_signed,
    sns,
    svix,
    unisender_signed,
)

SECRET = {"WEBHOOK_SECRET": "mail:secret"}
GONE = "smtp; 550 5.1.1 <anna@example.org>: user unknown"
Told = dict[str, tuple[dict[str, Any], str]]


@dataclass(frozen=True)
class Provider:
    """How a provider reports: `write` makes a payload of a notice and what is told of it, `pack` signs it.

    `found_by` is what the payload names the notice by: `metadata`, `id` (the provider's) or `message_id` (ours).
    """

    settings: dict[str, str]
    write: Callable[[Notice, dict[str, Any]], Any]
    told: Told
    pack: Callable[[bytes, bool], Posted]
    path: str = "tracking/"


def _ours(notice: Notice) -> dict[str, str]:
    return {"notice": str(notice.public_id)}


def _ses(notice: Notice, told: dict[str, Any]) -> Any:
    header = {"name": "X-Metadata", "value": json.dumps(_ours(notice))}
    mail = {"messageId": "0100-ses", "destination": [notice.address], "headers": [header], "timestamp": ISO}
    [kind] = told
    whom = {"recipients": [notice.address], "bouncedRecipients": [{"emailAddress": notice.address}]}
    whom["complainedRecipients"] = [{"emailAddress": notice.address}]
    whom["bouncedRecipients"][0] |= {"diagnosticCode": GONE} if told[kind].get("bounceType") == "Permanent" else {}  # type: ignore[operator]
    return {"eventType": kind, "mail": mail, kind.lower(): whom | told[kind]}


def _mailgun(notice: Notice, told: dict[str, Any]) -> Any:
    message = {"headers": {"message-id": notice.message_id.strip("<>"), "to": notice.address}}
    common = {"id": "x", "timestamp": STAMP + 0.25, "recipient": notice.address, "message": message}
    return {"event-data": {**common, "user-variables": {}, **told}}


def _mailersend(notice: Notice, told: dict[str, Any]) -> Any:
    email = {"message": {"id": notice.provider_id}, "recipient": {"email": notice.address}, "tags": None}
    data = {"id": f"{notice.pk}-{told['type']}", "object": "activity", "created_at": "2024-03-19T08:30:00.0000000Z"}
    return {"type": f"activity.{told['type']}", "data": {**data, "email": email, **told}}


def _postal(notice: Notice, told: dict[str, Any]) -> Any:
    message = {"id": int(notice.provider_id), "to": notice.address, "direction": "outgoing", "tag": None}
    name = "original_message" if "bounce" in told else "message"
    identifier = f"{notice.pk}-{hashlib.sha256(str(told).encode()).hexdigest()[:20]}"
    return {"uuid": identifier, "timestamp": float(STAMP), "event": "Message", "payload": {name: message, **told}}


def _resend(notice: Notice, told: dict[str, Any]) -> Any:
    data = {"email_id": notice.provider_id, "to": [notice.address], "created_at": "2024-03-19 08:00:00+00"}
    bounce = {"bounce": told["bounce"]} if "bounce" in told else {}
    return {"type": told["type"], "created_at": "2024-03-19T08:30:00.000Z", "data": data | bounce}


def _sparkpost(notice: Notice, told: dict[str, Any]) -> Any:
    event = {"event_id": f"{notice.pk}-{told}"[:100], "transmission_id": "7", "timestamp": str(STAMP)}
    return [{"msys": {"message_event": {**event, "rcpt_meta": _ours(notice), "raw_rcpt_to": notice.address, **told}}}]


def _unisender(notice: Notice, told: dict[str, Any]) -> Any:
    data = {"job_id": "1", "email": notice.address, "metadata": _ours(notice), "event_time": "2024-03-19 08:30:00"}
    events = [{"event_name": "transactional_email_status", "event_data": data | told}]
    return {"auth": "AUTH", "events_by_user": [{"user_id": 1, "events": events}]}


def _flat(notice: Notice, told: dict[str, Any], *, form: Callable[[Notice], dict[str, Any]], many: bool = False) -> Any:
    """A payload that has what is told beside the rest."""
    event = {**form(notice), **told}
    return [event] if many else event


def _brevo(notice: Notice) -> dict[str, Any]:
    return {"email": notice.address, "ts_epoch": STAMP * 1000, "X-Mailin-custom": json.dumps(_ours(notice))}


def _mailjet(notice: Notice) -> dict[str, Any]:
    return {"time": STAMP, "MessageID": 1 << 60, "email": notice.address, "Payload": json.dumps(_ours(notice))}


def _postmark(notice: Notice) -> dict[str, Any]:
    return {"ID": notice.pk, "MessageID": "m", "Metadata": _ours(notice), "DeliveredAt": "2024-03-19T08:30:00.1234567Z"}


def _sendgrid(notice: Notice) -> dict[str, Any]:
    return {"email": notice.address, "timestamp": STAMP, "anymail_id": "m", **_ours(notice)}


def _mandrill(notice: Notice, told: dict[str, Any]) -> Any:
    message = {"email": notice.address, "metadata": _ours(notice), "tags": [], **told.get("msg", {})}
    return [{"_id": notice.provider_id, "ts": STAMP, "event": told["event"], "msg": message}]


def _mailtrap(notice: Notice, told: dict[str, Any]) -> Any:
    event = {"message_id": "m", "email": notice.address, "timestamp": STAMP, "custom_variables": _ours(notice)}
    return {"events": [event | {"event_id": f"{notice.pk}-{told['event']}"} | told]}


BREVO: Told = {
    "delivered": ({"event": "delivered"}, "delivered"),
    "hard": ({"event": "hard_bounce", "reason": GONE}, "bounced"),
    "soft": ({"event": "soft_bounce", "reason": "smtp; 452 4.2.2 mailbox full"}, "bounced"),
    "suppressed": ({"event": "blocked"}, "rejected"),
    "complaint": ({"event": "spam"}, "complained"),
    "unsubscribed": ({"event": "unsubscribe"}, "unsubscribed"),
    "opened": ({"event": "unique_opened"}, "opened"),
}
SENDGRID: Told = {
    "delivered": ({"event": "delivered", "sg_event_id": "1", "response": "250 OK"}, "delivered"),
    "hard": ({"event": "bounce", "sg_event_id": "2", "type": "bounce", "reason": "500 unknown recipient"}, "bounced"),
    "soft": ({"event": "bounce", "sg_event_id": "3", "type": "blocked", "reason": "550 5.7.1 listed"}, "bounced"),
    "suppressed": ({"event": "dropped", "sg_event_id": "4", "reason": "Unsubscribed Address"}, "rejected"),
    "complaint": ({"event": "spamreport", "sg_event_id": "5"}, "complained"),
    "unsubscribed": ({"event": "unsubscribe", "sg_event_id": "6"}, "unsubscribed"),
    "opened": ({"event": "open", "sg_event_id": "7"}, "opened"),
}
PROVIDERS: dict[str, Provider] = {
    "amazon_ses": Provider(
        SECRET,
        _ses,
        {
            "delivered": ({"Delivery": {"smtpResponse": "250 OK"}}, "delivered"),
            "hard": ({"Bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}, "bounced"),
            "soft": ({"Bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull"}}, "bounced"),
            "suppressed": (
                {"Bounce": {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}},
                "bounced",
            ),
            "complaint": ({"Complaint": {"complaintFeedbackType": "abuse"}}, "complained"),
            "opened": ({"Open": {"userAgent": "x"}}, "opened"),
        },
        sns,
    ),
    "brevo": Provider(SECRET, partial(_flat, form=_brevo), BREVO, basic),
    "sendinblue": Provider(SECRET, partial(_flat, form=_brevo), BREVO, basic),
    "mailersend": Provider(
        {"MAILERSEND_SIGNING_SECRET": KEY},
        _mailersend,
        {
            "delivered": ({"type": "delivered", "morph": None}, "delivered"),
            "hard": ({"type": "hard_bounced", "morph": {"object": "recipient_bounce", "reason": GONE}}, "bounced"),
            "soft": ({"type": "soft_bounced", "morph": {"object": "recipient_bounce", "reason": "full"}}, "bounced"),
            "complaint": ({"type": "spam_complaint", "morph": {"object": "spam_complaint"}}, "complained"),
            "unsubscribed": ({"type": "unsubscribed", "morph": {"object": "recipient_unsubscribe"}}, "unsubscribed"),
            "opened": ({"type": "opened", "morph": {"object": "open"}}, "opened"),
        },
        partial(hmac_in, header="Signature"),
    ),
    "mailgun": Provider(
        {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY},
        _mailgun,
        {
            "delivered": ({"event": "delivered"}, "delivered"),
            "hard": (
                {"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": {"message": GONE}},
                "bounced",
            ),
            "soft": ({"event": "failed", "severity": "temporary", "reason": "generic"}, "deferred"),
            "suppressed": (
                {"event": "failed", "severity": "permanent", "reason": "suppress-unsubscribe"},
                "bounced",
            ),
            "complaint": ({"event": "complained"}, "complained"),
            "unsubscribed": ({"event": "unsubscribed"}, "unsubscribed"),
            "opened": ({"event": "opened"}, "opened"),
        },
        mailgun_signed,
    ),
    "mailjet": Provider(
        SECRET,
        partial(_flat, form=_mailjet, many=True),
        {
            "delivered": ({"event": "sent", "smtp_reply": "sent (250 OK)"}, "delivered"),
            "hard": ({"event": "bounce", "hard_bounce": True, "blocked": True, "error": "user unknown"}, "bounced"),
            "soft": ({"event": "bounce", "hard_bounce": False, "error": "quota exceeded"}, "bounced"),
            "suppressed": ({"event": "blocked", "error": "preblocked"}, "rejected"),
            "complaint": ({"event": "spam", "source": "JMRPP"}, "complained"),
            "unsubscribed": ({"event": "unsub"}, "unsubscribed"),
            "opened": ({"event": "open", "agent": "x"}, "opened"),
        },
        basic,
    ),
    "mailtrap": Provider(
        {"MAILTRAP_TRACKING_SECRET": KEY},
        _mailtrap,
        {
            "delivered": ({"event": "delivery"}, "delivered"),
            "hard": ({"event": "bounce", "response": GONE, "bounce_category": "badmailbox"}, "bounced"),
            "soft": ({"event": "soft bounce", "response": "452 4.2.2 full"}, "deferred"),
            "suppressed": ({"event": "reject", "reason": "unsubscribed"}, "rejected"),
            "complaint": ({"event": "spam"}, "complained"),
            "unsubscribed": ({"event": "unsubscribe"}, "unsubscribed"),
            "opened": ({"event": "open"}, "opened"),
        },
        partial(hmac_in, header="Mailtrap-Signature"),
    ),
    "mandrill": Provider(
        {"MANDRILL_WEBHOOK_KEY": KEY},
        _mandrill,
        {
            "hard": ({"event": "hard_bounce", "msg": {"diag": GONE}}, "bounced"),
            "soft": ({"event": "soft_bounce", "msg": {"diag": "smtp;452 4.2.2 full"}}, "bounced"),
            "suppressed": ({"event": "reject", "msg": {"state": "rejected"}}, "rejected"),
            "complaint": ({"event": "spam"}, "complained"),
            "unsubscribed": ({"event": "unsub"}, "unsubscribed"),
            "opened": ({"event": "open", "msg": {"metadata": []}, "user_agent": "x"}, "opened"),
        },
        mandrill_signed,
        path="",
    ),
    "postal": Provider(
        {"POSTAL_WEBHOOK_KEY": public(RSA[True])},
        _postal,
        {
            "delivered": ({"status": "Sent", "output": "250 OK"}, "delivered"),
            "hard": ({"status": "HardFail", "output": GONE, "details": "Permanent failure"}, "failed"),
            "soft": ({"status": "SoftFail", "output": "452 4.2.2 full"}, "deferred"),
            "suppressed": ({"bounce": {"id": 9, "direction": "incoming"}}, "bounced"),
            "opened": ({"url": "https://ca.example/", "user_agent": "x"}, "clicked"),
        },
        postal_signed,
    ),
    "postmark": Provider(
        SECRET,
        partial(_flat, form=_postmark),
        {
            "delivered": ({"RecordType": "Delivery", "Details": "250 OK"}, "delivered"),
            "hard": ({"RecordType": "Bounce", "Type": "HardBounce", "Details": GONE}, "bounced"),
            "soft": ({"RecordType": "Bounce", "Type": "SoftBounce", "Details": "smtp;452 4.2.2 full"}, "bounced"),
            "suppressed": ({"RecordType": "Bounce", "Type": "Blocked", "Details": "550 5.7.1 listed"}, "rejected"),
            "complaint": ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complained"),
            "unsubscribed": (
                {"RecordType": "SubscriptionChange", "SuppressionReason": "ManualSuppression"},
                "unsubscribed",
            ),
            "away": ({"RecordType": "Bounce", "Type": "AutoResponder"}, "autoresponded"),
            "opened": ({"RecordType": "Open", "FirstOpen": True}, "opened"),
        },
        basic,
    ),
    "resend": Provider(
        SECRET,
        _resend,
        {
            "delivered": ({"type": "email.delivered"}, "delivered"),
            "hard": (
                {"type": "email.bounced", "bounce": {"type": "Permanent", "message": "a hard bounce message"}},
                "bounced",
            ),
            "soft": (
                {"type": "email.bounced", "bounce": {"type": "Transient", "message": "a general bounce message"}},
                "bounced",
            ),
            "suppressed": (
                {
                    "type": "email.bounced",
                    "bounce": {"type": "Permanent", "subType": "Suppressed", "message": "has suppressed sending"},
                },
                "bounced",
            ),
            "complaint": ({"type": "email.complained"}, "complained"),
            "opened": ({"type": "email.opened"}, "opened"),
        },
        svix,
    ),
    "sendgrid": Provider(
        {"SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": public(EC[True])},
        partial(_flat, form=_sendgrid, many=True),
        SENDGRID,
        sendgrid_signed,
    ),
    "sparkpost": Provider(
        SECRET,
        _sparkpost,
        {
            "delivered": ({"type": "delivery"}, "delivered"),
            "hard": ({"type": "bounce", "bounce_class": "10", "raw_reason": GONE}, "bounced"),
            "soft": ({"type": "bounce", "bounce_class": "22", "raw_reason": "452 4.2.2 full"}, "bounced"),
            "suppressed": ({"type": "policy_rejection", "bounce_class": "25"}, "rejected"),
            "complaint": ({"type": "spam_complaint"}, "complained"),
            "unsubscribed": ({"type": "list_unsubscribe"}, "unsubscribed"),
            "away": ({"type": "bounce", "bounce_class": "60"}, "autoresponded"),
            "opened": ({"type": "open"}, "opened"),
        },
        basic,
    ),
    "unisender_go": Provider(
        {"UNISENDER_GO_API_KEY": KEY},
        _unisender,
        {
            "delivered": ({"status": "delivered"}, "delivered"),
            "hard": (
                {"status": "hard_bounced", "delivery_info": {"delivery_status": "err_user_unknown"}},
                "bounced",
            ),
            "soft": ({"status": "soft_bounced", "delivery_info": {"delivery_status": "err_will_retry"}}, "deferred"),
            "suppressed": (
                {"status": "hard_bounced", "delivery_info": {"delivery_status": "err_unsubscribed"}},
                "bounced",
            ),
            "complaint": ({"status": "spam"}, "complained"),
            "unsubscribed": ({"status": "unsubscribed"}, "unsubscribed"),
            "opened": ({"status": "opened"}, "opened"),
        },
        unisender_signed,
    ),
}
