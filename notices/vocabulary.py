"""What the placeholders of templates stand for: facts put into words, in the language that is active."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, ngettext

from campaigns.moments import in_words
from campaigns.rules import rule_translated, window_in_words
from core.languages import in_this_language
from notices import wording
from notices.facts import Account, Cause, Facts, Listed, NewsFacts, NewsItem

Words = dict[str, object]
LISTED = 20
"""How many certificates a notice lists of an account; the rest are behind the link."""
LISTED_IN_ALL = 60
"""How many it lists of all accounts together, but at least `LISTED_AT_LEAST` of each."""
LISTED_AT_LEAST = 3
_KEY = f"https://link.invalid/{secrets.token_hex(16)}-"
LINKS = re.compile(re.escape(_KEY) + r"(\d+)/")
"""What stands for links while words are rendered; nobody can know it, so no text can contain it."""


def link(number: int) -> str:
    """What stands for the link of an account, by its place, until a contact's own is put in."""
    return f"{_KEY}{number}/"


def of_step(facts: Facts) -> Words:
    """The words of a step."""
    outstanding = sum(each.outstanding for each in facts.accounts)
    return {
        **_house(),
        **_cause(facts.cause),
        **_first(facts.accounts),
        "several": len(facts.accounts) > 1,
        "accounts": list(_accounts(facts)),
        "outstanding": outstanding,
        "certificates": wording.certificates(outstanding),
        "confirmed": sum(each.confirmed for each in facts.accounts),
        "deadline": wording.utc(facts.deadline),
        "local": wording.local(facts.deadline, facts.time_zone),
        "left": in_words(facts.deadline - facts.now),
        "reminder": facts.reminder,
        "because": facts.because,
        "link": link(0),
    }


def of_news(facts: NewsFacts) -> Words:
    """The words of later news."""
    first = min((each.at for each in facts.items if each.at), default=None)
    return {
        **_house(),
        **_cause(facts.cause),
        "subscriber": wording.one_line(facts.subscriber),
        "reference": wording.one_line(facts.reference),
        "count": facts.count,
        "certificates": wording.certificates(facts.count),
        "outstanding": facts.outstanding,
        "outstanding_certificates": wording.certificates(facts.outstanding),
        "items": [_item(each) for each in facts.items],
        "more": max(0, facts.count - len(facts.items)),
        **_moment("first_at", "first_local", first, facts.time_zone),
        **_moment("deadline", "local", facts.deadline, facts.time_zone),
        "link": link(0),
        "csv": f"{link(0)}list.csv",
    }


def of_letter(given: Mapping[str, object]) -> Words:
    """The words of a routine letter, whose facts come by name."""
    zone_name = str(given.get("time_zone", ""))
    words: Words = {**_house(), "deadline": "", "local": "", "reference": ""}
    for name, value in given.items():
        if isinstance(value, datetime):
            words |= _moment(name, "local", value, zone_name)
        elif isinstance(value, timedelta):
            words[name] = window_in_words(value)
        elif isinstance(value, int):
            words[name] = value
            words[f"{name}_in_words"] = wording.certificates(value) if name == "certificates" else str(value)
        else:
            words[name] = str(value) if name == "link" else wording.one_line(str(value or ""))
    return words


def addresses(words: Mapping[str, Any]) -> set[str]:
    """The addresses among some words, apart from placeholders."""
    console = {account["console_url"] for account in words.get("accounts", ())}
    return {*console, *(str(words.get(name, "")) for name in ("explanation_url", "link"))} - {""}


def _house() -> Words:
    return {
        "ca": in_this_language("CA_NAME"),
        "clause": in_this_language("AGREEMENT_CLAUSE"),
        "phone": settings.NOTICE_PHONE,
        "site": settings.SITE_URL,
    }


def _cause(cause: Cause) -> Words:
    return {
        "is_drill": cause.is_drill,
        "explanation": cause.explanation.strip(),
        "explanation_url": cause.explanation_url,
        "source": gettext(cause.pack.source),
        "pack": cause.pack.name,
        "item": cause.rule.item,
        "rule": cause.rule.text,
        "rule_translated": rule_translated(cause.rule),
        "window": window_in_words(cause.rule.window),
    }


def _first(accounts: Sequence[Account]) -> Words:
    """Whose certificates they are: the only account, or the first of several and how many more."""
    name, more = wording.one_line(accounts[0].subscriber), len(accounts) - 1
    told = ngettext("%(name)s and %(count)d other account", "%(name)s and %(count)d other accounts", more)
    return {
        "subscriber": told % {"name": name, "count": more} if more else name,
        "reference": wording.one_line(accounts[0].reference),
        "console_url": accounts[0].console_url,
    }


def _accounts(facts: Facts) -> Iterator[Words]:
    shown = min(LISTED, max(LISTED_AT_LEAST, LISTED_IN_ALL // len(facts.accounts)))
    for number, account in enumerate(facts.accounts):
        listed = account.listed[:shown]
        yield {
            "subscriber": wording.one_line(account.subscriber),
            "reference": wording.one_line(account.reference),
            "outstanding": account.outstanding,
            "certificates": wording.certificates(account.outstanding),
            "confirmed": account.confirmed,
            "deadline": "" if account.deadline == facts.deadline else wording.utc(account.deadline),
            "listed": [_listed(each, account.deadline) for each in listed],
            "more": account.outstanding - len(listed),
            "people": [
                {
                    "name": wording.one_line(each.name),
                    "email": wording.one_line(each.email),
                    "phone": wording.one_line(each.phone),
                    "local_time": wording.one_line(each.local_time),
                    "note": wording.one_line(each.note),
                }
                for each in account.people
            ],
            "console_url": account.console_url,
            "link": link(number),
            "csv": f"{link(number)}list.csv",
        }


def _listed(each: Listed, deadline: datetime) -> Words:
    return {
        "names": wording.names_in_short(each.names),
        "serial_number": each.serial_number,
        "expires": wording.day(each.not_after),
        "deadline": "" if each.publish_by == deadline else wording.utc(each.publish_by),
    }


def _item(each: NewsItem) -> Words:
    return {
        "names": wording.names_in_short(each.names),
        "serial_number": each.serial_number,
        "at": wording.utc(each.at) if each.at else "",
        "what": each.what,
    }


def _moment(name: str, local: str, moment: datetime | None, zone_name: str) -> Words:
    if moment is None:
        return {name: "", local: ""}
    return {name: wording.utc(moment), local: wording.local(moment, zone_name)}
