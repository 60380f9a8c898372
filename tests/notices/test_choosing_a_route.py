"""Several providers: the next one takes over, and none gets more than its ceiling."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, connections

from core.due import claim
from notices import routes
from notices.models import Letter, Notice, Route
from notices.returns import read_return_path
from notices.services import free_for_letters, free_for_notices, send_letters, send_notices
from tests import make
from tests.asserts import assert_event
from tests.conftest import NOW, FrozenClock, SignIn
from tests.notices.flow import escalate, send
from tests.notices.providers import Provider, postmark, provider_server, smtp
from tests.notices.sink import Sink

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_server(Provider()) as served:
        yield served


def queued(number: int = 1, **draft: Any) -> list[Notice]:
    make.running_campaign([make.certificate(make.subscriber()) for _ in range(number)], **draft)
    return sorted(escalate(NOW), key=lambda notice: notice.pk)


def taken_by() -> list[str]:
    return list(Notice.objects.filter(state=Notice.State.SENT).order_by("pk").values_list("route", flat=True))


def letter(now: datetime = NOW, **fields: Any) -> Letter:
    contact = fields.pop("contact", None) or make.subscriber().contacts.get(rank=0)
    number = Letter.objects.count()
    return Letter.objects.create(
        kind=fields.pop("kind", Letter.Kind.CHECK), contact=contact, address=contact.email, written_at=now, due_at=now,
        template_version="1", subject="Are you still the one?", body_text="Please say so.",
        message_id=f"<{number}@ca.example>", **fields,
    )  # fmt: skip


def send_letter(now: datetime = NOW) -> int:
    rows = claim(Letter.objects.sendable(), now=now, limit=100)
    return send_letters(rows, now=now) if rows else 0


def test_a_provider_takes_a_notice_under_its_own_identifier(provider: Provider, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider)]
    settings.NOTICE_REPLY_TO = "answers@ca.example"
    settings.RETURN_PATH = "bounces@ca.example"
    [notice] = queued()
    assert send(NOW) == 1
    notice.refresh_from_db()
    [mail] = provider.taken
    assert notice.route == "postmark"
    assert len(notice.provider_id) == 36
    assert (mail.json["To"], mail.json["ReplyTo"]) == (notice.address, "answers@ca.example")
    assert mail.json["From"] == settings.NOTICE_FROM
    assert mail.json["Metadata"] == {"notice": str(notice.public_id)}
    assert_event("notice.sent", notice, route="postmark", message_id=notice.message_id)


def test_a_mail_server_is_told_where_to_return_a_notice(sink: Sink, settings: LazySettings):
    settings.RETURN_PATH = "bounces@ca.example"
    [notice] = queued()
    send(NOW)
    assert read_return_path(sink.senders[0]) == notice.public_id
    assert parseaddr(sink.received[0]["From"]) == parseaddr(settings.NOTICE_FROM)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_when_a_provider_has_no_use_for_us_the_next_one_takes_everything(
    provider: Provider, sink: Sink, settings: LazySettings, status: int
):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    provider.status = status
    queued(6)
    assert send(NOW) == 6
    assert len(provider.asked) == 2
    assert taken_by() == ["relay"] * 6
    resting = Route.objects.get(name="postmark")
    assert resting.resting_until is not None
    assert NOW + routes.REST <= resting.resting_until < NOW + 2 * routes.REST
    assert str(status) in resting.trouble


def test_a_provider_that_rested_is_tried_again_and_comes_back(provider: Provider, sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    provider.status = 500
    queued(4)
    assert send(NOW) == 4
    provider.status = 200
    make.running_campaign([make.certificate() for _ in range(4)], now=NOW + MINUTE)
    escalate(NOW + MINUTE)
    assert send(NOW + MINUTE) == 4
    assert provider.taken == []
    make.running_campaign([make.certificate() for _ in range(3)], now=NOW + 3 * MINUTE)
    escalate(NOW + 3 * MINUTE)
    assert send(NOW + 3 * MINUTE) == 3
    assert taken_by() == ["relay"] * 8 + ["postmark"] * 3
    assert Route.objects.get(name="postmark").resting_until is None


def test_a_provider_that_is_away_is_not_waited_for(provider: Provider, sink: Sink, settings: LazySettings):
    away = postmark(provider)
    away["options"]["api_url"] = "http://127.0.0.1:1/"
    settings.MAIL_ROUTES = [away, smtp(sink.url)]
    queued(3)
    assert send(NOW) == 3
    assert taken_by() == ["relay"] * 3


def test_a_slow_provider_rests_when_there_is_another(provider: Provider, sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    settings.MAIL_SLOW_SECONDS = 0.01
    provider.takes = 0.05
    queued(9)
    assert send(NOW) == 9
    assert taken_by() == ["postmark"] * 5 + ["relay"] * 4
    assert "slow" in Route.objects.get(name="postmark").trouble


def test_a_slow_provider_without_another_goes_on(provider: Provider, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider)]
    settings.MAIL_SLOW_SECONDS = 0.01
    provider.takes = 0.02
    queued(7)
    assert send(NOW) == 7


def test_a_message_whose_answer_was_lost_is_not_given_to_another_provider_at_once(
    provider: Provider, sink: Sink, settings: LazySettings
):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    provider.hangs_up = True
    [notice] = queued()
    assert send(NOW) == 0
    assert sink.received == []
    notice.refresh_from_db()
    assert (notice.state, notice.due_at) == (Notice.State.QUEUED, NOW + MINUTE)


def test_what_one_provider_does_not_like_of_a_message_another_may_take(
    provider: Provider, sink: Sink, settings: LazySettings
):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    odd, *_ = queued(4)
    provider.answers = lambda asked: 413 if asked.json["To"] == odd.address else 200
    assert send(NOW) == 4
    assert taken_by() == ["relay", "postmark", "postmark", "postmark"]
    assert Route.objects.get(name="postmark").resting_until is None


INACTIVE = "Found inactive addresses: {}.\n Inactive recipients are ones that have generated a hard bounce."


def test_whom_a_provider_has_struck_off_its_list_another_one_still_writes_to(
    provider: Provider, sink: Sink, settings: LazySettings
):
    settings.MAIL_ROUTES = [postmark(provider), smtp(sink.url)]
    [notice] = queued()
    provider.status, provider.reply = 422, {"ErrorCode": 406, "Message": INACTIVE.format(notice.address)}
    assert send(NOW) == 1
    assert sink.recipients == [notice.address]


def test_an_address_that_every_provider_refuses_brings_the_next_contact_in(provider: Provider, settings: LazySettings):
    settings.MAIL_ROUTES = [postmark(provider)]
    [notice] = queued()
    provider.status, provider.reply = 422, {"ErrorCode": 406, "Message": INACTIVE.format(notice.address)}
    assert send(NOW) == 0
    notice.refresh_from_db()
    assert notice.state == Notice.State.REFUSED
    assert notice.contact.bounced_at == NOW
    assert Notice.objects.latest("pk").contact.rank == 1


def test_a_ceiling_is_kept_and_the_next_provider_takes_what_is_above_it(
    provider: Provider, sink: Sink, settings: LazySettings
):
    settings.MAIL_ROUTES = [postmark(provider, per_minute=4), smtp(sink.url, per_minute=3)]
    queued(12)
    assert free_for_notices(now=NOW) == 7
    assert send(NOW) == 7
    assert taken_by() == ["postmark"] * 4 + ["relay"] * 3
    assert free_for_notices(now=NOW + MINUTE) == 0
    waiting = Notice.objects.filter(state=Notice.State.QUEUED)
    assert {each.due_at for each in waiting} == {NOW + routes.PERIOD}
    assert {each.last_error for each in waiting} == {""}
    assert send(NOW + MINUTE) == 0
    assert send(NOW + routes.PERIOD) == 5
    assert len(provider.taken) == 8


def test_permits_that_were_not_used_are_given_back(sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [smtp(sink.url, per_minute=600)]
    notices = queued(5)
    sink.drops_at = set(range(1, 40))
    send(NOW)
    assert free_for_notices(now=NOW) == 600 - 2
    assert Notice.objects.filter(state=Notice.State.QUEUED).count() == len(notices)


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_keep_one_ceiling_together():
    way = routes.Way("relay", "mail", per_minute=40)
    routes.rows(["relay"])
    start, got, threads = Barrier(4), list[int](), list[Thread]()

    def worker() -> None:
        try:
            start.wait()
            for _ in range(10):
                got.append(routes.take(way, 3, at=NOW))
        finally:
            connections.close_all()

    if connection.vendor == "sqlite":  # in memory it has one connection for all: there they work one after the other
        start = Barrier(1)
    for _ in range(4):
        threads.append(Thread(target=worker))
        threads[-1].start()
        if connection.vendor == "sqlite":
            threads[-1].join()
    for thread in threads:
        thread.join()
    assert sum(got) == 40
    assert routes.take(way, 3, at=NOW + MINUTE) == 0
    assert routes.take(way, 99, at=NOW + routes.PERIOD) == 40


def test_letters_leave_half_of_a_ceiling_to_notices(sink: Sink, settings: LazySettings):
    settings.MAIL_ROUTES = [smtp(sink.url, per_minute=6)]
    for _ in range(5):
        letter()
    assert free_for_letters(now=NOW) == 3
    assert send_letter() == 3
    assert (free_for_letters(now=NOW), free_for_notices(now=NOW)) == (0, 3)


def test_letters_wait_while_a_notice_is_due(sink: Sink):
    rows = [letter() for _ in range(15)]
    queued()
    assert send_letters(claim(Letter.objects.sendable(), now=NOW, limit=100), now=NOW) == 10
    assert Letter.objects.filter(state=Letter.State.QUEUED, due_at=NOW).count() == len(rows) - 10
    assert send(NOW) == 1
    assert send_letter() == 5


def test_a_letter_that_is_refused_marks_the_contact(sink: Sink):
    sent, refused = letter(), letter()
    sink.replies[refused.address] = "550 5.1.1 Unknown"
    assert send_letter() == 1
    sent.refresh_from_db()
    refused.refresh_from_db()
    assert (sent.state, sent.route, refused.state) == ("sent", "default", "refused")
    assert refused.contact is not None
    assert refused.contact.bounced_at == NOW
    assert assert_event("letter.sent", sent, kind="contact_check").stream == "register"


def test_only_the_answer_to_an_answer_says_that_it_is_automatic(sink: Sink):
    letter()
    letter(kind=Letter.Kind.RECEIVED, in_reply_to="<their-own@bank.example>")
    assert send_letter() == 2
    plain, answer = sink.received
    assert {"auto-submitted", "in-reply-to", "precedence", "list-unsubscribe"} & {
        each.lower() for each in plain
    } == set()
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["In-Reply-To"] == "<their-own@bank.example>"


def test_a_letter_to_somebody_who_left_is_withdrawn(sink: Sink):
    row = letter()
    assert row.contact is not None
    type(row.contact).objects.filter(pk=row.contact.pk).update(left_at=NOW)
    assert send_letter() == 0
    row.refresh_from_db()
    assert row.state == Letter.State.WITHDRAWN


def test_under_a_rehearsals_clock_letters_go_to_the_sink_of_drills(sink: Sink, settings: LazySettings, tmp_path: Any):
    settings.CLOCK_FILE = str(tmp_path / "clock.json")
    routes_before = settings.MAIL_ROUTES
    settings.MAIL_ROUTES = [{**routes_before[0], "options": {"port": 1}}]
    (tmp_path / "clock.json").write_text(f'{{"real": "{NOW.isoformat()}", "shown": "{NOW.isoformat()}", "speed": 1}}')
    letter()
    assert send_letter() == 1
    assert len(sink.received) == 1


def test_the_speed_of_a_provider_is_measured(sink: Sink):
    queued(6)
    send(NOW)
    measured = Route.objects.get(name="default")
    assert measured.messages_per_minute is not None
    assert measured.messages_per_minute > 60
    assert measured.measured_at is not None


def test_what_is_carried_shares_the_fate_of_its_carrier(sink: Sink):
    lead, other = queued(2)
    Notice.objects.filter(pk=other.pk).update(carried_by=lead, due_at=None, address=lead.address)
    assert send(NOW) == 1
    assert sink.recipients == [lead.address]
    states = Notice.objects.values_list("state", "sent_at", "route", "due_at")
    assert list(states) == [("sent", NOW, "default", None)] * 2
    assert_event("notice.sent", other, route="default")


def test_a_refused_carrier_brings_in_the_next_contacts_of_all(sink: Sink):
    lead, other = queued(2)
    Notice.objects.filter(pk=other.pk).update(carried_by=lead, due_at=None, address=lead.address)
    sink.replies[lead.address] = "550 5.1.1 Unknown"
    assert send(NOW) == 0
    assert Notice.objects.filter(state=Notice.State.REFUSED).count() == 2
    followers = Notice.objects.filter(state=Notice.State.QUEUED)
    assert sorted(followers.values_list("affected_subscriber", flat=True)) == sorted(
        [lead.affected_subscriber_id, other.affected_subscriber_id]
    )


def test_a_carrier_whose_own_matter_is_settled_still_goes_out_for_the_others(sink: Sink):
    lead, other = queued(2)
    Notice.objects.filter(pk=other.pk).update(carried_by=lead, due_at=None)
    lead.affected_subscriber.certificates.update(confirmed_at=NOW)
    rows = claim(Notice.objects.sendable(), now=NOW, limit=10)
    assert send_notices(rows, now=NOW) == 1
    other.refresh_from_db()
    assert other.state == Notice.State.SENT


def test_operators_see_how_the_ways_out_do(sign_in: SignIn, sink: Sink, frozen_clock: FrozenClock):
    Route.objects.create(name="postmark", resting_until=NOW + MINUTE, trouble="401 Unauthorized")
    Route.objects.create(name="relay", messages_per_minute=1234.5, measured_at=NOW)
    page = sign_in("olga", role="operator").get("/notices/route/").content.decode()
    assert "rests until 2024-03-19 08:31" in page
    assert "401 Unauthorized" in page
    assert "1,234" in page
