"""The incident that is made anew."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509

from rehearsal import history, incident
from rehearsal.people import TRAITS, Person

SMALL = incident.Size(certificates=150, subscribers=40)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incident") / "register"
    incident.make(folder, "http://127.0.0.1:9", SMALL)
    return folder


@pytest.fixture(scope="module")
def certificates(made: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((made / "certificates.pem").read_bytes())


def test_every_certificate_has_the_fault_and_a_subscriber(made, certificates):
    assert len(certificates) == 150
    for certificate in certificates:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert not constraints.critical
        assert not constraints.value.ca
    owners = [line for line in (made / "certificates.pem").read_text().splitlines() if line.startswith("Subscriber:")]
    assert len(owners) == 150
    assert len(set(owners)) == 40


def test_some_certificates_end_by_themselves_within_the_67_days_of_2024(certificates):
    ends = [certificate.not_valid_after_utc for certificate in certificates]
    soon = [end for end in ends if end < history.REPORT_READ_AT + incident.EXPIRING_WITHIN]

    assert len(soon) == round(28 * 150 / 2098)
    assert all(end > history.REPORT_READ_AT for end in ends)


def test_the_scope_is_as_untidy_as_such_lists_are(made, certificates):
    with (made / "scope.csv").open(newline="") as lines:
        serials = [row["serial"] for row in csv.DictReader(lines)]

    counted = Counter(serials)
    wanted = {format(certificate.serial_number, "x") for certificate in certificates}
    assert wanted <= set(serials)
    assert sum(1 for count in counted.values() if count == 2) == 3
    assert "not a serial number" in counted
    assert len(serials) == 150 + 12 + 5 + 3 + 2 + 1


def test_the_same_seed_gives_the_same_people(made, tmp_path):
    incident.make(tmp_path / "again" / "register", "http://127.0.0.1:9", SMALL)

    first = json.loads((made.parent / "people.json").read_text())
    again = json.loads((tmp_path / "again" / "people.json").read_text())

    assert first == again
    assert [json.loads(json.dumps(Person.from_json(each).to_json())) for each in first] == first


def test_all_the_troubles_of_2024_are_on_stage(made):
    people = json.loads((made.parent / "people.json").read_text())

    seen = Counter(each["trait"] for each in people)

    assert set(seen) >= {name for name, share in TRAITS if share * 40 >= 1}
    assert len(people) == 40
    gone = [each for each in people if each["trait"] == "everybody gone"]
    assert all(fate in {"bounces", "refused"} for each in gone for box, fate in each["mailboxes"].items() if "@" in box)
