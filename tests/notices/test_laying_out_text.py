"""One source, two forms: the text that is sent, and the HTML that repeats it."""

import re
from html import unescape

import pytest

from notices.document import as_text, columns, wrapped
from notices.html import as_html

LINK = "https://ca.example/respond/abc.1.1.x/"
CHINESE = "吊销必须在截止时间之前公布，因此会在此之前开始执行，请勿指望最后几个小时。"


def html(source: str, **known: object) -> str:
    page = as_html(source, title="A title", language="en", **known)  # type: ignore[arg-type]
    return page.partition("<div")[2]


def test_headings_are_underlined_as_wide_as_they_are():
    assert as_text("# Why\nBecause") == "Why\n---\nBecause\n"
    assert as_text("# 如何处理") == "如何处理\n--------\n"


def test_paragraphs_items_and_quotations_are_wrapped_with_their_indent():
    source = f"{'word ' * 30}\n\n- {'item ' * 30}\n  {'below ' * 20}\n\n12. {'step ' * 20}\n\n> {'said ' * 20}"
    text = as_text(source)
    assert max(len(line) for line in text.splitlines()) <= 78
    starts = {line[:4] for line in text.splitlines() if line}
    assert starts == {"word", "- it", "  it", "  be", "12. ", "    ", "  sa"}


def test_many_empty_lines_become_one():
    assert as_text("\n\na\n\n\n\nb\n\n") == "a\n\nb\n"


def test_chinese_is_parted_between_characters_and_no_line_begins_with_a_closing_mark():
    lines = wrapped(CHINESE * 4, width=30)
    assert "".join(lines) == CHINESE * 4
    assert all(columns(line) <= 30 for line in lines)
    assert not [line for line in lines if line[0] in "，。）”"]


def test_an_opening_mark_goes_to_the_next_line_with_what_it_opens():
    assert wrapped("证书（序列号）", width=6) == ("证书", "（序列", "号）")


def test_a_word_that_is_longer_than_a_line_stays_whole():
    assert wrapped(f"See {LINK}{'x' * 100} now") == ("See", f"{LINK}{'x' * 100}", "now")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Why", "<h2"),
        ("- a\n- b", "<ul"),
        ("1. a\n2. b", "<ol"),
        ("> said", "<blockquote"),
        ("a\nb", "a<br>\nb"),
        ("- a\n  below", "a<br><span"),
    ],
)
def test_each_mark_has_its_element(source: str, expected: str):
    assert expected in html(source)


def test_html_has_the_words_of_the_text_in_their_order():
    source = f"First line\nsecond\n\n# Why\n\n- one\n  below\n- two\n\n1. do\n2. that\n\n> said\n\n{LINK}\n\nEnd"
    seen = unescape(re.sub(r"<[^>]+>", " ", html(source, links=[LINK]).partition(">")[2])).split()
    marks = {"-", "---", "1.", "2."}
    assert seen == [word for word in as_text(source).split() if word not in marks]


def test_only_our_links_become_links():
    page = html(f"http://evil.example/\n{LINK}\n{LINK}list.csv", links=[LINK, f"{LINK}list.csv"])
    assert re.findall('href="([^"]+)"', page) == [LINK, f"{LINK}list.csv"]


@pytest.mark.parametrize("attack", ["<script>x</script>", '"><img src=x>', "&lt;b&gt;", "<a href='x'>", "# <b>"])
def test_markup_in_a_text_is_shown_and_not_obeyed(attack: str):
    page = html(f"{attack}\n- {attack}\n# {attack}")
    assert set(re.findall(r"<(\w+)", page)) <= {"p", "ul", "li", "h2", "div", "br", "span"}
    assert not re.search(r"<(script|img|a|b)\b", page)


def test_the_first_paragraph_stands_out_after_the_note_of_a_drill():
    page = html("EXERCISE.\n\nWhat happens\n\nRest", is_noted=True)
    styles = re.findall('<p style="([^"]+)"', page)
    assert "border:2px" in styles[0]
    assert "font-size:19px" in styles[1]
    assert "font-size:19px" in html("What happens\n\nRest").partition("Rest")[0]


def test_long_numbers_are_set_so_that_they_can_be_compared():
    assert "monospace" in html("serial number 4a0000000000000000")
    assert "monospace" not in html("reference C-1700")
