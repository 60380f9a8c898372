"""What a message is that came back to us: a bounce, an automatic reply, or what a person wrote.

Bounces are looked for first: most messages that are marked as automatic replies (RFC 3834) are bounces.
"""

import logging
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from notices import bounces
from notices.absence import AWAY, absence, own_words
from notices.bouncewords import REPLIED
from notices.mime import Reading, groups_in, plain, read

log = logging.getLogger(__name__)
BOUNCE, AUTO_REPLY, ANSWER = "bounce", "auto_reply", "answer"
DELIVERED, DISPLAYED, COMPLAINT = "delivered", "displayed", "complaint"
NO = {"", "no", "false", "0", "none", "off"}
NAMES = re.compile(r"auto-?(?:reply|replied|respon|generated|answer)|vacation|out-?of-?office", re.IGNORECASE)
SUBJECT = re.compile(
    r"\W*(?:\[[^\]]{1,20}\]\s*)?(?:auto(?:mat\w+)?[\s._-]*(?:re(?:ply|sponse|spons|spuesta|turn)|respon\w*|"
    r"answer|replied|antwort\w*|svar|email)|"
    r"auto\s*[:\uff1a]|out[\s-]*of[\s-]*(?:the[\s-]*)?office|ooo\b|o\.o\.o\.|(?:i am |"
    r"i'm )?(?:currently )?away\b|vacation\b|on (?:annual )?(?:leave|holiday|vacation)|"
    r"(?:annual |maternity |parental )leave|absence\b|absent\b|automatische? (?:antwort|reactie)|"
    r"automatisch antwoord|abwesen\w*|abwesend|"
    r"urlaub|nicht im (?:büro|haus)|bin (?:im urlaub|abwesend)|réponse automatique|reponse automatique|en congé|"
    r"message d'absence|"
    r"respuesta automática|respuesta automatica|fuera de (?:la )?oficina|ausente|ausencia|risposta automatica|"
    r"fuori (?:sede|ufficio)|assen[tz]|"
    r"resposta autom|ausência|fora do escrit|afwezig|automatisch|autosvar|automatiskt? svar|frånvar|fravær|"
    r"poissa|automaattinen|"
    r"automatyczna|odpowiedź automatyczna|nieobecn|автоматический|автоответ|отсутств|otomatik|automatick|"
    r"odpověď v nep|automatikus|"
    r"自动(?:回复|答复|应答)|自動(?:回覆|回復|応答|返信|答覆)|(?:休假|外出|出差|不在|休暇|離席)|"
    r"外出中|자동 ?(?:회신|응답)|부재)",
    re.IGNORECASE,
)
MACHINE = re.compile(r"vacation|autorespon|auto-?repl|mailbox rules agent", re.IGNORECASE)
MESSAGE_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
OURS = re.compile(r"<?\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}@[\w.-]{1,200})>?", re.IGNORECASE)
MANY = 50


@dataclass(slots=True)
class Classified:
    """What a message is, and what can be told of it.

    `addresses` are those that a bounce is about, else the sender's. `permanent` is None but for bounces. `is_failed`
    and `is_about_address` are as in `bounces.Bounce`. `report` is what a receipt or a complaint tells. `message_ids`
    are those of messages that it answers or returns, `recipients` the addresses that it came to or was returned from.
    """

    kind: str
    addresses: tuple[str, ...] = ()
    permanent: bool | None = None
    return_date: str = ""
    detail: str = ""
    substitutes: tuple[str, ...] = ()
    is_failed: bool = False
    is_about_address: bool = False
    report: str = ""
    sender: str = ""
    own_id: str = ""
    subject: str = ""
    text: str = ""
    message_ids: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    is_from_list: bool = False
    signs: list[str] = field(default_factory=list)


def classify(raw: bytes, *, received_at: datetime | None = None) -> Classified:
    """What a message is. Anything may be handed in; whatever cannot be read is an answer of nobody.

    `received_at` stands for the date of a message that has none: dates without a year are read from there.
    """
    try:
        return _classified(read(raw), received_at)
    except Exception:
        log.exception("A message that came back cannot be read.")
        return Classified(ANSWER, detail="cannot be read")


def _classified(reading: Reading, received_at: datetime | None) -> Classified:
    found = bounces.find(reading)
    if isinstance(found, bounces.Bounce):
        result = _bounce(found)
    else:
        result = _report(reading, found) or _reply(reading, received_at)
    result.sender = _sender(reading)
    result.own_id = next(iter(MESSAGE_ID.findall(reading.header("Message-ID"))), "")
    result.subject = reading.header("Subject")
    result.text = reading.text.strip()
    result.message_ids = _message_ids(reading)
    result.recipients = _recipients(reading)
    result.is_from_list = bool(reading.header("List-Id") or reading.header("Precedence").lower() == "list")
    if result.kind != BOUNCE and not result.addresses:
        result.addresses = (result.sender,) if result.sender else ()
    return result


def _bounce(found: bounces.Bounce) -> Classified:
    return Classified(
        BOUNCE,
        addresses=found.addresses,
        permanent=found.is_permanent,
        is_failed=found.is_failed,
        is_about_address=found.is_about_address,
        detail=found.detail,
    )


def _report(reading: Reading, done: bounces.Done | None) -> Classified | None:
    """A receipt (RFC 3464 for the delivery, RFC 8098 for the reading) or a complaint (RFC 5965): none is a failure."""
    if done is not None:
        return Classified(AUTO_REPLY, report=DELIVERED, detail=f"receipt: {done.detail}")
    declared = str(reading.message.get("Content-Type", "")).lower()
    if "message/feedback-report" in reading.kinds or "feedback-report" in declared:
        return Classified(AUTO_REPLY, report=COMPLAINT, detail="feedback report (RFC 5965)")
    if "message/disposition-notification" in reading.kinds or "disposition-notification" in declared:
        return Classified(AUTO_REPLY, report=DISPLAYED, detail="receipt of the reading (RFC 8098)")
    return None


def _reply(reading: Reading, received_at: datetime | None) -> Classified:
    signs = _signs(reading)
    if not signs:
        return Classified(ANSWER, detail=" ".join(own_words(reading.text).split())[:200])
    written = _written(reading) or (received_at.date() if received_at else None)
    found = absence(reading.header("Subject"), reading.text, written=written, locale=reading.header("Content-Language"))
    known = {each.lower() for each in reading.addresses("From", "To", "Cc", "Reply-To", "Sender", "Return-Path")}
    substitutes = tuple(each for each in found.substitutes if each not in known)
    told = [signs[0]]
    told += ["has left"] if found.has_left else []
    told += [f"“{found.words}”"] if found.words else []
    told += [f"names {', '.join(substitutes)}"] if substitutes else []
    return Classified(
        AUTO_REPLY, return_date=found.return_date, substitutes=substitutes, detail="; ".join(told), signs=signs
    )


def _signs(reading: Reading) -> list[str]:
    """What tells that no person wrote this just now."""
    signs = [f"{name}: {value}" for name, value in _marks(reading)]
    subject, text = reading.header("Subject"), own_words(reading.text)
    if found := SUBJECT.match(subject):
        signs.append(f"Subject: {found[0].strip()}")
    is_null = any(each.strip() == "<>" for each in reading.headers("Return-Path"))
    if is_null:
        signs.append("Return-Path: <>")
    is_reply = bool(reading.header("In-Reply-To") or reading.header("References") or REPLIED.match(subject))
    precedence = reading.header("Precedence").strip().lower()
    weak = precedence in {"bulk", "junk"} or bool(_suppressed(reading))
    if weak and not reading.header("List-Id") and (AWAY.search(f"{subject}\n{text}") or (is_reply and precedence)):
        signs.append(f"Precedence: {precedence}" if precedence else "X-Auto-Response-Suppress")
    return signs


def _marks(reading: Reading) -> list[tuple[str, str]]:
    """The fields that say so: RFC 3834 5, and what programs wrote before it and beside it."""
    found = []
    for name in {each.lower(): each for each in reading.message.keys()}.values():  # noqa: SIM118 - no mapping
        value = reading.header(name)
        word = re.split(r"[\s;(,]", value.strip().lower())[0]
        lower = name.lower()
        is_mark = (
            (lower == "auto-submitted" and word not in NO)
            or (lower in {"precedence", "x-precedence"} and word in {"auto_reply", "auto-reply", "autoreply"})
            or (
                lower.startswith("x-")
                and lower != "x-auto-response-suppress"
                and NAMES.search(lower)
                and word not in NO
            )
            or (lower in {"x-mailer", "user-agent", "x-ms-exchange-generated-message-source"} and MACHINE.search(value))
            or (lower == "x-apple-action" and word == "vacation")
            or (lower == "x-fc-machinegenerated" and word == "true")
        )
        if is_mark:
            found.append((name, value[:80]))
    return sorted(found, key=lambda each: each[0].lower() != "auto-submitted")


def _suppressed(reading: Reading) -> bool:
    words = {each.strip().lower() for each in reading.header("X-Auto-Response-Suppress").split(",")}
    return bool(words & {"all", "autoreply", "oof"})


def _sender(reading: Reading) -> str:
    """Who sent it, as far as the header says."""
    for name in ("From", "Reply-To", "Sender", "Return-Path"):
        if found := reading.addresses(name):
            return found[0][:254]
    return ""


def _written(reading: Reading) -> date | None:
    received = reading.headers("Received")[:1]
    for value in [*reading.headers("Date")[:1], *(each.rpartition(";")[2] for each in received)]:
        try:
            return parsedate_to_datetime(value).date()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _message_ids(reading: Reading) -> tuple[str, ...]:
    """The identifiers of the messages that this one may be about, the surest first."""
    values = reading.headers("In-Reply-To", "References", "X-Original-Message-ID", "Original-Message-ID")
    if reading.original is not None:
        values.append(plain(reading.original.get("Message-ID", "")))
    values += [each.get("original-message-id", "") for each in reading.status]
    values += [each.get("message-id", "") for each in groups_in(reading.original_text or reading.text)]
    found = [each for value in values for each in MESSAGE_ID.findall(value)]
    found += [f"<{each}>" for each in OURS.findall(f"{reading.text}\n{reading.original_text}")[:MANY]]
    return tuple(dict.fromkeys(found))[:MANY]


def _recipients(reading: Reading) -> tuple[str, ...]:
    """The addresses that it came to, and those that the returned original was sent from."""
    found = reading.addresses(
        "To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "Cc"
    )
    if reading.original is not None:
        found += re.findall(r"[^\s<>]{1,64}@[^\s<>]{1,255}", plain(reading.original.get("Return-Path", "")))
    return tuple(dict.fromkeys(found))[:MANY]
