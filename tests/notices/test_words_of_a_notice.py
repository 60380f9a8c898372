import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from jinja2 import UndefinedError

from campaigns.rules import rule_pack
from notices import rendering, texts, vocabulary, wording
from notices.fence import compiled
from notices.rendering import Account, Cause, Facts, Letter, Listed, render

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 3, 23, 1, 30, tzinfo=UTC)
DEADLINE = datetime(2024, 3, 24, 8, 30, tzinfo=UTC)
LINK = "https://ca.example/respond/abc.17.1.signature/"


def listed(count: int) -> list[Listed]:
    return [
        Listed([f"www{number}.bank.example"], f"4a{number:030x}", DEADLINE + timedelta(days=161), DEADLINE)
        for number in range(count)
    ]


def account(**fields: Any) -> Account:
    known = Account(
        subscriber="Example Bank",
        reference="C-1700",
        outstanding=62,
        confirmed=0,
        deadline=DEADLINE,
        listed=listed(20),
    )
    return replace(known, **fields)


def facts(**fields: Any) -> Facts:
    pack = rule_pack("br-2.2.6")
    known = Facts(
        cause=Cause(
            is_drill=False,
            pack=pack,
            rule=pack.rule("12"),
            explanation="They were issued with basicConstraints not critical. The fault is ours, not yours.",
            explanation_url="https://ca.example/incidents/7",
        ),
        language="en",
        time_zone="Asia/Shanghai",
        deadline=DEADLINE,
        now=NOW,
        reminder=0,
        accounts=(account(),),
    )
    of_account = {name: fields.pop(name) for name in list(fields) if name in Account.__slots__ and name != "deadline"}
    return replace(known, **{"accounts": (account(**of_account),), **fields})


@pytest.fixture(autouse=True)
def house(settings: LazySettings) -> None:
    settings.CA_NAME = "Example CA"
    settings.NOTICE_PHONE = "+86 10 5555 0100"
    settings.AGREEMENT_CLAUSE = "clause 7.3 of your Subscriber Agreement"
    settings.SITE_URL = "https://ca.example"


def letter(**fields: Any) -> Letter:
    return render("revocation", facts(**fields)).with_links([LINK])


def readable(html: str) -> str:
    """What a reader of the HTML sees, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_subject_line_says_what_happens_to_whom_and_by_when():
    assert letter().subject == ("[Action by Sun 24 Mar 2024 08:30 UTC] 62 certificates of Example Bank will be revoked")


def test_one_certificate_is_spoken_of_in_the_singular():
    assert "] 1 certificate of Example Bank will be revoked" in letter(outstanding=1, listed=listed(1)).subject


def test_the_first_line_says_what_happens_and_when():
    first = plain("\n".join(letter().text.splitlines()[:2]))
    assert first == (
        "62 certificates of Example Bank (our reference C-1700) will be revoked by "
        "Sun 24 Mar 2024 08:30 UTC, in 31 hours."
    )


@pytest.mark.parametrize(
    "said",
    [
        "Sun 24 Mar 2024 08:30 UTC",
        "Sun 24 Mar 2024 16:30 (Asia/Shanghai, UTC+08:00)",
        "Get new certificates",
        "Install them",
        "Tell us here which ones are replaced",
        LINK,
        f"{LINK}list.csv",
        "item 12",
        "rule pack br-2.2.6",
        "The CA is made aware that the Certificate was not issued in accordance with these Requirements",
        "within 5 days",
        "The fault is ours, not yours.",
        "clause 7.3 of your Subscriber Agreement",
        "without your consent",
        "no exceptions are granted",
        "revoked automatically",
        "https://ca.example/incidents/7",
        "+86 10 5555 0100",
        "at any hour",
        "You need not trust the link",
        "https://ca.example/respond/",
        "www0.bank.example",
        "4a000000000000000000000000000000",
        "2024-09-01",
        "and 42 more",
    ],
)
def test_text_and_html_both_say_everything_that_a_notice_must_say(said: str):
    written = letter()
    assert said in plain(written.text)
    assert said in readable(written.html)


def test_html_loads_nothing_and_has_no_images():
    html = letter().html
    assert not re.search(r"<(img|script|link|iframe|style|object|form)\b|url\(|\bsrc=|@import", html)


def test_a_reminder_says_which_one_it_is_and_how_much_time_is_left():
    written = letter(reminder=3)
    assert written.subject.endswith("will be revoked (reminder 3, 31 hours left)")
    assert "This is reminder 3; 31 hours are left." in plain(written.text)
    assert "This is reminder 3; 31 hours are left." in readable(written.html)
    assert "reminder" not in letter().text


def test_a_drill_says_so_before_anything_else():
    written = letter(cause=replace(facts().cause, is_drill=True))
    assert written.subject.startswith("[EXERCISE] [Action by ")
    assert written.text.startswith("EXERCISE. ")
    assert readable(written.html.partition("<body")[2]).find("EXERCISE") < 250
    assert "EXERCISE" not in letter().text + letter().html + letter().subject


def test_a_notice_of_2000_certificates_lists_twenty_and_points_to_the_rest():
    written = letter(outstanding=2000, listed=listed(20))
    assert "2,000 certificates of Example Bank" in written.subject
    assert written.text.count("serial number 4a") == 20
    assert "and 1980 more" in written.text
    assert len(written.text.encode()) < 8_000


def test_what_was_claimed_to_be_replaced_is_counted_apart():
    assert "3 more that you have told us are replaced are not listed." in letter(confirmed=3).text


def test_a_certificate_with_a_later_deadline_shows_it():
    later = replace(listed(1)[0], publish_by=DEADLINE + timedelta(hours=6))
    assert "revoked by Sun 24 Mar 2024 14:30 UTC" in plain(letter(listed=[*listed(1), later]).text)
    assert "revoked by" not in letter(listed=listed(2)).text.partition("Your certificates")[2].partition("Why")[0]


def test_a_name_with_line_ends_cannot_add_a_header():
    written = letter(subscriber="Evil\r\nBcc: everybody@bank.example\u2028\u202eknaB")
    assert written.subject.isprintable()
    assert "Evil Bcc: everybody@bank.example knaB" in written.subject


def test_a_name_with_markup_is_shown_and_not_obeyed():
    html = letter(
        subscriber="<b>Bank</b> & Sons", listed=[replace(listed(1)[0], names=["<script>alert(1)</script>"])]
    ).html
    assert "&lt;b&gt;Bank&lt;/b&gt; &amp; Sons" in html
    assert "<script" not in html


def test_a_very_long_name_leaves_the_subject_line_within_its_column():
    assert len(letter(subscriber="x" * 5000, reminder=12).subject) <= rendering.LONGEST_SUBJECT


def test_an_unknown_time_zone_leaves_utc_standing_alone():
    written = letter(time_zone="Mars/Olympus_Mons")
    assert "Where you are" not in written.text
    assert "08:30 UTC" in written.text


def test_seconds_are_told_where_there_are_any():
    assert wording.utc(DEADLINE + timedelta(seconds=5)) == "Sun 24 Mar 2024 08:30:05 UTC"


def test_many_names_are_cut_and_counted():
    assert wording.names_in_short(["a.example", "b.example", "c.example", "d.example", "e.example"]) == (
        "a.example, b.example, c.example (+2 more)"
    )
    assert wording.names_in_short([]) == "no names"


def test_without_a_telephone_number_the_notice_asks_for_an_answer(settings: LazySettings):
    settings.NOTICE_PHONE = ""
    assert "Answer this message." in letter().text
    assert "Call" not in letter().text


def test_a_template_that_does_not_exist_still_lets_the_notice_out(caplog: pytest.LogCaptureFixture):
    assert render("no-such-template", facts()).subject == letter().subject
    assert "There is no notice template 'no-such-template'" in caplog.text


def test_a_template_that_asks_for_an_unknown_fact_is_refused():
    with pytest.raises(UndefinedError):
        compiled("{{ favourite_colour }}").render(vocabulary.of_step(facts()))


def test_the_template_version_is_the_digest_of_its_parts():
    assert re.fullmatch("[0-9a-f]{64}", letter().template_version)
    assert letter().template_version == texts.in_force("revocation", "en").version
