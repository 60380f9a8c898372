"""`manage.py import_scope`: dry by default, a table that adds up, errors with file and line, never a traceback."""

import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from campaigns.models import AffectedCertificate, ScopeImport
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


@pytest.fixture
def campaign():
    return make.campaign([])


@pytest.fixture
def scope(tmp_path):
    rows = make.certificates(2)
    path = tmp_path / "scope.txt"
    path.write_text("\n".join([*(row.fingerprint_sha256 for row in rows), rows[0].fingerprint_sha256, "rubbish!"]))
    return path


def run(capsys, campaign, *arguments):
    call_command("import_scope", str(getattr(campaign, "public_id", campaign)), *map(str, arguments))
    return capsys.readouterr()


def table(text):
    return {
        name.strip(): int(number.replace(",", "")) for name, number in re.findall(r"^(\D+?)\s+([\d,]+)$", text, re.M)
    }


def test_without_commit_it_says_what_it_would_do_and_writes_nothing(capsys, campaign, scope):
    out, _ = run(capsys, campaign, scope)
    assert "Nothing was written" in out
    assert not AffectedCertificate.objects.exists()
    assert not ScopeImport.objects.exists()


def test_the_table_adds_up_and_the_lines_set_aside_are_named(capsys, campaign, scope):
    out, err = run(capsys, campaign, scope)
    found = table(out)
    assert (found["affected"], found["already in the scope"], found["unreadable"]) == (2, 1, 1)
    assert found.pop("lines") == sum(found.values()) == 4
    assert f"{scope}:3: " in err
    assert f"{scope}:4: rubbish!: unreadable: " in err


def test_with_commit_it_writes_and_gives_count_version_and_digest(capsys, campaign, scope):
    out, _ = run(capsys, campaign, scope, "--commit", "--by", "olga")
    campaign.refresh_from_db()
    assert f"The scope has 2 certificates (version 1), digest {campaign.scope_digest}." in out
    assert Event.objects.get(verb="campaign.scope_imported").actor == "staff:olga"
    out, _ = run(capsys, campaign, scope, "--commit")
    assert "The scope has not changed" in out


def test_serial_numbers_of_one_issuer_need_its_name(capsys, campaign, tmp_path):
    row = make.certificate(serial=0xABCDEF)
    path = tmp_path / "serials.txt"
    path.write_text("abcdef\n")
    assert table(run(capsys, campaign, path)[0])["not in the register"] == 1
    assert table(run(capsys, campaign, path, "--issuer", row.issuer.name)[0])["affected"] == 1


def test_certificates_without_a_subscriber_are_counted(capsys, campaign, tmp_path):
    path = tmp_path / "scope.txt"
    path.write_text(make.certificate(fields={"subscriber": None}).fingerprint_sha256)
    assert "1 have no subscriber" in run(capsys, campaign, path)[0]


@pytest.mark.parametrize(
    ("campaign", "why"), [("nonsense", "not the public identifier"), ("0" * 32, "There is no campaign")]
)
def test_a_campaign_that_is_not_there_is_named(capsys, scope, campaign, why):
    with pytest.raises(CommandError, match=why):
        run(capsys, campaign, scope)


def test_an_issuer_that_is_not_there_is_named(capsys, campaign, scope):
    with pytest.raises(CommandError, match="no issuer Nobody"):
        run(capsys, campaign, scope, "--issuer", "Nobody")


@pytest.mark.parametrize(("name", "why"), [("missing.txt", "no such file"), ("", "a folder")])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_written(capsys, campaign, scope, tmp_path, name, why):
    with pytest.raises(CommandError, match=why):
        run(capsys, campaign, scope, tmp_path / name, "--commit")
    assert not AffectedCertificate.objects.exists()


def test_a_file_that_is_no_text_is_named_and_nothing_is_written(capsys, campaign, scope, tmp_path: Path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes("abc".encode("utf-16"))
    with pytest.raises(CommandError, match="cannot be imported as they are"):
        run(capsys, campaign, scope, bad)
    with pytest.raises(CommandError, match="UTF-16"):
        run(capsys, campaign, scope, bad, "--commit")
    assert not AffectedCertificate.objects.exists()


def test_a_running_campaign_takes_no_more(capsys, scope):
    with pytest.raises(CommandError, match="frozen"):
        run(capsys, make.running_campaign(), scope, "--commit")
