"""The words of messages as operators change them: checked, tried, saved as versions, taken back as versions."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.services import record
from campaigns.models import AffectedSubscriber, Audience, EscalationStep
from core.errors import Refused
from notices import placeholders, rendering, samples, texts, vocabulary
from notices.facts import Account, Facts, NewsFacts, NewsItem
from notices.models import Letter, NoticeTemplate
from notices.services import situation
from notices.texts import Text

STREAM = "templates"
WHAT = {"addition": "added", "correction": "moved", "revoked": "revoked"}


class TextRefused(Refused):
    """A text that cannot be used; `problems` says what is wrong with each part."""

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        self.problems = problems
        super().__init__(" ".join(f"{part}: {told}" for part, all_told in problems.items() for told in all_told))


@dataclass(frozen=True, slots=True)
class Saved:
    """What a person has written, the version that they began with, and why they changed it."""

    text: Text
    based_on: int
    comment: str


def check_text(text: Text) -> None:
    """Raise `TextRefused` unless every placeholder is known, none is missing, and it can be filled in."""
    if found := placeholders.problems(text):
        raise TextRefused(found)


def save_template(saved: Saved, *, actor: str, now: datetime) -> NoticeTemplate:
    """Keep a text as the next version: messages that are written from now on have it; those written stay as they are.

    Raises `TextRefused`, and `Refused` if nothing is different or somebody else has saved meanwhile.
    """
    text = saved.text
    check_text(text)
    try:
        with transaction.atomic():
            before = _current(text.name, text.language)
            if before.number != saved.based_on:
                raise Refused(
                    f"Version {before.number} was saved meanwhile, and yours is not. Look at it, then save again."
                )
            if before.version == text.version:
                raise Refused("Nothing in it is different from the version in force.")
            row = NoticeTemplate.objects.create(
                name=text.name,
                language=text.language,
                version=before.number + 1,
                subject=text.subject,
                body=text.body,
                short=text.short,
                saved_by=actor,
                saved_at=now,
                comment=saved.comment,
            )
            record("noticetemplate.saved", stream=STREAM, about=row, actor=actor, now=now, facts=_facts_of(row, before))
    except IntegrityError:
        raise Refused(
            "Somebody else has saved this at the same moment, and yours is not. Look, then save again."
        ) from None
    texts.forget()
    return row


def restore_template(name: str, language: str, version: int, *, actor: str, now: datetime) -> NoticeTemplate:
    """Put an older version in force again, as a new one; 0 is what was shipped. Raises `Refused` for none such."""
    text = text_of(name, language, version)
    comment = f"version {version} again" if version else "the shipped words again"
    return save_template(Saved(text, _current(name, language).number, comment), actor=actor, now=now)


def text_of(name: str, language: str, version: int | None = None) -> Text:
    """The words of a version, or of the one in force. Raises `Refused` where there is none."""
    if name not in texts.EVERYTHING or language not in dict(settings.LANGUAGES):
        raise Refused(f"There is no template {name} in {language}.")
    if version is None:
        return _current(name, language)
    if version == 0:
        return texts.as_shipped(name, language)
    row = NoticeTemplate.objects.filter(name=name, language=language, version=version).first()
    if row is None:
        raise Refused(f"There is no version {version} of {name} in {language}.")
    return texts.as_saved(row)


def find_example(query: str, *, now: datetime) -> AffectedSubscriber | None:
    """An affected subscriber to try a text on: by reference or part of the name, else the latest with work to do."""
    rows = AffectedSubscriber.objects.select_related("campaign", "subscriber").order_by("-pk")
    if query:
        return rows.filter(Q(subscriber__reference=query) | Q(subscriber__name__icontains=query)).first()
    return rows.filter(pk__in=AffectedSubscriber.objects.outstanding(now)).first() or rows.first()


def preview(text: Text, affected: AffectedSubscriber | None, *, now: datetime) -> rendering.Letter:
    """A text filled in with the facts of a real affected subscriber, or with invented ones; no link in it works."""
    check_text(text)
    if affected is None:
        return rendering.filled(text, lambda: next(samples.words(text.name))).with_links([_no_link()])
    return rendering.filled(text, lambda: _words(text, affected, now=now)).with_links([_no_link()])


def send_test(text: Text, affected: AffectedSubscriber | None, *, address: str, actor: str, now: datetime) -> Letter:
    """Send a preview to a member of staff's own address. Raises `Refused` where the account has none."""
    try:
        validate_email(address)
    except ValidationError:
        raise Refused("Your account has no e-mail address to which a test could go.") from None
    words = preview(text, affected, now=now)
    public_id = uuid.uuid4()
    domain = parseaddr(settings.NOTICE_FROM)[1].rpartition("@")[2] or "localhost"
    with transaction.atomic():
        letter = Letter.objects.create(
            public_id=public_id,
            kind=Letter.Kind.TEST,
            address=address,
            language=words.language,
            written_at=now,
            due_at=now,
            template_version=words.template_version,
            subject=f"[TEST] {words.subject}"[: rendering.LONGEST_SUBJECT],
            body_text=f"{words.text}\n-- \n{words.short}\n",
            body_html=words.html,
            message_id=f"<{public_id}@{domain}>",
        )
        facts = {"name": text.name, "language": text.language, "address": address, "words_sha256": text.version}
        record("noticetemplate.tested", stream=STREAM, about=letter, actor=actor, now=now, facts=facts)
    return letter


def _no_link() -> str:
    """What a preview and a test show instead of a link: nobody shall answer for a subscriber by trying a text."""
    return f"{settings.SITE_URL}/respond/(personal link)/"


def _current(name: str, language: str) -> Text:
    row = NoticeTemplate.objects.filter(name=name, language=language).order_by("-version").first()
    return texts.as_saved(row) if row else texts.as_shipped(name, language)


def _facts_of(row: NoticeTemplate, before: Text) -> dict[str, Any]:
    return {
        "name": row.name,
        "language": row.language,
        "version": row.version,
        "words_sha256": texts.as_saved(row).version,
        "before": before.number,
        "before_sha256": before.version,
        "comment": row.comment,
    }


def _words(text: Text, affected: AffectedSubscriber, *, now: datetime) -> vocabulary.Words:
    where = _with_deadlines(situation.load([affected], now=now)[0])
    if text.name in texts.STEPS:
        return vocabulary.of_step(_facts(where, text, now=now))
    if text.name in texts.NEWS:
        return vocabulary.of_news(_news(where, text, now=now))
    subscriber = affected.subscriber
    own = {"subscriber": subscriber.name, "reference": subscriber.reference, "time_zone": subscriber.time_zone}
    invented = next(samples.words(text.name))
    return {**invented, **{name: value for name, value in vocabulary.of_letter(own).items() if name in own}}


def _with_deadlines(where: situation.Situation) -> situation.Situation:
    """Before the launch no certificate has a deadline of its own yet: the campaign's stands for it."""
    if where.affected.campaign.launched_at is not None:
        return where
    by = where.affected.campaign.deadline
    return replace(where, deadline=by, listed=[replace(each, publish_by=by) for each in where.listed])


def _facts(where: situation.Situation, text: Text, *, now: datetime) -> Facts:
    audience = Audience.ACCOUNT_MANAGER if text.name == Audience.ACCOUNT_MANAGER else Audience.PRIMARY
    account: Account = where.account(EscalationStep(order=0, audience=audience, template=text.name), now=now)
    return Facts(
        cause=situation.cause_of(where.affected.campaign),
        language=text.language,
        time_zone=where.affected.subscriber.time_zone,
        deadline=account.deadline,
        now=now,
        reminder=0,
        accounts=(account,),
    )


def _news(where: situation.Situation, text: Text, *, now: datetime) -> NewsFacts:
    """News about the certificates that are outstanding, as if it had come for them."""
    kind = text.name.removeprefix("news_")
    items = [NewsItem(each.names, each.serial_number, each.publish_by, WHAT[kind]) for each in where.listed]
    subscriber = where.affected.subscriber
    return NewsFacts(
        cause=situation.cause_of(where.affected.campaign),
        language=text.language,
        time_zone=subscriber.time_zone,
        now=now,
        kind=kind,
        subscriber=subscriber.name,
        reference=subscriber.reference,
        items=items,
        count=where.outstanding,
        outstanding=where.outstanding,
        deadline=where.deadline,
    )
