"""The census of contacts: who could be told if it happened now."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta

import openpyxl
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.admin.briefing import audience
from reports.census import census
from subscribers.census import RISKS
from subscribers.models import Certificate, CheckRound, Commitment, Contact, Subscriber
from subscribers.services import (
    end_round,
    give_commitment,
    mark_contact_bounced,
    mark_contact_left,
    start_round,
    verify_contact,
)
from tests import make
from tests.conftest import NOW, FrozenClock

pytestmark = pytest.mark.django_db
ACTOR = "staff:olga"
DAY = timedelta(days=1)


def holder(contacts: int = 2, *, verified: int = 0, certificates: int = 1, **fields: str) -> Subscriber:
    """A subscriber with valid certificates and some contacts, the first of them verified now."""
    found = make.subscriber(contacts=contacts, **fields)
    for _ in range(certificates):
        make.certificate(found, fields={"not_after": NOW + 90 * DAY})
    for contact in found.contacts.all()[:verified]:
        verify_contact(contact, actor=ACTOR, now=NOW)
    return found


def group(found: Subscriber, at: timedelta = timedelta(0)) -> str:
    """The group in which the census counts the only subscriber."""
    cells = census(now=NOW + at).total.cells
    assert sum(cell.subscribers for cell in cells.values()) == 1
    return next(key for key, cell in cells.items() if cell.subscribers)


def test_two_verified_contacts_make_a_subscriber_ready():
    assert group(holder(3, verified=2)) == "ready"


def test_verification_lasts_for_a_year_to_the_second():
    found = holder(2, verified=2)
    Subscriber.objects.get(pk=found.pk).certificates.update(not_after=NOW + 800 * DAY)
    assert group(found, 365 * DAY) == "ready"
    assert group(found, 365 * DAY + timedelta(seconds=1)) == "stale"


def test_a_subscriber_with_one_reachable_contact_is_single_however_well_verified():
    assert group(holder(1, verified=1)) == "single"


def test_a_bounce_takes_a_contact_away():
    found = holder(2, verified=2)
    mark_contact_bounced(found.contacts.all()[0], note="550", actor=ACTOR, now=NOW)
    assert group(found) == "single"
    mark_contact_bounced(found.contacts.all()[1], note="550", actor=ACTOR, now=NOW)
    assert group(found) == "unreachable"


def test_a_bounced_contact_that_takes_text_messages_is_reachable_and_not_sound():
    found = holder(2, verified=2)
    found.contacts.update(takes_sms=True)
    mark_contact_bounced(found.contacts.all()[0], note="550", actor=ACTOR, now=NOW)
    assert group(found) == "stale"


def test_neither_those_who_left_nor_account_managers_count():
    found = holder(3, verified=3)
    first, second, _ = found.contacts.all()
    mark_contact_left(first, actor=ACTOR, now=NOW)
    Contact.objects.filter(pk=second.pk).update(role=Contact.Role.ACCOUNT_MANAGER)
    assert group(found) == "single"


def test_the_numbers_add_up_by_class_and_by_risk():
    bank = holder(2, verified=2, certificates=3, subscriber_class="finance")
    give_commitment(bank, window=DAY, given_by="CISO", actor=ACTOR, now=NOW)
    city = holder(1, certificates=2, subscriber_class="government")
    give_commitment(city, window=5 * DAY, given_by="CISO", actor=ACTOR, now=NOW)
    late = holder(0)
    Commitment.objects.create(
        subscriber=late, window=DAY, given_by="CISO", given_at=NOW - 400 * DAY, valid_until=NOW - DAY
    )
    make.certificate(fields={"subscriber": None, "not_after": NOW + DAY})
    make.certificate(fields={"not_after": NOW - DAY})
    make.certificate(fields={"not_after": NOW + DAY, "revoked_at": NOW})
    found = census(now=NOW)
    assert (found.certificates, found.ready, found.without_subscriber) == (7, 3, 1)
    assert found.total.subscribers == 3
    by_class = {line.key: (line.subscribers, line.certificates) for line in found.by_class}
    assert by_class == {"standard": (1, 1), "finance": (1, 3), "government": (1, 2), "critical": (0, 0)}
    by_risk = {line.key: line.certificates for line in found.by_risk}
    assert by_risk == {"24h": 3, "5d": 2, "lapsed": 1, "none": 0}


def test_the_shortest_valid_word_gives_the_risk_class():
    found = holder()
    give_commitment(found, window=5 * DAY, given_by="CISO", actor=ACTOR, now=NOW)
    give_commitment(found, window=DAY, given_by="CISO", actor=ACTOR, now=NOW - 364 * DAY)
    assert census(now=NOW).by_risk[0].subscribers == 1
    assert census(now=NOW + 2 * DAY).by_risk[1].subscribers == 1


def test_who_is_affected_is_told_by_risk_class_before_a_launch():
    bank, city, other = holder(), holder(), holder()
    give_commitment(bank, window=DAY, given_by="CISO", actor=ACTOR, now=NOW)
    give_commitment(bank, window=5 * DAY, given_by="CISO", actor=ACTOR, now=NOW)
    give_commitment(city, window=5 * DAY, given_by="CISO", actor=ACTOR, now=NOW - 400 * DAY)
    mark_contact_left(other.contacts.all()[0], actor=ACTOR, now=NOW)
    made = make.campaign(list(Certificate.objects.all()))
    people = audience(made, now=NOW)
    assert dict(people.by_risk) == {RISKS["24h"]: 1, RISKS["5d"]: 0, RISKS["lapsed"]: 1, RISKS["none"]: 1}
    assert (people.total, people.with_one_contact) == (3, 1)


def test_what_came_of_a_round_adds_up():
    for _ in range(2):
        holder(3)
    year = start_round("2024", whom="all", days=1, actor=ACTOR, now=NOW)
    first, second, third, *_ = Contact.objects.filter(checks__round=year).order_by("pk")
    verify_contact(first, actor=ACTOR, now=NOW)
    mark_contact_left(second, actor=ACTOR, now=NOW)
    mark_contact_bounced(third, note="550", actor=ACTOR, now=NOW)
    (found,) = census(now=NOW).rounds
    assert (found.contacts, found.still, found.left, found.bounced, found.waiting, found.unanswered) == (
        6,
        1,
        1,
        1,
        3,
        0,
    )
    end_round(year, actor=ACTOR, now=NOW)
    (found,) = census(now=NOW).rounds
    assert (found.bounced, found.waiting, found.unanswered) == (1, 0, 3)


def test_the_command_tells_the_same_numbers(frozen_clock: FrozenClock):
    holder(2, verified=2)
    holder(1)
    out = io.StringIO()
    call_command("census", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (found["certificates"], found["ready"], found["share"]) == (2, 1, 0.5)
    assert found["by_class"]["standard"]["single"] == {"subscribers": 1, "certificates": 1}
    out = io.StringIO()
    call_command("census", stdout=out)
    assert "50.0 % of 2 valid certificates" in out.getvalue()


def test_an_empty_register_has_a_census(frozen_clock: FrozenClock, sign_in: Callable[..., Client]):
    page = sign_in("olga", role="operator").get(reverse("reports:census"))
    assert page.status_code == 200
    assert "Nobody has been asked yet" in page.content.decode()


@pytest.mark.usefixtures("frozen_clock")
class TestPages:
    @pytest.fixture
    def client(self, sign_in: Callable[..., Client]) -> Client:
        return sign_in("olga", role="operator")

    def test_each_number_leads_to_its_subscribers(self, client: Client):
        ready, single, gone = holder(2, verified=2), holder(1), holder(0)
        assert client.get(reverse("reports:census")).status_code == 200
        for key, row in (("ready", ready), ("single", single), ("unreachable", gone)):
            page = client.get(reverse("reports:census-list"), {"group": key}).content.decode()
            assert row.name in page
            assert sum(each.name in page for each in (ready, single, gone)) == 1
        page = client.get(reverse("reports:census-list"), {"risk": "none", "q": single.reference})
        assert [entry.subscriber for entry in page.context["entries"]] == [single]

    @pytest.mark.parametrize("query", [{"group": "x"}, {"risk": "x"}, {"class": "x"}])
    def test_a_list_that_there_is_none_of_is_refused(self, client: Client, query: dict[str, str]):
        assert client.get(reverse("reports:census-list"), query).status_code == 400

    def test_lists_come_as_files_in_which_nothing_is_a_formula(self, client: Client):
        holder(1, name="=HYPERLINK(1)")
        rows = {"group": "single"}
        text = client.get(reverse("reports:census-list"), rows | {"format": "csv"}).getvalue().decode()
        (line,) = csv.DictReader(io.StringIO(text))
        assert (line["name"], line["group"], line["valid_certificates"]) == ("'=HYPERLINK(1)", "single", "1")
        data = client.get(reverse("reports:census-list"), rows | {"format": "xlsx"}).getvalue()
        sheet = openpyxl.load_workbook(io.BytesIO(data)).active
        assert (sheet["B2"].value, sheet["B2"].data_type) == ("=HYPERLINK(1)", "s")

    def test_long_lists_have_pages(self, client: Client):
        for _ in range(51):
            make.certificate(make.subscriber(contacts=0), fields={"not_after": NOW + DAY})
        first = client.get(reverse("reports:census-list"))
        assert len(first.context["entries"]) == 50
        last = client.get(reverse("reports:census-list"), {"after": first.context["after"]})
        assert (len(last.context["entries"]), last.context["after"]) == (1, 0)

    def test_an_operator_starts_and_ends_a_round(self, client: Client):
        holder(2)
        url = reverse("admin:subscribers_checkround_start")
        assert "2 contacts" in client.get(url).content.decode()
        data = {"title": "Verification 2024", "whom": "stale", "subscriber_class": "", "days": "3"}
        assert client.post(url, data | {"days": "0"}).status_code == 400
        assert client.post(url, data).status_code == 302
        assert client.post(url, data).status_code == 409
        found = CheckRound.objects.get()
        assert (found.started_by, found.checks.count()) == ("staff:olga", 2)
        assert client.post(reverse("admin:subscribers_checkround_end", args=[found.pk])).status_code == 302
        found.refresh_from_db()
        assert found.ended_at == NOW

    @pytest.mark.parametrize("role", ["approver", "caller", "auditor"])
    def test_others_look_and_ask_nobody(self, sign_in: Callable[..., Client], role: str):
        other = sign_in("vera", role=role)
        assert other.get(reverse("reports:census")).status_code == 200
        url = reverse("admin:subscribers_checkround_start")
        assert other.get(url).status_code == other.post(url, {}).status_code == 403

    def test_the_list_of_subscribers_can_be_filtered(self, client: Client):
        ready, single = holder(2, verified=2), holder(1)
        give_commitment(ready, window=DAY, given_by="CISO", actor=ACTOR, now=NOW)
        url = reverse("admin:subscribers_subscriber_changelist")
        for query, shown, hidden in (
            ({"group": "ready"}, ready, single),
            ({"group": "single"}, single, ready),
            ({"risk": "24h"}, ready, single),
            ({"risk": "none"}, single, ready),
        ):
            page = client.get(url, query).content.decode()
            assert shown.reference in page
            assert hidden.reference not in page
