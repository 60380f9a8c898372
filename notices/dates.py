"""Dates in the words of people: what day a text means, and whether it can be told at all.

A date in figures such as 03/04 means two different days. It is told only where something decides: the language, a
weekday beside it, another date of the same text that can be read in one way only, or figures that leave no choice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

NAMES = {
    1: "january jan januar januari janvier janv enero ene gennaio gen janeiro stycznia ledna января",
    2: "february feb februar februari février fevrier févr fevr febrero febbraio fevereiro lutego февраля",
    3: "march mar märz maerz mrz maart mars marzo março marco marca března марта",
    4: "april apr avril avr abril abr aprile kwietnia апреля",
    5: "may mai mayo maggio mag maio mei maja maj мая",
    6: "june jun juni juin junio giugno giu junho czerwca июня",
    7: "july jul juli juillet juil julio luglio lug julho lipca июля",
    8: "august aug août aout agosto ago augustus sierpnia августа",
    9: "september sep sept septembre septiembre settembre setembro września сентября",
    10: "october oct oktober okt octobre octubre ottobre ott outubro października октября",
    11: "november nov novembre noviembre novembro listopada ноября",
    12: "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro desember grudnia декабря",
}
MONTH_OF = {word: number for number, words in NAMES.items() for word in words.split()}
WEEKDAYS = {
    0: "monday mon montag mo lundi lun lunes lunedì segunda maandag 星期一 周一 月曜",
    1: "tuesday tue tues dienstag di mardi mar martes martedì terça dinsdag 星期二 周二 火曜",
    2: "wednesday wed mittwoch mi mercredi mer miércoles mercoledì quarta woensdag 星期三 周三 水曜",
    3: "thursday thu thur thurs donnerstag do jeudi jeu jueves giovedì quinta donderdag 星期四 周四 木曜",
    4: "friday fri freitag fr vendredi ven viernes venerdì sexta vrijdag 星期五 周五 金曜",
    5: "saturday sat samstag sonnabend sa samedi sam sábado sabato zaterdag 星期六 周六 土曜",
    6: "sunday sun sonntag so dimanche dim domingo domenica zondag 星期日 星期天 周日 日曜",
}
WEEKDAY_OF = {word: number for number, words in WEEKDAYS.items() for word in words.split()}
_MONTH = "|".join(sorted(map(re.escape, MONTH_OF), key=len, reverse=True))
_YEAR = r"(?:20\d\d|'?\d\d)"
_TO = r"(?:[-–—~]|bis(?: zum)?|to|until|till|through|thru|and|und|au|al|à|a|y|et|tot|t/m|até)"
_ORD = r"(?:st|nd|rd|th|er|ère|\.|º|ª|e)?"
PATTERNS = (
    # 2024-03-28, 2024/3/28, 2024.03.28, also within 2024-03-28T09:00
    ("ymd", r"(?<![\d/.-])(?P<y>20\d\d)(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?![\d/-])"),
    # 2024年3月28日, 3月28号, 令和6年3月28日
    (
        "cjk",
        r"(?:(?P<era>令和)?\s*(?P<y>\d{1,4}|[\u3007零一二三四五六七八九]{4})\s*[年년]\s*)?(?P<m>\d{1,2}|[一二三四五六七八九十]{1,2})"
        r"\s*[月월]\s*(?P<d>\d{1,2}|[一二三四五六七八九十]{1,3})\s*[日号號일]?",
    ),
    # 28 March 2024, 28th of March, 28. März, 1er avril, 28 de marzo de 2024, 28-Mar-2024, Chinese English excepted
    (
        "dmy",
        rf"(?<![\d:.,/])(?P<d>\d{{1,2}}){_ORD}[\s-]*(?:of |de |del |d')?[\s-]*(?P<b>{_MONTH})\b\.?"
        rf"(?:[\s,/-]*(?:de |del )?(?P<y>{_YEAR})(?![\d:.,]\d|\d| ?(?:Uhr|h\b|am\b|pm\b)))?",
    ),
    # March 28, 2024; Mar. 28th; July 10-31
    (
        "mdy",
        rf"\b(?P<b>{_MONTH})\b\.?\s*(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:\d)"
        rf"(?:\s*{_TO}\s*(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]))?(?:\s*,?\s*(?P<y>20\d\d)(?!\d))?",
    ),
    # 28/03/2024, 3-28-24
    ("num", r"(?<![\d/.:-])(?P<a>\d{1,2})(?P<s>[/-])(?P<c>\d{1,2})(?P=s)(?P<y>20\d\d|\d\d)(?![\d/-])"),
    # 28.03.2024, 28.3.
    ("dot", r"(?<![\d/.:])(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?:\s?(?P<y>20\d\d|\d\d)(?![\d.:]))?(?!\d)"),
    # 28/3
    ("num", r"(?<![\d/.:])(?P<a>\d{1,2})(?P<s>/)(?P<c>\d{1,2})(?![\d/%]|-\d+-)"),
    # the 28th, am 28., le 28, el 28 / el día 28, 28日
    (
        "day",
        r"(?:\bthe (?P<d>\d{1,2})(?:st|nd|rd|th)\b|\b(?:am|zum|dem|den) (?P<d3>\d{1,2})\.(?!\s?\d)|"
        r"\b(?:le|au|el(?: d[ií]a)?|al) (?P<d4>\d{1,2})(?![\d:/h.])\b|(?<!\d)(?P<d5>\d{1,2})[日号](?![間间内本]))",
    ),
)
COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in PATTERNS)
LONGEST, MOST = 20_000, 50
"""Characters of a text, and dates of one form in it, that are looked at: nobody is away fifty times."""
DIGITS = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"\u3007": 0}
DAY_FIRST, MONTH_FIRST = "dmy", "mdy"
HALF_BACK, AHEAD = timedelta(days=60), timedelta(days=305)


@dataclass(slots=True)
class Found:
    """A date in a text: where it stands, and the days that it may mean (none where it means no day)."""

    start: int
    end: int
    days: tuple[date, ...]
    first: date | None = None
    """Of a range written in one (July 10-31), its first day; `days` are of the last."""

    @property
    def day(self) -> date | None:
        """The day that it means, if it means one."""
        return self.days[0] if len(set(self.days)) == 1 else None


def dates(text: str, *, near: date | None, order: str = "") -> list[Found]:
    """The dates of a text in their order. `near` is when it was written: years and months that are not told follow
    from it; `order` says how the writer's language orders day and month, if that is known."""
    taken: list[tuple[int, int]] = []
    found: list[tuple[str, re.Match[str]]] = []
    text = text[:LONGEST]
    for kind, pattern in COMPILED:
        for match in islice(pattern.finditer(text), MOST):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                taken.append(match.span())
                found.append((kind, match))
    found.sort(key=lambda each: each[1].start())
    orders = {order} if order else _orders(found)
    results = [_read(kind, match, near, orders) for kind, match in found]
    return [_by_weekday(each, text) for each in results]


def _orders(found: list[tuple[str, re.Match[str]]]) -> set[str]:
    """How a text orders day and month, by those of its dates that can be read in one way only."""
    orders = set()
    for kind, match in found:
        if kind == "num":
            first, second = int(match["a"]), int(match["c"])
            orders |= {DAY_FIRST} if first > 12 >= second else {MONTH_FIRST} if second > 12 >= first else set()  # noqa: PLR2004 - months
    return orders


def _read(kind: str, match: re.Match[str], near: date | None, orders: set[str]) -> Found:
    parts = match.groupdict()
    if kind == "num":
        days = tuple(_numeric(parts, near, orders))
        return Found(*match.span(), days)
    if kind == "day":
        number = int(next(value for name, value in parts.items() if name.startswith("d") and value))
        return Found(*match.span(), tuple(_next_day(number, near)))
    month = MONTH_OF[parts["b"].lower()] if parts.get("b") else _number(parts["m"])
    year = _year(parts)
    last = parts.get("d2")
    days = tuple(_days(year, month, _number(last or parts["d"]), near))
    first = next(_days(year, month, _number(parts["d"]), near), None) if last else None
    return Found(*match.span(), days, first)


def _year(parts: dict[str, str | None]) -> int | None:
    text = (parts.get("y") or "").lstrip("'")
    if not text:
        return None
    if parts.get("era"):
        return 2018 + int(text)  # the first year of Reiwa is 2019
    year = int("".join(str(DIGITS.get(each, each)) for each in text))
    return year + 2000 if year < 100 else year  # noqa: PLR2004 - two figures


def _number(text: str | None) -> int:
    """A number in figures or in Chinese: 二十八."""
    text = text or "0"
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return ((DIGITS.get(tens, 1) if tens else 1) * 10 if ten else 0) + DIGITS.get(ones, 0)


def _numeric(parts: dict[str, str | None], near: date | None, orders: set[str]) -> Iterator[date]:
    first, second, year = _number(parts["a"]), _number(parts["c"]), _year(parts)
    if MONTH_FIRST in orders or not orders:
        yield from _days(year, first, second, near)
    if DAY_FIRST in orders or not orders:
        yield from _days(year, second, first, near)


def _days(year: int | None, month: int, day: int, near: date | None) -> Iterator[date]:
    """The day that this is; without a year, the one that is nearest ahead, or has just passed."""
    if year is None and near is None:
        return
    for each in (year,) if year is not None else _years(near):
        try:
            found = date(each, month, day)
        except ValueError:
            continue
        if year is not None or near is None or near - HALF_BACK <= found <= near + AHEAD:
            yield found
            return


def _years(near: date | None) -> tuple[int, ...]:
    return (near.year, near.year + 1, near.year - 1) if near else ()


def _next_day(number: int, near: date | None) -> Iterator[date]:
    """The next day of this number, counted from the day of writing."""
    if near is None or not 1 <= number <= 31:  # noqa: PLR2004 - days of a month
        return
    for ahead in range(62):
        if (near + timedelta(days=ahead)).day == number:
            yield near + timedelta(days=ahead)
            return


def _by_weekday(found: Found, text: str) -> Found:
    """Of two days that a date may mean, the one whose weekday stands beside it."""
    if len(set(found.days)) < 2:  # noqa: PLR2004 - nothing to decide
        return found
    before = re.search(
        r"([^\W\d_]+)[,.]?\s*(?:(?:the|den|dem|le|el)\s+)?$", text[max(0, found.start - 20) : found.start]
    )
    after = re.match(r"\s*[(（,]?\s*([^\W\d_]+)", text[found.end : found.end + 15])
    for match in (before, after):
        weekday = WEEKDAY_OF.get(match[1].lower()) if match else None
        fitting = tuple(day for day in found.days if day.weekday() == weekday)
        if weekday is not None and fitting:
            return Found(found.start, found.end, fitting, found.first)
    return found
