"""Adding certificates to a running campaign in the console: a look, a proposal, and a second person's approval."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from campaigns.models import AffectedCertificate, Campaign, ScopeAddition
from campaigns.services import scope_digest
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def form(*extra: str, number: int = 3, clock: str = "2024-03-19T08:00:00") -> dict[str, object]:
    """What an operator fills in: a file of so many new certificates, and further lines."""
    known = [certificate.fingerprint_sha256 for certificate in make.certificates_of(number)]
    file = SimpleUploadedFile("found.txt", "\n".join([*known, *extra]).encode())
    return {"scope_files": file, "clock_started_at": clock, "reason": "A second profile had the fault."}


def url(campaign: Campaign) -> str:
    return f"/campaigns/scopeaddition/propose/{campaign.pk}/"


@pytest.fixture
def operator(sign_in: SignIn, frozen_clock: FrozenClock, settings: Settings, tmp_path: Path) -> Client:
    """The console of an operator, and a folder for what is uploaded."""
    settings.VAR = tmp_path
    return sign_in("olga", role="operator")


def test_a_look_shows_the_deadline_and_every_line_and_writes_nothing(operator: Client) -> None:
    campaign = make.running_campaign()
    page = operator.post(url(campaign), form("0" * 64)).content.decode()
    for text in ("nothing has been written", "Propose 3 certificates", "not in the register", "2024-03-24 08:00:00"):
        assert text in page
    assert not ScopeAddition.objects.exists()


def test_what_was_looked_at_is_proposed_and_another_person_approves_it(operator: Client, sign_in: SignIn) -> None:
    campaign = make.running_campaign()
    operator.post(url(campaign), form())
    assert operator.post(url(campaign), {"commit": "1"})["Location"] == f"/campaigns/{campaign.public_id}/"
    addition = ScopeAddition.objects.get()
    assert (addition.count, addition.proposed_by.username) == (3, "olga")
    approver = sign_in("berta", role="approver")
    for page in ("/", f"/campaigns/{campaign.public_id}/"):
        assert f"/campaigns/scopeaddition/{addition.pk}/approve/" in approver.get(page).content.decode()
    page = approver.get(f"/campaigns/scopeaddition/{addition.pk}/approve/").content.decode()
    first = addition.lines.select_related("certificate")[0].certificate
    assert addition.digest in page
    assert first.serial_number in page
    data = {"digest": addition.digest, "typed_count": "3"}
    approver.post(f"/campaigns/scopeaddition/{addition.pk}/approve/", data)
    campaign.refresh_from_db()
    assert (campaign.scope_count, campaign.approved_digest) == (4, scope_digest(campaign))
    assert "approved 2024-03-19" in approver.get(f"/campaigns/{campaign.public_id}/").content.decode()


def test_the_proposer_is_told_that_another_person_has_to_approve(operator: Client, sign_in: SignIn) -> None:
    addition = make.addition(make.running_campaign(), make.certificates_of(2))
    both = sign_in("both", "campaigns.approve_campaign", "campaigns.draft_campaign", role="operator")
    ScopeAddition.objects.update(proposed_by=both.get("/").wsgi_request.user)
    where = f"/campaigns/scopeaddition/{addition.pk}/approve/"
    assert "another person has to approve" in both.get(where).content.decode()
    assert both.post(where, {"digest": addition.digest, "typed_count": "2"}).status_code == 409
    assert AffectedCertificate.objects.count() == 1


def test_a_wrong_count_is_refused(operator: Client, sign_in: SignIn) -> None:
    addition = make.addition(make.running_campaign(), make.certificates_of(2))
    approver = sign_in("berta", role="approver")
    answer = approver.post(
        f"/campaigns/scopeaddition/{addition.pk}/approve/", {"digest": addition.digest, "typed_count": "3"}
    )
    assert answer.status_code == 409
    assert AffectedCertificate.objects.count() == 1


@pytest.mark.parametrize(
    ("bad", "status", "message"),
    [
        ({"clock_started_at": "2024-03-19T08:30:01"}, 409, "still to come"),
        ({"clock_started_at": "yesterday"}, 400, "valid date"),
        ({"reason": "  "}, 400, "required"),
        ({"scope_files": ""}, 400, "at least one file"),
    ],
)
def test_bad_input_is_answered_clearly(operator: Client, bad: dict[str, str], status: int, message: str) -> None:
    answer = operator.post(url(make.running_campaign()), {**form(), **bad})
    assert (answer.status_code, message in answer.content.decode()) == (status, True)
    assert not ScopeAddition.objects.exists()


def test_files_that_wait_for_an_import_are_not_proposed(operator: Client) -> None:
    draft = make.campaign([])
    operator.post(f"/campaigns/campaign/{draft.pk}/import-scope/", {"scope_files": form()["scope_files"]})
    answer = operator.post(url(make.running_campaign()), {"commit": "1"})
    assert answer.status_code == 409
    assert not ScopeAddition.objects.exists()


def test_an_approver_withdraws_a_proposal(operator: Client, sign_in: SignIn) -> None:
    addition = make.addition(make.running_campaign(), make.certificates_of(2))
    sign_in("berta", role="approver").post(f"/campaigns/scopeaddition/{addition.pk}/withdraw/")
    addition.refresh_from_db()
    assert addition.withdrawn_at == NOW


def test_a_draft_takes_imports_and_no_additions(operator: Client) -> None:
    draft = make.campaign([])
    page = operator.get(url(draft)).content.decode()
    assert "Certificates are added to the scope of a campaign that runs." in page
    assert operator.post(url(draft), form()).status_code == 409


def test_the_list_says_what_became_of_each(operator: Client) -> None:
    campaign = make.running_campaign()
    make.addition(campaign, make.certificates_of(2))
    page = operator.get("/campaigns/scopeaddition/").content.decode()
    for text in ("A second profile had the fault.", "waiting", "approve"):
        assert text in page
