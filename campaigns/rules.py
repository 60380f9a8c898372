"""The rules that oblige a CA to revoke, as versioned data: item of BR 4.9.1.1 -> window and CRLReason.

The operator picks an item; window and reason follow from it and are never chosen separately.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.utils.translation import gettext, ngettext

from core.errors import Refused

FOLDER = Path(__file__).parent / "rulepacks"
CURRENT = "br-2.2.6"


@dataclass(frozen=True, slots=True)
class Rule:
    """One item that obliges to revoke."""

    item: str
    text: str
    window: timedelta
    should_within: timedelta | None
    crl_reason: str
    omits_reason_code: bool


@dataclass(frozen=True, slots=True)
class ShortLived:
    """Certificates issued from `issued_from` on are short-lived up to `longest`, both ends of the validity included."""

    issued_from: datetime
    longest: timedelta


@dataclass(frozen=True, slots=True)
class RulePack:
    """A version of the rules; a campaign keeps the pack it began with."""

    name: str
    source: str
    effective_from: datetime
    clock_starts: str
    clock_ends: str
    rules: dict[str, Rule]
    short_lived: tuple[ShortLived, ...]
    text_sha256: str

    def rule(self, item: str) -> Rule:
        """The rule with this item number; raises `Refused` when the pack has none."""
        try:
            return self.rules[item]
        except KeyError:
            raise Refused(f"Rule pack {self.name} has no item {item}; it has {', '.join(self.rules)}.") from None

    def is_short_lived(self, not_before: datetime, not_after: datetime) -> bool:
        """Whether a certificate is short-lived by the rule of its day of issue (BR 1.6.1).

        The validity period includes both ends, so a certificate from 00:00:00 to 23:59:59 is valid for 86,400 seconds.
        """
        validity = not_after - not_before + timedelta(seconds=1)
        rule = next((rule for rule in reversed(self.short_lived) if rule.issued_from <= not_before), None)
        return rule is not None and validity <= rule.longest


@cache
def rule_pack(name: str) -> RulePack:
    """The rule pack of this name, such as `br-2.2.6`; raises `Refused` for a name that is not shipped."""
    path = FOLDER / f"{name}.json"
    if path not in set(FOLDER.glob("*.json")):
        raise Refused(f"There is no rule pack {name}.")
    raw = path.read_bytes()
    data = json.loads(raw)
    return RulePack(
        name=data["name"],
        source=data["source"],
        effective_from=_moment(data["effective_from"]),
        clock_starts=data["clock"]["starts"],
        clock_ends=data["clock"]["ends"],
        rules={each["item"]: _rule(each) for each in data["rules"]},
        short_lived=tuple(
            ShortLived(_moment(each["issued_from"]), timedelta(seconds=each["longest_seconds"]))
            for each in data["short_lived"]
        ),
        text_sha256=sha256(raw).hexdigest(),
    )


def choices(name: str = CURRENT) -> list[tuple[str, str]]:
    """The items of a pack, for a form: number, and window with the beginning of the text."""
    return [
        (rule.item, f"{rule.item}. within {window_in_words(rule.window)}: {rule.text}")
        for rule in rule_pack(name).rules.values()
    ]


def window_in_words(window: timedelta) -> str:
    """A window as people say it: whole days from two days on, hours below."""
    days, rest = divmod(window, timedelta(days=1))
    if days > 1 and not rest:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    hours = int(window.total_seconds() // 3600)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}


def rule_translated(rule: Rule) -> str:
    """What a rule says, in the language that is active; empty in English, in which the rules are written and bind."""
    told = gettext(rule.text)
    return "" if told == rule.text else told


def _rule(data: dict[str, object]) -> Rule:
    should = data.get("should_seconds")
    return Rule(
        item=str(data["item"]),
        text=str(data["text"]),
        window=timedelta(seconds=int(str(data["window_seconds"]))),
        should_within=None if should is None else timedelta(seconds=int(str(should))),
        crl_reason=str(data["crl_reason"]),
        omits_reason_code=bool(data["omits_reason_code"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
