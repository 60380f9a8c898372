"""What a provider's report means for the address: pure reading of the payloads that Anymail passes on.

Anymail calls soft and hard bounces of several providers by one name, so that each provider's own word is read here. A
contact is blamed only if the provider says that the failure is for good, the receiving server does not say otherwise,
and neither is a complaint, a withdrawn consent or somebody's suppression list the reason.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from notices.refusals import is_about_address

Payload = Mapping[str, Any]
FAILURES = {"bounced", "rejected", "failed"}
PASSES = {"timed_out", "blocked", "spam", "unsubscribed"}
"""Reasons that are about the server, the network, us, or what somebody likes; not about the address."""
SMTP_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
FOR_GOOD = 500
STATUS = re.compile(r"(?<![\d.])([45])\.\d{1,3}\.\d{1,3}(?![\d.])")


def blames_address(esp: str, kind: str, reason: str, payload: Any, answer: str) -> bool:
    """Whether a report says that the address itself takes no mail, today or later.

    `kind` and `reason` are Anymail's, `payload` what the provider sent, `answer` what the receiving server said.
    """
    if kind not in FAILURES or reason in PASSES:
        return False
    told = payload if isinstance(payload, Mapping) else {}
    says = SAYS.get(esp.lower())
    word = says(told) if says else None
    server = _server_blames(answer)
    if word is not None:
        return word and server is not False
    return bool(server) or (server is None and kind != "failed" and reason in {"bounced", "invalid"})


def _server_blames(answer: str) -> bool | None:
    """What the receiving server's answer means for the address; None if it says nothing that can be read.

    A bare code such as 554 may mean anything; one of the 4xx class passes (RFC 5321 4.2.1).
    """
    code, status = SMTP_CODE.search(answer), STATUS.search(answer)
    if code is None and status is None:
        return None
    number = int(code[1]) if code else int(status[1]) * 100 if status else 0
    if is_about_address(number, answer):
        return True
    return False if status or number < FOR_GOOD else None


def _word(name: str, hard: set[str], soft: set[str]) -> Callable[[Payload], bool | None]:
    """Reads a field that tells the hard failures from the soft ones."""

    def read(told: Payload) -> bool | None:
        said = str(told.get(name, "")).lower()
        return True if said in hard else False if said in soft else None

    return read


def _mailjet(told: Payload) -> bool | None:
    return bool(told["hard_bounce"]) if told.get("event") == "bounce" and "hard_bounce" in told else None


def _mailersend(told: Payload) -> bool | None:
    return _word("type", {"hard_bounced"}, {"soft_bounced"})(_inner(told, "data"))


def _mailgun(told: Payload) -> bool | None:
    """What Mailgun refuses for its own lists of complaints and withdrawals says nothing about the address."""
    return _word("reason", {"suppress-bounce"}, {"suppress-complaint", "suppress-unsubscribe", "old"})(
        _inner(told, "event-data")
    )


def _resend(told: Payload) -> bool | None:
    bounce = _inner(_inner(told, "data"), "bounce")
    if str(bounce.get("subType", "")).lower() in SUPPRESSED:
        return False
    return _word("type", {"permanent"}, {"transient", "undetermined", "temporary"})(bounce)


def _ses(told: Payload) -> bool | None:
    """A permanent bounce, unless it is the account's suppression list, which holds complaints as well."""
    bounce = _inner(told, "bounce")
    if str(bounce.get("bounceSubType", "")).lower() in SUPPRESSED:
        return False
    return _word("bounceType", {"permanent"}, {"transient", "undetermined"})(bounce)


def _sparkpost(told: Payload) -> bool | None:
    """Classes 10 (invalid recipient) and 30 (no recipient) are hard, all others pass or are about us."""
    event = next((each for each in _inner(told, "msys").values() if isinstance(each, Mapping)), {})
    return str(event["bounce_class"]) in {"10", "30"} if "bounce_class" in event else None


def _unisender_go(told: Payload) -> bool | None:
    status = str(_inner(told, "delivery_info").get("delivery_status", ""))
    return status in {"err_user_unknown", "err_user_inactive", "err_mailbox_discarded", "err_domain_inactive"}


def _postal(told: Payload) -> bool | None:
    """A bounce that Postal has read says no more than that it came; a failure is judged by the server's answer."""
    return False if "bounce" in _inner(told, "payload") else None


def _inner(told: Payload, name: str) -> Payload:
    found = told.get(name)
    return found if isinstance(found, Mapping) else {}


SUPPRESSED = {"suppressed", "onaccountsuppressionlist"}
BREVO = _word("event", {"hard_bounce", "invalid_email"}, {"soft_bounce", "blocked", "error"})
SAYS: dict[str, Callable[[Payload], bool | None]] = {
    "amazon ses": _ses,
    "brevo": BREVO,
    "sendinblue": BREVO,
    "mailersend": _mailersend,
    "mailgun": _mailgun,
    "mailjet": _mailjet,
    "mandrill": _word("event", {"hard_bounce"}, {"soft_bounce", "reject"}),
    "postal": _postal,
    "postmark": _word("Type", {"hardbounce", "bademailaddress"}, {"softbounce", "virusnotification"}),
    "resend": _resend,
    "sendgrid": _word("type", {"bounce"}, {"blocked", "expired"}),
    "sparkpost": _sparkpost,
    "unisender go": _unisender_go,
}
"""By provider: whether it calls a failure hard; None where it does not say. Mailtrap's Anymail names suffice."""
