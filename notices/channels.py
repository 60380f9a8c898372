"""The channels beside mail: text messages, automatic calls and chats by Apprise, webhooks, and the sink of drills."""

import json
import logging
import re
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from apprise import Apprise, AppriseAsset
from django.conf import settings

from core.errors import Refused, Unavailable
from core.http import Post
from notices import hooks
from notices.models import Letter, Notice
from notices.outcomes import AddressRefused, Down, Outcome, Sent
from notices.routes import Way
from notices.wording import one_line
from subscribers.models import Channel

NUMBER = re.compile(r"\+?[0-9]{6,15}")
NOT_DIALLED = re.compile(r"\(0\)|[\s().\-/]")
"""What people write between digits; (0) is dialled inside the country only."""
PUBLIC_CHATS = {
    "slack", "discord", "tgram", "gchat", "wxteams", "webex", "feishu", "lark", "dingtalk", "wecombot", "line",
}  # fmt: skip
"""Services whose servers Apprise knows itself: the contact's address holds tokens, and no host."""
OWN_CHATS = {"mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "ntfy", "ntfys", "nctalk", "nctalks"}
"""Chat servers that somebody runs: only those whose host the operator has named are talked to."""
PARAMETERS = {"channel", "thread", "topic", "mode", "to", "target", "footer", "image", "secret", "keyword"}
"""What the query of a contact's chat address may say; the rest could turn off certificates, or hold up a worker."""
STATUS = re.compile(r"error=(\d{3})")
ABOUT_US = {401, 402, 403, 408, 429}
FIRST_OF_CLIENT, FIRST_OF_SERVER = 400, 500
"""Where the classes of answers begin that blame the request and the server (RFC 9110 15.5 and 15.6)."""
ASSET = AppriseAsset(secure_logging=True, async_mode=False, http_redirects=False)


def available(*, is_drill: bool) -> tuple[str, ...]:
    """The channels that are set up, for drills or for live campaigns; mail always is."""
    if is_drill:
        return tuple(Channel.values) if settings.DRILL_CHANNEL_URL else (Channel.MAIL,)
    missing = {Channel.SMS: not settings.SMS_URLS, Channel.VOICE: not settings.VOICE_URLS}
    return tuple(each for each in Channel.values if not missing.get(Channel(each), False))


class OpenLine:
    """A way of one of these channels; it keeps no connection."""

    def __init__(self, way: Way, *, to_sink: bool) -> None:
        self.way, self.to_sink = way, to_sink

    def send(self, message: Notice | Letter, *, now: datetime) -> Outcome:
        """Hand over one message."""
        if self.to_sink:
            return _to_sink(self.way.target, message)
        if message.channel == Channel.WEBHOOK:
            return hooks.post(message, now=now)
        try:
            url = chat_url(message.address) if message.channel == Channel.CHAT else _dialled(self.way, message.address)
        except Refused as refusal:
            return refusal
        return _by_apprise(url, message.body_text)

    def close(self) -> None:
        """Nothing is open."""


def chat_url(url: str) -> str:
    """The address of a chat, if messages may go there; raises `AddressRefused`.

    It comes from a contact, so it may neither lead into our house nor loosen how Apprise works: the public services
    whose servers Apprise knows, and servers that the operator has named, with no parameters but a few.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2].lower()
        names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        raise AddressRefused("The chat address cannot be read.") from None
    if parts.scheme not in PUBLIC_CHATS | OWN_CHATS:
        raise AddressRefused(f"Messages do not go to chats of the kind {parts.scheme[:20]!r}.")
    if parts.scheme in OWN_CHATS and not {host, host.partition(":")[0]} & set(settings.CHAT_HOSTS):
        raise AddressRefused("The chat server is not among those of CHAT_HOSTS.")
    if ";" in parts.query or "?" in parts.query + parts.fragment:
        # Apprise takes these for the beginning of further parameters.
        raise AddressRefused("The chat address has parameters that cannot be read in one way only.")
    if unknown := sorted(names - PARAMETERS):
        raise AddressRefused(f"The chat address has a parameter that is not allowed: {unknown[0][:20]}.")
    return url


def _dialled(way: Way, number: str) -> str:
    plain = NOT_DIALLED.sub("", number)
    if not NUMBER.fullmatch(plain):
        raise AddressRefused(f"{number[:40]!r} is no telephone number.")
    return way.target.replace("{number}", quote(plain, safe="+"))


def _by_apprise(url: str, text: str) -> Outcome:
    """Apprise says yes or no, and in its log why."""
    service = Apprise.instantiate(url, asset=ASSET)
    if service is None:
        return Refused("Apprise cannot read the address of this channel.")
    told = _Told()
    service.logger = logging.Logger("channel", logging.WARNING)
    service.logger.addHandler(told)
    try:
        is_taken = bool(service.notify(body=text))
    except Exception as error:  # noqa: BLE001 - plugins of 170 services raise whatever they like
        return Unavailable(f"{type(error).__name__} in {type(service).__name__}.")
    return Sent() if is_taken else _sorted(told.text or "The service did not take the message.")


class _Told(logging.Handler):
    """Keeps what a service says of a failure; Apprise hides secrets in warnings."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = one_line(record.getMessage(), longest=300)


def _sorted(told: str) -> Outcome:
    status = int(found[1]) if (found := STATUS.search(told)) else 0
    if FIRST_OF_CLIENT <= status < FIRST_OF_SERVER and status not in ABOUT_US:
        return Refused(told)
    return Down(told)


def _to_sink(url: str, message: Notice | Letter) -> Outcome:
    said = {
        "channel": message.channel,
        "address": message.address,
        "text": message.body_text,
        "notice": str(message.public_id),
    }
    body = json.dumps(said, ensure_ascii=False).encode()
    return hooks.posted(url, Post(body, hooks.JSON), allow_private=True)
