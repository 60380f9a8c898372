"""The numbers of a campaign: the same on the page, in the JSON and by the command, and adding up everywhere."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import AffectedCertificate, Campaign
from campaigns.services import (
    acknowledge,
    approve_exclusion,
    confirm_replacement,
    counts,
    mark_published,
    mark_unreachable,
    request_exclusion,
    take_snapshot,
)
from notices.services import record_call, write_notices
from reports.parts import DoesNotAddUp, Part, check_sum
from reports.progress import as_json, fingerprint, progress
from revocation.services import schedule_revocations
from subscribers.models import SubscriberClass
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _forget() -> None:
    """What one test counted is nothing to the next."""
    cache.clear()


def mixed() -> Campaign:
    """A running campaign of two classes: 2 revoked, 1 expired (in three hours), 1 excluded, 4 remaining."""
    bank = make.subscriber("Example Bank", subscriber_class=SubscriberClass.FINANCE)
    town = make.subscriber("City of Example", subscriber_class=SubscriberClass.GOVERNMENT)
    soon = make.certificate(bank, not_after=NOW + 2 * HOUR)
    campaign = make.running_campaign([*make.certificates(4, bank), soon, *make.certificates(3, town)])
    rows = list(campaign.affected_certificates.select_related("certificate", "campaign").order_by("pk"))
    mark_published(rows[:2], at=NOW + HOUR, now=NOW + HOUR)
    exclusion = request_exclusion(
        rows[2], ground="not_affected", until=None, justification="It has the extension.", by=make.user("olga"), now=NOW
    )
    approve_exclusion(exclusion, by=make.user("anton"), now=NOW)
    return campaign


def test_the_parts_add_up_in_every_row_and_column(frozen_clock: FrozenClock) -> None:
    campaign = mixed()
    found = as_json(progress(campaign, now=NOW + 3 * HOUR))
    certificates = found["certificates"]
    names = ("revoked", "remaining", "expired", "excluded")
    assert [certificates[name] for name in ("scope", *names)] == [8, 2, 4, 1, 1]
    for table in (found["classes"], found["issuers"]):
        for row in table:
            assert row["scope"] == sum(row[name] for name in names)
        for name in ("scope", *names):
            assert certificates[name] == sum(row[name] for row in table)
    assert [row["key"] for row in found["classes"]] == ["finance", "government"]
    for group in ("notices", "revocations"):
        assert found[group]["total"] == sum(n for name, n in found[group].items() if name != "total")


def test_page_json_and_command_say_the_same(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = mixed()
    schedule_revocations(now=NOW)
    frozen_clock.move(3 * HOUR)
    client = sign_in("rita", role="operator")
    data = client.get(f"/campaigns/{campaign.public_id}/progress.json").json()
    told = StringIO()
    call_command("progress", str(campaign.public_id), "--json", stdout=told)
    assert json.loads(told.getvalue()) == data
    page = client.get(f"/campaigns/{campaign.public_id}/").content.decode()
    shown = dict(re.findall(r'data-number="([a-z_.]+)"[^>]*>([\d,]+)<', page))
    assert len(shown) > 20
    for path, text in shown.items():
        group, name = path.split(".")
        assert int(text.replace(",", "")) == data[group][name], path
    words = StringIO()
    call_command("progress", str(campaign.public_id), stdout=words)
    assert "scope 8 = revoked 2 + remaining 4 + expired 1 + excluded 1" in words.getvalue()


@pytest.mark.parametrize("name", ["no-uuid", "11111111-1111-1111-1111-111111111111"])
def test_the_command_says_when_there_is_no_such_campaign(name: str) -> None:
    with pytest.raises(CommandError, match="There is no campaign"):
        call_command("progress", name)


def test_numbers_that_do_not_add_up_are_not_shown(
    sign_in: SignIn, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = mixed()
    wrong = Part("finance", "finance", 3, 3, 0, 0, 0)
    monkeypatch.setattr("reports.progress.by_class", lambda campaign, now: [wrong])
    client = sign_in("rita", role="operator")
    for path in ("", "progress.json"):
        answer = client.get(f"/campaigns/{campaign.public_id}/{path}")
        assert answer.status_code == 500
        assert "8 is not 3" in answer.content.decode()
    with pytest.raises(CommandError, match="do not add up"):
        call_command("progress", str(campaign.public_id))


def test_a_part_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(DoesNotAddUp, match="finance: 3 is not 1"):
        Part("finance", "finance", 3, 1, 1, 0, 0)
    check_sum("nothing", 0, ())


def test_the_funnel_counts_how_far_subscribers_have_come(frozen_clock: FrozenClock) -> None:
    rows = [make.certificate() for _ in range(4)]
    campaign = make.running_campaign(rows)
    first, second, third, fourth = campaign.affected_subscribers.select_related("campaign", "subscriber").order_by("pk")
    acknowledge(first, contact=first.subscriber.contacts.first(), actor="contact:1", now=NOW)
    key = second.certificates.values_list("pk", flat=True)[0]
    confirm_replacement(second, certificates=[key], actor="contact:2", now=NOW)
    mark_unreachable(third, actor="system", now=NOW)
    record_call(fourth, contact=None, outcome="reached", actor="staff:carl", now=NOW)
    found = progress(campaign, now=NOW)
    assert found.funnel.as_json() == {
        "total": 4, "notified": 0, "reached": 3, "acknowledged": 3, "replaced": 0, "at_risk": 1, "unreachable": 1,
    }  # fmt: skip
    counted = counts(campaign, NOW)
    assert (found.funnel.at_risk, found.funnel.acknowledged) == (counted.at_risk, counted.acknowledged)
    assert (found.funnel.unreachable, found.funnel.total) == (counted.unreachable, counted.subscribers)


def test_the_chart_holds_every_snapshot_and_the_pace_ends_at_the_deadline(frozen_clock: FrozenClock) -> None:
    campaign = make.running_campaign(make.certificates_of(4))
    rows = list(campaign.affected_certificates.order_by("pk"))
    mark_published(rows[:1], at=NOW + HOUR, now=NOW + HOUR)
    take_snapshot(campaign, now=NOW + HOUR)
    found = progress(campaign, now=NOW + 2 * HOUR).chart
    shown = {at: remaining for at, remaining, _, _ in found.rows if remaining is not None}
    assert shown == {NOW: 4, NOW + HOUR: 3, NOW + 2 * HOUR: 3}
    pace = {at: needed for at, _, needed, _ in found.rows}
    assert (pace[NOW], pace[campaign.deadline]) == (4, 0)


def test_a_passed_deadline_is_said_to_have_passed(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.running_campaign()
    for moment, word in ((campaign.deadline, False), (campaign.deadline + timedelta(seconds=1), True)):
        found = progress(campaign, now=moment)
        assert (found.outlook.word == "overdue") is word
        assert (found.counts.late, found.counts.overdue) == ((1, 1) if word else (0, 0))
    frozen_clock.move(timedelta(days=5, hours=1))
    page = sign_in("rita", role="operator").get(f"/campaigns/{campaign.public_id}/").content.decode()
    assert "Past the deadline" in page
    assert "The deadline has passed" in page


def test_the_reader_is_answered_304_until_something_happens(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.running_campaign()
    client, url = sign_in("rita", role="operator"), f"/campaigns/{campaign.public_id}/progress.json"
    tag = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    affected = campaign.affected_subscribers.get()
    acknowledge(affected, contact=affected.subscriber.contacts.first(), actor="contact:1", now=NOW)
    fresh = client.get(url, headers={"If-None-Match": tag})
    assert fresh.status_code == 200
    assert fresh.json()["subscribers"]["acknowledged"] == 1
    assert fresh["ETag"] != tag


def test_time_alone_makes_the_numbers_new(frozen_clock: FrozenClock) -> None:
    campaign = make.running_campaign()
    assert fingerprint(campaign, now=NOW) == fingerprint(campaign, now=NOW + timedelta(seconds=1))
    assert fingerprint(campaign, now=NOW) != fingerprint(campaign, now=NOW + timedelta(seconds=10))


def test_the_number_of_queries_does_not_grow_with_the_scope(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    client = sign_in("rita", role="operator")

    def asked(campaign: Campaign) -> int:
        affected = list(campaign.affected_subscribers.select_related("campaign", "subscriber"))
        write_notices(affected, now=NOW)
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(f"/campaigns/{campaign.public_id}/").status_code == 200
        return len(queries)

    small, large = (make.running_campaign([make.certificate() for _ in range(number)]) for number in (2, 20))
    asked(small)
    assert asked(large) == asked(small)


def test_the_json_needs_a_session_and_a_role(client: object, sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    campaign = make.running_campaign()
    url = f"/campaigns/{campaign.public_id}/progress.json"
    assert client.get(url).status_code == 401  # type: ignore[attr-defined]
    assert sign_in("nora").get(url).status_code == 403
    assert sign_in("rita", role="operator").post(url).status_code == 405
    assert sign_in("rolf", role="operator").get(url.replace(str(campaign.public_id), "0" * 8)).status_code == 404


def test_before_the_launch_the_page_shows_the_way_to_it(sign_in: SignIn, frozen_clock: FrozenClock) -> None:
    client = sign_in("rita", role="operator")
    empty, ready = make.campaign([]), make.campaign(make.certificates_of(2, contacts=0))
    page = client.get(f"/campaigns/{empty.public_id}/").content.decode()
    assert "no certificates yet" in page
    page = client.get(f"/campaigns/{ready.public_id}/").content.decode()
    assert "1 without an address" in page
    assert "2024-03-24 08:30 UTC" in page
    assert AffectedCertificate.objects.filter(campaign=ready).count() == 2
