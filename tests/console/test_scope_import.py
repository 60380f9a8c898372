"""Importing a scope in the console: first what the files would do, then the import of exactly those files."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from campaigns.models import Campaign, ScopeImport
from campaigns.services import launch_campaign
from tests import make
from tests.conftest import NOW, FrozenClock, SignIn

pytestmark = pytest.mark.django_db


def lines(*extra: str, number: int = 3) -> SimpleUploadedFile:
    """A file of fingerprints of the register, and further lines."""
    known = [certificate.fingerprint_sha256 for certificate in make.certificates_of(number)]
    return SimpleUploadedFile("scope.txt", "\n".join([*known, *extra]).encode())


def url(campaign: Campaign) -> str:
    return f"/campaigns/campaign/{campaign.pk}/import-scope/"


def waiting() -> list[Path]:
    folder = Path(settings.VAR) / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def operator(sign_in: SignIn, frozen_clock: FrozenClock, settings: Settings, tmp_path: Path) -> Client:
    """The console of an operator, and a folder for what is uploaded."""
    settings.VAR = tmp_path
    return sign_in("olga", role="operator")


def test_a_look_shows_a_table_that_adds_up_and_writes_nothing(operator: Client) -> None:
    draft = make.campaign([])
    page = operator.post(url(draft), {"scope_files": lines("0" * 64, "not a serial")}).content.decode()
    assert "nothing has been written" in page
    assert "Import 3 certificates" in page
    for text in ("not in the register", "unreadable", "scope.txt"):
        assert text in page
    draft.refresh_from_db()
    assert (draft.scope_count, ScopeImport.objects.count()) == (0, 0)


def test_the_import_takes_the_files_that_were_looked_at(operator: Client) -> None:
    draft = make.campaign([])
    operator.post(url(draft), {"scope_files": lines("0" * 64)})
    answer = operator.post(url(draft), {"commit": "1"})
    assert answer["Location"] == f"/campaigns/{draft.public_id}/"
    draft.refresh_from_db()
    assert (draft.scope_count, draft.scope_version) == (3, 1)
    taken = ScopeImport.objects.get()
    assert (taken.file_name, taken.lines, sum(taken.counts.values())) == ("scope.txt", 4, 4)
    assert taken.imported_by == "staff:olga"
    assert waiting() == []


def test_several_files_are_taken_at_once(operator: Client) -> None:
    draft = make.campaign([])
    operator.post(url(draft), {"scope_files": [lines(number=1), lines(number=2)]})
    operator.post(url(draft), {"commit": "1"})
    draft.refresh_from_db()
    assert draft.scope_count == 3


def test_an_import_without_a_look_is_refused(operator: Client) -> None:
    draft = make.campaign([])
    answer = operator.post(url(draft), {"commit": "1"})
    assert answer.status_code == 409
    assert "choose them again" in answer.content.decode()


def test_files_meant_for_another_campaign_are_not_taken(operator: Client) -> None:
    draft, other = make.campaign([]), make.campaign([])
    operator.post(url(draft), {"scope_files": lines()})
    answer = operator.post(url(other), {"commit": "1"})
    assert answer.status_code == 409
    other.refresh_from_db()
    assert other.scope_count == 0


def test_another_persons_files_are_not_taken(operator: Client, sign_in: SignIn) -> None:
    draft = make.campaign([])
    operator.post(url(draft), {"scope_files": lines()})
    assert sign_in("otto", role="operator").post(url(draft), {"commit": "1"}).status_code == 409


@pytest.mark.parametrize("files", [{}, {"scope_files": SimpleUploadedFile("empty.txt", b"")}])
def test_no_file_and_an_empty_file_are_answered_with_400(
    operator: Client, files: dict[str, SimpleUploadedFile]
) -> None:
    assert operator.post(url(make.campaign([])), files).status_code == 400


def test_a_launched_campaign_takes_no_further_scope(operator: Client) -> None:
    campaign = make.campaign(state="approved")
    operator.post(url(campaign), {"scope_files": lines()})
    launch_campaign(campaign, actor=make.OPERATOR, now=NOW)
    answer = operator.post(url(campaign), {"commit": "1"})
    assert answer.status_code == 409
    assert "frozen" in answer.content.decode()
    campaign.refresh_from_db()
    assert (campaign.scope_count, campaign.state) == (1, "running")


def test_a_look_at_other_files_forgets_the_first_ones(operator: Client) -> None:
    draft = make.campaign([])
    operator.post(url(draft), {"scope_files": lines(number=3)})
    operator.post(url(draft), {"scope_files": lines(number=1)})
    assert len(waiting()) == 1
    operator.post(url(draft), {"commit": "1"})
    draft.refresh_from_db()
    assert draft.scope_count == 1
