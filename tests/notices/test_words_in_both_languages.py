"""What every message says in each shipped language, whatever it is about."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings

from notices import samples, texts
from notices.facts import NewsFacts, NewsItem
from notices.rendering import LONGEST_SHORT, Letter, render, render_letter, render_news

pytestmark = pytest.mark.django_db
DEADLINE = datetime(2024, 3, 24, 8, 30, tzinfo=UTC)
SITE = "https://revocation.a-rather-long-name.example"
LINKS = [f"{SITE}/respond/{'f' * 32}.{each}.1.{'s' * 43}/" for each in (17, 18)]
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh-hans"])
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def house(settings: LazySettings) -> Iterator[None]:
    settings.SITE_URL, settings.NOTICE_PHONE = SITE, "+86 10 5555 0100"
    texts.forget()
    yield
    texts.forget()


def notice(language: str, **changed: object) -> Letter:
    found = replace(samples.facts(), language=language, deadline=DEADLINE, now=DEADLINE - timedelta(hours=31))
    account = replace(found.accounts[0], deadline=DEADLINE)
    return render("revocation", replace(found, **{"accounts": (account,), **changed})).with_links(LINKS)  # type: ignore[arg-type]


def news(language: str, kind: str, what: str) -> Letter:
    items = [NewsItem(["www.example"], "c0ffee00001", DEADLINE if what != "withdrawn" else None, what)]
    facts = NewsFacts(
        samples.cause(), language, "Asia/Shanghai", DEADLINE, kind, "A Bank", "C-1", items, 4, 9, DEADLINE
    )
    return render_news(facts).with_links(LINKS)


def test_dates_are_told_as_readers_write_them_in_utc_and_where_they_are():
    assert "Sun 24 Mar 2024 08:30 UTC, in 31 hours." in notice("en").text.replace("\n", " ")
    assert "Sun 24 Mar 2024 16:30 (Asia/Shanghai, UTC+08:00)" in notice("en").text
    chinese = notice("zh-hans").text.replace("\n", "")
    assert "2024年3月24日 星期日 08:30 UTC" in chinese
    assert "还剩 31 小时" in chinese
    assert "2024年3月24日 星期日 16:30（Asia/Shanghai，UTC+08:00）" in chinese


def test_a_chinese_notice_has_the_rule_in_chinese_and_in_the_original():
    text = notice("zh-hans").text
    assert "CA 获悉证书的签发不符合本要求" in text
    assert "The CA is made aware that the Certificate was not issued in accordance" in text
    assert not HAN.search(notice("en").text)


def test_the_houses_own_name_and_clause_can_differ_by_language(settings: LazySettings):
    settings.CA_NAME, settings.CA_NAME_ZH_HANS = "Example CA", "示例认证中心"
    assert "示例认证中心" in notice("zh-hans").text
    assert "您的订户协议中的吊销条款" in notice("zh-hans").text
    settings.AGREEMENT_CLAUSE_ZH_HANS = "协议第 7.3 条"
    assert "协议第 7.3 条" in notice("zh-hans").text
    assert "Example CA" in notice("en").text


@LANGUAGES
@pytest.mark.parametrize("because", ["bounced", "away", "silent"])
def test_whoever_is_written_to_out_of_turn_is_told_why(language: str, because: str):
    assert len(notice(language, because=because).text) > len(notice(language).text) + 15


@LANGUAGES
def test_several_accounts_have_a_section_each_with_their_own_link_and_list(language: str):
    facts = samples.facts()
    first = replace(facts.accounts[0], deadline=DEADLINE)
    second = replace(
        first, subscriber="Bank Two", reference="C-2", outstanding=5, deadline=DEADLINE + timedelta(hours=6)
    )
    letter = notice(language, accounts=(first, second))
    for form in (letter.text, letter.html):
        places = [form.index(each) for each in (f"{LINKS[0]}list.csv", "Bank Two", LINKS[1], f"{LINKS[1]}list.csv")]
        assert places == sorted(places)
        assert "link.invalid" not in form
    assert "67 " in letter.subject
    assert "14:30" in letter.text


@LANGUAGES
def test_many_accounts_are_all_there_though_each_lists_fewer(language: str):
    account = replace(samples.facts().accounts[0], listed=samples.listed(20), outstanding=20, confirmed=0)
    facts = replace(samples.facts(), language=language, accounts=(account,) * 40)
    links = [f"{SITE}/respond/{each}.x/" for each in range(40)]
    letter = render("revocation", facts).with_links(links)
    assert all(f"{each}list.csv" in letter.text for each in links)
    assert letter.text.count("c0ffee") == 40 * 3
    assert letter.text.count(" 17 ") == 40


@LANGUAGES
@pytest.mark.parametrize("name", ["Bank", "A very long name of a subscriber " * 20, "银行" * 100])
def test_a_short_text_has_its_link_and_is_300_characters_at_most(language: str, name: str):
    account = replace(samples.facts().accounts[0], subscriber=name)
    drill = samples.cause(is_drill=True)
    short = notice(language, accounts=(account,), cause=drill).short
    assert short.endswith(LINKS[0])
    assert len(short) <= LONGEST_SHORT
    assert "\n" not in short


@LANGUAGES
def test_an_account_manager_learns_whom_to_ring_and_where_to_write_it_down(language: str):
    letter = render("account_manager", replace(samples.facts(), language=language)).with_links(LINKS)
    for said in (
        "Li Na",
        "+86 10 5555 0101",
        "17:00",
        "away until Thursday",
        "https://ca.example/campaigns/subscriber/",
    ):
        assert said in letter.text
        assert said in letter.html
    assert "/respond/" not in letter.text
    assert len(letter.short) <= LONGEST_SHORT


@LANGUAGES
@pytest.mark.parametrize(
    ("kind", "what"),
    [("addition", "added"), ("correction", "withdrawn"), ("correction", "moved"), ("revoked", "revoked")],
)
def test_news_lists_the_change_and_what_is_outstanding(language: str, kind: str, what: str):
    letter = news(language, kind, what)
    for said in ("www.example", "c0ffee00001", LINKS[0], f"{LINKS[0]}list.csv", "A Bank", " 9 "):
        assert said in f" {letter.text} ".replace("\n", " ")
    assert "A Bank" in letter.subject
    assert letter.short.endswith(LINKS[0])
    assert bool(HAN.search(letter.subject)) == (language == "zh-hans")


def test_what_is_withdrawn_and_what_is_moved_read_differently():
    assert "will not be revoked" in news("en", "correction", "withdrawn").text
    assert "has another deadline: revoked by Sun 24 Mar" in news("en", "correction", "moved").text.replace("\n ", "")
    assert "不会被吊销" in news("zh-hans", "correction", "withdrawn").text


@LANGUAGES
def test_letters_of_the_register_say_what_they_ask(language: str):
    known = {"subscriber": "A Bank", "reference": "C-1", "link": LINKS[0]}
    asked = {"contact": "Li Na <li@bank.example>", "answer_by": DEADLINE, "certificates": 1, "reminder": 1}
    check = render_letter("contact_check", language, {**known, **asked})
    assert "Li Na <li@bank.example>" in check.text
    assert "Li Na &lt;li@bank.example&gt;" in check.html
    assert f'href="{LINKS[0]}"' in check.html
    promised = {"window": timedelta(days=5), "given_by": "Li Na", "valid_until": DEADLINE}
    reminder = render_letter("commitment_reminder", language, {**known, **promised})
    assert {"en": "within 5 days", "zh-hans": "5 天内"}[language] in reminder.subject
    received = {"subscriber": "A Bank", "deadline": DEADLINE, "time_zone": "Asia/Shanghai"}
    assert "16:30" in render_letter("answer_received", language, received).text
    assert "UTC" not in render_letter("answer_received", language, {**received, "deadline": None}).text


def test_a_language_without_words_of_its_own_gets_english_and_says_so():
    letter = notice("fr")
    assert (letter.language, letter.text) == ("en", notice("en").text)
