"""Reading mail that came back, however it is made: nothing that a mail can hold raises an exception here.

Parts within an attached message belong to that message, not to the one that carries it: a person who forwards a bounce
to us does not send a bounce (RFC 2046 5.2.1).
"""

import email
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses

READ = 1024 * 1024
"""Bytes of a message that are looked at: what matters stands before attachments and before the returned original."""
TEXT = 100_000
"""Characters of text that are looked at."""
FIELD_LENGTH = 20_000
DEPTH = 30
CARRIED = {
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
}
STATUS = {"message/delivery-status", "message/global-delivery-status", "text/delivery-status"}
HAN = re.compile(r"[\u3400-\u9fff]")
BLANK = {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table", "ul", "ol", "blockquote", "hr"}
SILENT = {"style", "script", "head", "title"}
FIELD = re.compile(r"([A-Za-z][\w-]{1,60})[ \t]*:[ \t]*(.*)")
TAG = re.compile(r"(<[!/]?[A-Za-z-][^<>]{0,2000}>|<!\[[^<>]{0,200}>)")
NAME = re.compile(r"<(/?)([A-Za-z0-9]+)|<()(!)")
ANY_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:\"'@])[^\s<>()\[\],;:\"'@]{1,100}@[^\s<>()\[\],;:\"'@]{1,255}")


@dataclass(slots=True)
class Reading:
    """What can be read of a message: its header, its own text, the reports within it, and the original it returns."""

    message: Message
    text: str = ""
    status: list[dict[str, str]] = field(default_factory=list)
    """The groups of fields of a delivery status (RFC 3464 2.1): names in lower case, values on one line."""
    kinds: set[str] = field(default_factory=set)
    """The content types of its own parts."""
    original: Message | None = None
    original_text: str = ""

    def header(self, name: str) -> str:
        """A field of the header as plain text, empty if there is none."""
        return plain(self.message.get(name, ""))

    def headers(self, *names: str) -> list[str]:
        """All fields of these names."""
        return [plain(value) for name in names for value in self.message.get_all(name, [])]

    def addresses(self, *names: str) -> list[str]:
        """The addresses in some fields, as they are written."""
        return [found for value in self.headers(*names) for found in addresses_in(value)]


def read(raw: bytes) -> Reading:
    """Read a message; what is malformed is read as far as it goes."""
    start = raw[:READ].lstrip(b"\r\n\t \0")
    if b"\n" not in start:
        start = start.replace(b"\r", b"\n")
    reading = Reading(_parsed(start))
    try:
        _gather(reading)
    except Exception:  # noqa: BLE001 - the standard library raises many things at odd mail; the start of it will do
        reading.text = reading.text or decoded(start.partition(b"\n\n")[2], "")
    reading.text = _whole(reading.text)
    reading.original_text = _whole(reading.original_text)
    return reading


def _whole(text: str) -> str:
    """A text without halves of characters, which some charsets can give."""
    return text[:TEXT].encode("utf-8", "replace").decode()


def _parsed(raw: bytes) -> Message:
    for parser in (BytesParser(), BytesHeaderParser()):
        try:
            return parser.parsebytes(raw)
        except Exception:  # noqa: BLE001, S112 - too deep or too odd as a whole: then its header alone
            continue
    return Message()


def _gather(reading: Reading) -> None:
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in _own_parts(reading.message):
        kind = part.get_content_type().lower()
        reading.kinds.add(kind)
        if kind in STATUS:
            reading.status += _groups(part)
        elif kind in CARRIED:
            if reading.original is None:
                _carry(reading, part)
        elif kind in texts and not part.get_filename():
            texts[kind].append(content(part))
        elif kind.startswith("multipart/") and isinstance(part.get_payload(), str):
            texts["text/plain"].append(content(part))
    said = "\n".join(texts["text/plain"])
    reading.text = said if said.strip() else "\n".join(text_of(each) for each in texts["text/html"])


def _own_parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """A message's parts without those of messages within it."""
    if message.get_content_type().lower() in CARRIED | STATUS or not message.is_multipart():
        yield message
    elif depth < DEPTH:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _own_parts(part, depth + 1)


def _carry(reading: Reading, part: Message) -> None:
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    if isinstance(inner, Message) and (inner.keys() or inner.is_multipart()):
        reading.original, reading.original_text = inner, content(inner)
    else:
        reading.original_text = content(inner if isinstance(inner, Message) else part)
        reading.original = _headers_of(reading.original_text)


def _headers_of(text: str) -> Message:
    return email.message_from_string(text.lstrip("\r\n"))


def _groups(part: Message) -> list[dict[str, str]]:
    payload = part.get_payload()
    text = "\n".join(str(each) for each in payload) if isinstance(payload, list) else content(part)
    if str(part.get("content-transfer-encoding", "")).strip().lower() in {"base64", "quoted-printable"}:
        shell = Message()
        shell["Content-Transfer-Encoding"] = str(part["content-transfer-encoding"])
        shell.set_payload(text.strip())
        text = content(shell)
    return groups_in(text)


def groups_in(text: str) -> list[dict[str, str]]:
    """The groups of fields that a text holds, separated by blank lines: names in lower case, values on one line."""
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in text[:TEXT].splitlines():
        if not line.strip():
            groups.append({})
            name = ""
        elif found := FIELD.match(line):
            name = found[1].lower()
            groups[-1].setdefault(name, plain(found[2]))
        elif name and line[0] in " \t":
            groups[-1][name] += " " + plain(line)
    return [each for each in groups if each]


def plain(value: object) -> str:
    """A field's value, decoded (RFC 2047), on one line, without what no database keeps."""
    text = str(value)[:FIELD_LENGTH]
    try:
        if "=?" in text:
            text = "".join(
                decoded(part, charset or "") if isinstance(part, bytes) else part
                for part, charset in decode_header(text)
            )
    except (HeaderParseError, ValueError, LookupError):
        pass
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half of a character beyond the first plane
        text = text.encode("utf-8", "replace").decode()
    return " ".join(text.replace("\0", "").split())


def content(part: Message) -> str:
    """The text of a part in whatever charset."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        charset = str(part.get_content_charset() or "")
    except (LookupError, ValueError, TypeError):
        charset = ""
    return decoded(payload[: 4 * TEXT], charset)


def decoded(payload: bytes, charset: str) -> str:
    """Bytes as text: as declared, else as UTF-8, else as Chinese where that gives Chinese, else letter by letter."""
    known = "gb18030" if charset.lower() in {"gb2312", "gbk", "x-gbk"} else charset
    for each in (known, "utf-8"):
        try:
            if each and each.lower() not in {"us-ascii", "ascii", "unknown-8bit"}:
                return payload.decode(each).replace("\0", "")
        except (LookupError, ValueError):
            continue
    as_chinese = payload.decode("gb18030", "replace")
    foreign = sum(byte > 127 for byte in payload)  # noqa: PLR2004 - beyond ASCII
    if foreign and len(HAN.findall(as_chinese)) * 2 > foreign * 0.7:
        return as_chinese.replace("\0", "")
    return payload.decode("cp1252", "replace").replace("\0", "")


def text_of(page: str) -> str:
    """The words of an HTML text."""
    words: list[str] = []
    silent = ""
    for token in TAG.split(page[: 2 * TEXT]):
        name = NAME.match(token)
        if name is None:
            words += [] if silent else [html.unescape(token.replace("\n", " "))]
        elif name[2].lower() in SILENT:
            silent = "" if name[1] else name[2].lower()
        elif name[2].lower() in BLANK:
            words.append("\n")
    lines = (" ".join(line.split()) for line in "".join(words).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def addresses_in(value: str) -> list[str]:
    """The addresses in a field's value; what is no address is left out."""
    try:
        found = [address for _, address in getaddresses([value[:10_000]]) if "@" in address]
    except (ValueError, IndexError, TypeError, RecursionError):
        found = []
    return found or ANY_ADDRESS.findall(value[:10_000])
