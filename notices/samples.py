"""Invented facts for every template: what can be put in, and what a template is tried with before it is saved."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from campaigns.rules import CURRENT, rule_pack
from notices import texts, vocabulary
from notices.facts import Account, Cause, Facts, Listed, NewsFacts, NewsItem, Person

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=4)
ZONE = "Asia/Shanghai"
NAME, LONG_NAME = "Example Bank", "A subscriber with a rather long name " * 4


def words(name: str) -> Iterator[dict[str, Any]]:
    """What a template is filled with, in all situations that differ; the first has an example of everything."""
    if name in texts.STEPS:
        yield from (vocabulary.of_step(each) for each in _steps())
    elif name in texts.NEWS:
        yield from (vocabulary.of_news(each) for each in _news(name.removeprefix("news_")))
    else:
        yield from (vocabulary.of_letter(each) for each in _letters(name))


def cause(*, is_drill: bool = False) -> Cause:
    """An invented cause."""
    pack = rule_pack(CURRENT)
    explanation = "They were issued with a fault of ours."
    return Cause(is_drill, pack, pack.rule("12"), explanation, "https://ca.example/incident")


def listed(count: int) -> list[Listed]:
    """Invented certificates; the last has a deadline of its own."""
    ends = NOW + timedelta(days=200)
    return [
        Listed([f"www{each}.example"], f"{0xC0FFEE << 64 | each:x}", ends, DEADLINE + timedelta(hours=each // 2))
        for each in range(count)
    ]


def facts() -> Facts:
    """One account at the first step."""
    person = Person("Li Na", "li.na@bank.example", "+86 10 5555 0101", "17:00", "away until Thursday")
    page = "https://ca.example/campaigns/subscriber/"
    account = Account(NAME, "C-1700", 62, 3, DEADLINE, listed(3), (person,), page)
    return Facts(cause(), "en", ZONE, DEADLINE, NOW, 0, (account,))


def _steps() -> Iterator[Facts]:
    plain = facts()
    account = plain.accounts[0]
    yield plain
    for because in ("bounced", "away", "silent"):
        yield replace(plain, reminder=2, because=because)
    yield replace(plain, cause=cause(is_drill=True))
    second = replace(account, subscriber="Example Bank Two", reference="C-1701", deadline=DEADLINE + timedelta(hours=9))
    yield replace(plain, accounts=(account, second))
    alone = replace(account, subscriber=LONG_NAME, outstanding=1, confirmed=0, listed=listed(1), people=())
    yield replace(plain, time_zone="UTC", accounts=(alone,), cause=replace(cause(), explanation_url=""))


def _news(kind: str) -> Iterator[NewsFacts]:
    what = {"addition": ("added",), "correction": ("moved", "withdrawn"), "revoked": ("revoked",)}[kind]
    items = [NewsItem(["www.example"], f"c0ffee0000{each}", DEADLINE, each_what) for each, each_what in enumerate(what)]
    plain = NewsFacts(cause(), "en", ZONE, NOW, kind, NAME, "C-1700", items, 4, 60, DEADLINE)
    yield plain
    yield replace(plain, cause=cause(is_drill=True))
    yield replace(plain, subscriber=LONG_NAME, count=len(items), outstanding=0, deadline=None, time_zone="UTC")


def _letters(kind: str) -> Iterator[dict[str, object]]:
    of_everybody: dict[str, object] = {"subscriber": NAME, "reference": "C-1700", "link": _link(), "time_zone": ZONE}
    facts_of: dict[str, dict[str, object]] = {
        "contact_check": {
            "contact": "Li Na <li.na@bank.example>",
            "answer_by": DEADLINE,
            "certificates": 62,
            "reminder": 0,
        },
        "commitment_reminder": {"window": timedelta(days=5), "given_by": "Li Na", "valid_until": DEADLINE},
        "answer_received": {"deadline": DEADLINE},
    }
    otherwise: dict[str, dict[str, object]] = {
        "contact_check": {"certificates": 0, "reminder": 1},
        "commitment_reminder": {"window": timedelta(hours=24)},
        "answer_received": {"deadline": None},
    }
    yield {**of_everybody, **facts_of[kind]}
    yield {**of_everybody, **facts_of[kind], **otherwise[kind], "subscriber": LONG_NAME}


def _link() -> str:
    """As long as a real one."""
    return f"{settings.SITE_URL}/contact/{'x' * 90}/"
