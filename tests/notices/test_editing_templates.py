"""Words of messages that operators change: refused, tried, saved, taken back; and what messages then say."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings

from core.errors import Refused
from notices import placeholders, samples, texts
from notices.models import Letter, NoticeTemplate
from notices.rendering import Letter as Words
from notices.rendering import render
from notices.services import restore_template, save_template, send_test
from notices.services.templates import Saved, TextRefused, find_example, preview, text_of
from notices.texts import Text
from tests import make
from tests.asserts import assert_event, events
from tests.conftest import NOW
from tests.notices.flow import escalate, send
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
EVERY_TEXT = [(name, language) for name in texts.EVERYTHING for language in ("en", "zh-hans")]


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """No test sees what another has saved."""
    texts.forget()
    yield
    texts.forget()


def shipped(name: str = "revocation", language: str = "en") -> Text:
    found = texts.shipped(name, language)
    assert found
    return found


def saved(text: Text, *, based_on: int = 0, comment: str = "clearer") -> NoticeTemplate:
    return save_template(Saved(text, based_on, comment), actor="staff:olga", now=NOW)


def greeted(text: Text, greeting: str = "Dear colleagues,") -> Text:
    return replace(text, body=text.body.replace("{% if several %}", f"{greeting}\n\n{{% if several %}}", 1))


def problems(**parts: str) -> dict[str, list[str]]:
    return placeholders.problems(replace(shipped(), **parts))


@pytest.mark.parametrize(("name", "language"), EVERY_TEXT)
def test_all_shipped_words_could_be_saved_as_they_are(name: str, language: str):
    assert placeholders.problems(shipped(name, language)) == {}


@pytest.mark.parametrize("name", texts.EVERYTHING)
def test_both_languages_have_the_same_placeholders(name: str):
    example = next(samples.words(name))
    translated = {"rule_translated", "outstanding", "accounts.outstanding"}

    def used(language: str, part: str) -> set[str]:
        return placeholders.look(getattr(shipped(name, language), part), example)[0] - translated

    assert {part: used("en", part) for part in texts.PARTS} == {part: used("zh-hans", part) for part in texts.PARTS}


def test_a_saved_version_is_what_the_next_notice_says_and_an_earlier_one_stays_as_it_is(sink: Sink):
    make.affected()
    [before] = escalate(NOW)
    row = saved(greeted(shipped()))
    make.affected()
    [after] = escalate(NOW)
    assert (row.version, row.saved_by, row.comment) == (1, "staff:olga", "clearer")
    assert not before.body_text.startswith("Dear")
    assert before.template_version == shipped().version
    assert after.body_text.startswith("Dear colleagues,")
    assert after.template_version == texts.as_saved(row).version
    assert "Dear colleagues," in after.body_html
    send(NOW)
    before.refresh_from_db()
    assert not before.body_text.startswith("Dear")


def test_a_version_of_one_language_leaves_the_other_alone():
    saved(greeted(shipped(language="zh-hans"), "您好："))
    assert render("revocation", replace(samples.facts(), language="zh-hans")).text.startswith("您好：")
    assert not render("revocation", samples.facts()).text.startswith("您好：")


def test_another_process_has_the_new_words_within_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(texts, "REMEMBERED", 0.2)
    assert render("revocation", samples.facts()).template_version == shipped().version
    NoticeTemplate.objects.create(
        name="revocation", language="en", version=1, saved_at=NOW, saved_by="staff:olga",
        **{part: getattr(greeted(shipped()), part) for part in texts.PARTS},
    )  # fmt: skip
    until = time.monotonic() + 5
    while render("revocation", samples.facts()).template_version == shipped().version:
        assert time.monotonic() < until
    assert render("revocation", samples.facts()).text.startswith("Dear colleagues,")


def test_every_save_is_in_the_journal_with_both_sides():
    first = saved(greeted(shipped()))
    saved(greeted(shipped(), "Hello,"), based_on=1)
    told = [event.facts for event in events("noticetemplate.saved")]
    assert [(each["version"], each["before"]) for each in told] == [(1, 0), (2, 1)]
    assert told[0]["before_sha256"] == shipped().version
    assert told[1]["before_sha256"] == told[0]["words_sha256"] == texts.as_saved(first).version


@pytest.mark.parametrize(
    ("part", "old", "new", "told"),
    [
        ("body", "{{ account.csv }}", "", "Missing: accounts.csv."),
        ("body", "{{ local }}", "{{ lokal }}", "Line 11: there is no placeholder lokal. Do you mean local?"),
        ("body", "{{ each.names }}", "{{ each.nams }}", "Do you mean accounts.listed.names?"),
        ("body", "{{ ca }}", "{{ ca }}{% set ca = 1 %}", "“set” cannot be used"),
        ("body", "{{ ca }}", "{{ ca }}{% include '/etc/passwd' %}", "“include” cannot be used"),
        ("body", "{{ ca }}", "{{ ca.__class__.__mro__ }}", "there is no placeholder ca.__class__"),
        ("body", "{{ ca }}", "{{ ca }}{{ cycler }}", "there is no placeholder cycler"),
        ("body", "{{ ca }}", "{{ ca }}{{ ca.upper() }}", "“…(…)” cannot be used"),
        ("body", "{{ ca }}", "{{ ca }}{{ 'x' * 999999999 }}", "“mul” cannot be used"),
        ("body", "{{ ca }}", "{{ ca }}{{ 9 ** 9 ** 9 }}", "“pow” cannot be used"),
        ("body", "{{ ca }}", "{{ ca }}{% for x in site %}{% endfor %}", "site cannot be repeated"),
        ("body", "{{ ca }}", "{{ ca }}{% for x in accounts recursive %}{% endfor %}", "accounts cannot be repeated"),
        ("body", "{{ ca }}", "{{ ca }}{{ ca | upper }}", "“| upper” cannot be used"),
        ("body", "{{ ca }}", "{{ ca", "Line 1"),
        ("body", "{{ ca }}", "{{ ca }}{{ " + "(" * 4000 + "1" + ")" * 4000 + " }}", "nested too deeply"),
        ("body", "{{ ca }}", "{{ ca }}" + "x" * 20_000, "20,000 fit"),
        ("body", "{% for each in account.listed %}", "{% for each in account.listed %}{% if loop.first %}", "Line "),
        ("subject", "{{ deadline }}", "", "Missing: deadline."),
        ("subject", "[Action", "a\nb", "This has to be one line."),
        ("short", "{{ link }}", "", "Missing: link."),
        ("short", "{{ link }}", "x" * 150 + "{{ link }}", "longer than 300 characters"),
    ],
)  # fmt: skip
def test_a_text_with_something_missing_or_unknown_is_refused_and_says_which(part: str, old: str, new: str, told: str):
    source = getattr(shipped(), part)
    assert old in source
    found = problems(**{part: source.replace(old, new)})
    assert told in " ".join(found[part])
    with pytest.raises(TextRefused, match="(?s)" + part):
        saved(replace(shipped(), **{part: source.replace(old, new)}))
    assert not NoticeTemplate.objects.exists()


def test_placeholders_that_are_there_and_never_shown_do_not_pass():
    hidden = shipped().body.replace("{{ account.link }}", "{% if is_drill %}{{ account.link }}{% endif %}")
    assert "In some situations it is without https" in " ".join(problems(body=hidden)["body"])
    silent = shipped().subject.replace("{% if is_drill %}[EXERCISE] {% endif %}", "{% if is_drill %}{% endif %}")
    assert problems(subject=silent) == {"subject": ["In a drill its first line does not say so."]}
    late = f"Dear colleagues,\n\n{shipped().body}"
    assert problems(body=late) == {"body": ["In a drill its first line does not say so."]}


def test_a_saved_text_that_cannot_be_filled_in_gives_way_to_the_shipped_one(caplog: pytest.LogCaptureFixture):
    NoticeTemplate.objects.create(
        name="revocation", language="en", version=1, saved_at=NOW, saved_by="staff:olga",
        subject="{{ a_fact_of_an_older_release }}", body="x", short="x",
    )  # fmt: skip
    assert render("revocation", samples.facts()).template_version == shipped().version
    assert "Version 1 of revocation (en) cannot be used" in caplog.text


def test_of_two_who_edit_the_same_version_the_second_is_told():
    saved(greeted(shipped()))
    with pytest.raises(Refused, match="Version 1 was saved meanwhile"):
        saved(greeted(shipped(), "Hello,"))
    assert NoticeTemplate.objects.count() == 1


def test_saving_what_is_in_force_is_refused():
    with pytest.raises(Refused, match="Nothing in it is different"):
        saved(shipped())


def test_an_older_version_is_taken_back_as_a_new_one():
    saved(greeted(shipped()))
    saved(greeted(shipped(), "Hello,"), based_on=1)
    row = restore_template("revocation", "en", 1, actor="staff:anna", now=NOW + timedelta(hours=1))
    assert (row.version, row.comment) == (3, "version 1 again")
    assert "Dear colleagues," in text_of("revocation", "en").body
    assert restore_template("revocation", "en", 0, actor="staff:anna", now=NOW).comment == "the shipped words again"
    assert text_of("revocation", "en").version == shipped().version


@pytest.mark.parametrize("key", [("revocation", "en", 7), ("nothing", "en", 0), ("revocation", "xx", 0)])
def test_what_was_never_saved_cannot_be_taken_back(key: tuple[str, str, int]):
    with pytest.raises(Refused, match="There is no"):
        restore_template(*key, actor="staff:anna", now=NOW)


@pytest.mark.parametrize(("name", "language"), EVERY_TEXT)
def test_a_preview_has_the_facts_of_a_real_subscriber_and_no_link_that_works(name: str, language: str):
    affected, rows = make.affected(3)
    letter = preview(shipped(name, language), find_example(affected.subscriber.reference, now=NOW), now=NOW)
    assert affected.subscriber.name in letter.subject + letter.text
    assert affected.public_id.hex not in letter.text + letter.html
    if name in texts.NEWS:
        assert rows[0].certificate.serial_number in letter.text
    assert "link.invalid" not in letter.text + letter.html + letter.short


@pytest.mark.parametrize(("name", "language"), EVERY_TEXT)
def test_a_preview_works_before_the_launch_with_the_campaigns_deadline(name: str, language: str):
    campaign = make.campaign(state="approved")
    letter = preview(shipped(name, language), find_example("", now=NOW), now=NOW)
    assert campaign.affected_subscribers.get().subscriber.name in letter.subject + letter.text
    if name == "revocation":
        assert ("24 Mar 2024" if language == "en" else "2024年3月24日") in letter.subject


def test_nobody_affected_leaves_invented_facts():
    assert find_example("", now=NOW) is None
    assert isinstance(preview(shipped(), None, now=NOW), Words)
    assert "Example Bank" in preview(shipped(), None, now=NOW).text


def test_a_test_goes_to_the_given_address_and_to_nobody_else(sink: Sink, settings: LazySettings):
    affected, _ = make.affected()
    letter = send_test(greeted(shipped()), affected, address="olga@ca.example", actor="staff:olga", now=NOW)
    assert (letter.kind, letter.state, letter.address) == (Letter.Kind.TEST, "queued", "olga@ca.example")
    assert letter.subject.startswith("[TEST] [Action by ")
    assert "Dear colleagues," in letter.body_text
    assert affected.subscriber.name in letter.body_text
    assert_event("noticetemplate.tested", actor="staff:olga", address="olga@ca.example")


@pytest.mark.parametrize("address", ["", "olga", "olga@ca.example\nBcc: all@bank.example"])
def test_a_test_without_an_address_is_refused(address: str):
    with pytest.raises(Refused, match="no e-mail address"):
        send_test(shipped(), None, address=address, actor="staff:olga", now=NOW)
    assert not Letter.objects.exists()
