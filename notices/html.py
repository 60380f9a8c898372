"""The HTML of a message, derived from its text so that it repeats it: nothing is loaded, nothing runs."""

import re
from collections.abc import Collection, Iterator
from html import escape

from notices.document import Line, lines

INK, LINE, BLUE = "#1b1f24", "#d0d4d9", "#0b57a4"
FONTS = "Helvetica,Arial,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body style="{page}">
<div style="max-width:640px;margin:0 auto;padding:16px">
{body}
</div>
</body>
</html>
"""
BODY = f"margin:0;padding:0;background-color:#ffffff;color:{INK};font-family:{FONTS};font-size:16px;line-height:1.5"
PARAGRAPH = "margin:0 0 12px;overflow-wrap:break-word"
NOTE = f"margin:0 0 16px;padding:8px 12px;border:2px solid {INK};font-weight:bold"
LEAD = "margin:0 0 12px;font-size:19px;line-height:1.4;overflow-wrap:break-word"
HEADING = "margin:28px 0 8px;font-size:17px;line-height:1.3"
LIST = "margin:0 0 12px;padding-left:24px"
ITEM = "margin:0 0 8px;overflow-wrap:anywhere"
BELOW = "font-size:14px;color:#4a525b"
QUOTE = f"margin:0 0 12px;padding-left:12px;border-left:3px solid {LINE}"
DIGITS = re.compile(r"\b[0-9a-f]{12,}\b")
DIGITS_STYLE = "font-family:Menlo,Consolas,monospace;font-size:13px;word-break:break-all"


def as_html(source: str, *, title: str, language: str, links: Collection[str] = (), is_noted: bool = False) -> str:
    """A document as a page. Only `links` become links, whatever else looks like one.

    The first paragraph stands out; with `is_noted` a note, such as that of a drill, stands framed before it.
    """
    blocks = [_block(kind, rows) for kind, rows in _blocks(source)]
    plain = [number for number, block in enumerate(blocks) if block.startswith("<p ")]
    styles = [NOTE, LEAD] if is_noted else [LEAD]
    for number, style in zip(plain, styles, strict=False):
        blocks[number] = blocks[number].replace(PARAGRAPH, style, 1)
    body = _linked("\n".join(blocks), links)
    return PAGE.format(language=_tag(language), title=escape(title), page=BODY, body=body)


def _blocks(source: str) -> Iterator[tuple[str, list[Line]]]:
    """Lines that follow one another and make one block: `#`, `>`, `ol`, `ul`, or `p`."""
    kind, rows = "", list[Line]()
    for line in lines(source):
        its = _kind(line, kind)
        if its != kind and rows:
            yield kind, rows
            rows = []
        kind = its
        if kind:
            rows.append(line)
    if rows:
        yield kind, rows


def _kind(line: Line, before: str) -> str:
    if not line.text:
        return ""
    if line.mark in {"#", ">"}:
        return line.mark
    if line.mark.isspace():
        return before or "p"
    if line.mark:
        return "ol" if line.mark[0].isdigit() else "ul"
    return "p"


def _block(kind: str, rows: list[Line]) -> str:
    if kind == "#":
        return "\n".join(f'<h2 style="{HEADING}">{_text(row)}</h2>' for row in rows)
    if kind == ">":
        return f'<blockquote style="{QUOTE}">{_joined(rows)}</blockquote>'
    if kind == "p":
        return f'<p style="{PARAGRAPH}">{_joined(rows)}</p>'
    return _list(kind, rows)


def _list(kind: str, rows: list[Line]) -> str:
    items = list[str]()
    for row in rows:
        if row.mark.strip() or not items:
            items.append(_text(row))
        else:
            items[-1] += f'<br><span style="{BELOW}">{_text(row)}</span>'
    return (
        f'<{kind} style="{LIST}">\n' + "\n".join(f'<li style="{ITEM}">{each}</li>' for each in items) + f"\n</{kind}>"
    )


def _joined(rows: list[Line]) -> str:
    return "<br>\n".join(_text(row) for row in rows)


def _text(line: Line) -> str:
    return escape(line.text)


def _linked(body: str, links: Collection[str]) -> str:
    """The body with its addresses as links, and with long numbers so that they can be compared."""
    known = sorted({escape(each) for each in links if each}, key=len, reverse=True)
    if not known:
        return _compared(body)
    parts = re.split("(" + "|".join(re.escape(each) for each in known) + ")", body)
    return "".join(_anchor(part) if number % 2 else _compared(part) for number, part in enumerate(parts))


def _anchor(address: str) -> str:
    return f'<a href="{address}" style="color:{BLUE};word-break:break-all">{address}</a>'


def _compared(text: str) -> str:
    return DIGITS.sub(lambda found: f'<span style="{DIGITS_STYLE}">{found[0]}</span>', text)


def _tag(language: str) -> str:
    """A language as HTML names it: `zh-Hans`."""
    primary, _, script = language.partition("-")
    return f"{primary}-{script.capitalize()}" if script else primary
