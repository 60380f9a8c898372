"""The rules as data: all sixteen items of BR 2.2.6 section 4.9.1.1, and what is short-lived (1.6.1)."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.rules import CURRENT, choices, rule_pack, window_in_words
from core.crl_reason import CRLReason, flag
from core.errors import Refused

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TEN_DAYS, SEVEN_DAYS = timedelta(seconds=864_000), timedelta(seconds=604_800)
TEN_DAY_RULE, SEVEN_DAY_RULE = datetime(2024, 3, 15, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC)

ITEMS = [
    ("1", 1, None, "unspecified"),
    ("2", 1, None, "privilegeWithdrawn"),
    ("3", 1, None, "keyCompromise"),
    ("4", 1, None, "keyCompromise"),
    ("5", 1, None, "superseded"),
    ("6", 5, 1, "superseded"),
    ("7", 5, 1, "privilegeWithdrawn"),
    ("8", 5, 1, "privilegeWithdrawn"),
    ("9", 5, 1, "cessationOfOperation"),
    ("10", 5, 1, "privilegeWithdrawn"),
    ("11", 5, 1, "privilegeWithdrawn"),
    ("12", 5, 1, "superseded"),
    ("13", 5, 1, "privilegeWithdrawn"),
    ("14", 5, 1, "unspecified"),
    ("15", 5, 1, "unspecified"),
    ("16", 5, 1, "keyCompromise"),
]


@pytest.mark.parametrize(("item", "days", "should", "reason"), ITEMS)
def test_each_item_has_its_window_and_its_reason(item, days, should, reason):
    rule = rule_pack("br-2.2.6").rule(item)
    assert rule.window == days * DAY
    assert rule.should_within == (should * DAY if should else None)
    assert rule.crl_reason == reason


@pytest.mark.parametrize(("item", "reason"), [(item, reason) for item, _, _, reason in ITEMS])
def test_the_reason_code_is_left_out_of_the_crl_for_unspecified_and_for_nothing_else(item, reason):
    rule = rule_pack("br-2.2.6").rule(item)
    assert rule.omits_reason_code is (reason == "unspecified")
    assert (flag(rule.crl_reason) is None) is rule.omits_reason_code


def test_the_pack_has_sixteen_items_and_no_other():
    assert list(rule_pack(CURRENT).rules) == [item for item, *_ in ITEMS]


def test_every_reason_of_the_pack_may_stand_on_a_crl():
    assert {rule.crl_reason for rule in rule_pack(CURRENT).rules.values()} <= set(CRLReason.values)


@pytest.mark.parametrize("item", ["0", "17", "", "12a"])
def test_an_item_that_does_not_exist_is_refused(item):
    with pytest.raises(Refused, match="no item"):
        rule_pack(CURRENT).rule(item)


@pytest.mark.parametrize("name", ["br-9.9.9", "", "../settings", "br-2.2.6.json"])
def test_a_pack_that_is_not_shipped_is_refused(name):
    with pytest.raises(Refused, match="no rule pack"):
        rule_pack(name)


def test_the_choices_name_item_window_and_text():
    assert choices()[0] == ("1", next(iter(text for item, text in choices() if item == "1")))
    assert dict(choices())["12"].startswith("12. within 5 days: The CA is made aware")
    assert dict(choices())["3"].startswith("3. within 24 hours: ")


@pytest.mark.parametrize(
    ("hours", "words"), [(24, "24 hours"), (47, "47 hours"), (48, "2 days"), (49, "49 hours"), (120, "5 days")]
)
def test_windows_are_spoken_as_people_do(hours, words):
    assert window_in_words(timedelta(hours=hours)) == words


@pytest.mark.parametrize(
    ("issued_at", "validity", "is_short_lived"),
    [
        (TEN_DAY_RULE - SECOND, TEN_DAYS, False),
        (TEN_DAY_RULE, TEN_DAYS - SECOND, True),
        (TEN_DAY_RULE, TEN_DAYS, True),
        (TEN_DAY_RULE, TEN_DAYS + SECOND, False),
        (SEVEN_DAY_RULE - SECOND, TEN_DAYS, True),
        (SEVEN_DAY_RULE - SECOND, TEN_DAYS + SECOND, False),
        (SEVEN_DAY_RULE, SEVEN_DAYS - SECOND, True),
        (SEVEN_DAY_RULE, SEVEN_DAYS, True),
        (SEVEN_DAY_RULE, SEVEN_DAYS + SECOND, False),
        (SEVEN_DAY_RULE, TEN_DAYS, False),
    ],
)
def test_what_is_short_lived_is_counted_in_inclusive_seconds_by_the_rule_of_the_day_of_issue(
    issued_at, validity, is_short_lived
):
    not_after = issued_at + validity - SECOND
    assert rule_pack(CURRENT).is_short_lived(issued_at, not_after) is is_short_lived
