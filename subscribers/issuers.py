"""The few issuers of an import: which of them the files speak of, by what name, and what is to be written of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.errors import Malformed
from subscribers.certificates import parse_issuer
from subscribers.models import Issuer
from subscribers.records import IssuerRecord

BACKEND = "manual"
CRL_INTERVAL = timedelta(hours=24)
"""Until an issuer says otherwise: the longest that BR 4.9.7 allows from a revocation to the CRL that lists it."""
OPTIONAL = ("crl_urls", "ocsp_url", "backend", "backend_options", "crl_interval", "revocations_per_second")


@dataclass(frozen=True, slots=True)
class Planned:
    """An issuer that a file describes."""

    record: IssuerRecord
    file: int
    line: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """The issuer that a number stands for; `pk` is None as long as it is planned."""

    key_id: str
    pk: int | None


class IssuerBook:
    """Gives every way in which files name an issuer a number, and finds out which issuer each number is."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        self.rejected = 0
        self.spelled: dict[str, int] = {}
        self._subjects: dict[int, str] = {}
        self._spellings: list[str] = []

    def plan(self, record: IssuerRecord, file: int, line: int) -> None:
        """Take in a record of an issuer."""
        self.planned.append(Planned(record, file, line))

    def number(self, issuer_key: str, subject: str) -> int:
        """The number of the issuer of a certificate that we hold, by its key; by its subject where it names no key."""
        number = self.spelled.get(issuer_key)
        if number is None:
            number = self.spelled[issuer_key] = len(self.spelled)
            self._subjects[number] = subject
        return number

    def number_of_given(self, text: str) -> int:
        """The number of an issuer that a row names, by its name, key identifier or subject."""
        return self.spelled.setdefault(f"given:{text}", len(self.spelled))

    def check(self) -> Iterator[tuple[Planned, str, str]]:
        """The planned issuers that cannot be, each with a field and what is wrong; they are planned no more."""
        by_name = {issuer.name: issuer.key_id for issuer in Issuer.objects.only("name", "key_id")}
        by_key = {key: name for name, key in by_name.items()}
        good: list[Planned] = []
        for plan in self.planned:
            name, key = plan.record.name, plan.record.certificate.key_id
            if by_name.get(name, key) != key:
                yield plan, "certificate_pem", f"The issuer {name!r} has another key, {by_name[name]}."
            elif by_key.get(key, name) != name:
                yield plan, "name", f"This key is that of the issuer {by_key[key]!r}."
            elif any(other.record.name == name for other in good):
                yield plan, "name", f"The issuer {name!r} is in these files twice."
            else:
                good.append(plan)
                by_name[name], by_key[key] = key, name
        self.rejected = len(self.planned) - len(good)
        self.planned = good

    def resolve(self) -> dict[int, Resolved | None]:
        """Which issuer each number stands for, among the registered and the planned; None where there is none."""
        names: dict[str, Resolved] = {}
        subjects: dict[str, set[Resolved]] = {}
        keys: dict[str, Resolved] = {}
        for name, subject, found in self._known():
            names[name], names[name.lower()], keys[found.key_id] = found, found, found
            subjects.setdefault(subject, set()).add(found)
        only = {subject: next(iter(found)) for subject, found in subjects.items() if len(found) == 1}
        return {number: self._find(text, number, names, keys, only) for text, number in self.spelled.items()}

    def _find(
        self,
        text: str,
        number: int,
        names: dict[str, Resolved],
        keys: dict[str, Resolved],
        subjects: dict[str, Resolved],
    ) -> Resolved | None:
        if text.startswith("given:"):
            given = text.removeprefix("given:")
            key = given.replace(":", "").lower()
            return names.get(given) or names.get(given.lower()) or keys.get(key) or subjects.get(given)
        return subjects.get(self._subjects[number]) if text.startswith("name:") else keys.get(text)

    def named(self, number: int) -> str:
        """How an error names the issuer of a number."""
        text = self._texts()[number]
        if text.startswith("given:"):
            return f"No issuer has the name, key identifier or subject {text.removeprefix('given:')!r}."
        key = "no key identifier" if text.startswith("name:") else f"the key identifier {text}"
        return f"The issuer, {self._subjects[number]!r} with {key}, is not in the register."

    def _texts(self) -> list[str]:
        if len(self._spellings) != len(self.spelled):
            self._spellings = [*self.spelled]
        return self._spellings

    def _known(self) -> Iterator[tuple[str, str, Resolved]]:
        planned = {plan.record.certificate.key_id for plan in self.planned}
        for issuer in Issuer.objects.all():
            planned.discard(issuer.key_id)
            yield issuer.name, _subject(issuer), Resolved(issuer.key_id, issuer.pk)
        for plan in self.planned:
            if (found := plan.record.certificate).key_id in planned:
                yield plan.record.name, found.subject, Resolved(found.key_id, None)

    def count(self) -> tuple[int, int]:
        """How many planned issuers are new, and how many change one that is there."""
        differences = [_difference(plan.record) for plan in self.planned]
        return differences.count(None), sum(1 for found in differences if found)

    def write(self) -> tuple[int, int]:
        """Write the planned issuers; how many were new and how many have changed."""
        created = changed = 0
        for plan in self.planned:
            record, values = plan.record, _difference(plan.record)
            if values is None:
                Issuer.objects.create(
                    name=record.name,
                    key_id=record.certificate.key_id,
                    **{"backend": BACKEND, "crl_interval": CRL_INTERVAL, **_given(record)},
                )
                created += 1
            elif values:
                Issuer.objects.filter(name=record.name).update(**values)
                changed += 1
        return created, changed


def _given(record: IssuerRecord) -> dict[str, Any]:
    """The columns that a record says something about."""
    values = {name: getattr(record, name) for name in OPTIONAL}
    return {"certificate_pem": record.certificate.pem} | {
        name: each for name, each in values.items() if each is not None
    }


def _difference(record: IssuerRecord) -> dict[str, Any] | None:
    """What a record changes about its issuer; None if that is not there."""
    issuer = Issuer.objects.filter(name=record.name).first()
    if issuer is None:
        return None
    return {name: value for name, value in _given(record).items() if getattr(issuer, name) != value}


def _subject(issuer: Issuer) -> str:
    try:
        return parse_issuer(issuer.certificate_pem).subject
    except Malformed:
        return ""
