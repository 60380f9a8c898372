"""What a caller says, from the facts of one affected subscriber, in the language of the contact."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils import translation
from django.utils.dateformat import format as date_format

from campaigns.moments import in_words, zone
from campaigns.rules import rule_pack
from core.languages import in_this_language
from notices import wording

FOLDER = Path(__file__).parent / "callscripts"
"""One text for each language, a sentence or two a line; further languages are further files."""
DEFAULT = "en"
MOMENTS = {"en": "l j F Y, H:i", "zh-hans": "Y年n月j日 l H:i"}
PLACES = {"en": "{there} ({zone}; {utc} UTC)", "zh-hans": "{there}（{zone}，UTC 时间 {utc}）"}
WRITTEN = {
    "en": (
        "We have written to {to}; the message has a link to the list. Did it arrive?",
        "Our mail does not reach you: which address works?",
    ),
    "zh-hans": ("我们已致信 {to}，信中有证书清单的链接。请问收到了吗？", "发给贵方的邮件无法送达，请问哪个邮箱可用？"),
}
GENUINE = {
    "en": ("ring the number in your agreement with us", "ring back at {phone}"),
    "zh-hans": ("请拨打贵我双方协议中的电话", "请回拨 {phone}"),
}
BETWEEN = {"en": ", ", "zh-hans": "、"}
WHOEVER = {"en": "the person in charge", "zh-hans": "负责人"}
LONGEST_EXPLANATION = 400


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a call is about."""

    subscriber: str
    explanation: str
    rule_pack: str
    rule: str
    count: int
    deadline: datetime
    written_to: tuple[str, ...]


def script(occasion: Occasion, *, contact: str, language: str, zone_name: str, now: datetime) -> list[str]:
    """The sentences, line by line; English where there is no text in that language."""
    spoken = language if language in languages() else DEFAULT
    written, unwritten = WRITTEN[spoken]
    anywhere, at_phone = GENUINE[spoken]
    with translation.override(spoken):
        facts = {
            "ca": in_this_language("CA_NAME"),
            "subscriber": wording.one_line(occasion.subscriber),
            "contact": wording.one_line(contact) or WHOEVER[spoken],
            "count": f"{occasion.count:,}",
            "deadline": _moment(occasion.deadline, zone_name, spoken),
            "left": in_words(occasion.deadline - now),
            "explanation": wording.one_line(occasion.explanation, longest=LONGEST_EXPLANATION),
            "item": rule_pack(occasion.rule_pack).rule(occasion.rule).item,
            "written": written.format(to=BETWEEN[spoken].join(occasion.written_to))
            if occasion.written_to
            else unwritten,
            "genuine": at_phone.format(phone=settings.NOTICE_PHONE) if settings.NOTICE_PHONE else anywhere,
        }
        return [line.format(**facts) for line in _lines(spoken)]


@cache
def languages() -> tuple[str, ...]:
    """The languages in which there is something to say."""
    return tuple(sorted(each.stem for each in FOLDER.glob("*.txt")))


@cache
def _lines(language: str) -> list[str]:
    return (FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def _moment(moment: datetime, zone_name: str, language: str) -> str:
    """By the clock on their wall, and in UTC behind it."""
    there = moment.astimezone(zone(zone_name))
    return PLACES[language].format(
        there=date_format(there, MOMENTS[language]),
        zone=wording.one_line(zone_name, longest=64),
        utc=f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}",
    )
