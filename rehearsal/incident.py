"""The example incident, made anew: one issuer, 2,098 certificates whose basicConstraints is not critical, their
subscribers and contacts, as the files that a CA would import."""

import csv
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal import history, names, people
from revocation.sandbox import Leaf, Profile, SandboxCA, create

ISSUER = "Example OV CA 1"
SLUG = "example-ov-ca-1"
CRL_INTERVAL = timedelta(hours=1)
SHARDS = 8
LIFETIME = timedelta(days=397)
EXPIRING = 28
UNHURRIED = {"slow", "change window", "silent until called", "never answers"}
EXPIRING_WITHIN = timedelta(days=67)
SHARED_SERVICE = "service-desk@shared-services.example"
LANGUAGES = (("zh-Hans", 0.6), ("en", 0.4))
ACCOUNT_MANAGERS = ("accounts.north@ca.example", "accounts.south@ca.example", "accounts.public@ca.example")
MANAGED = {"finance", "government", "critical"}
"""The classes that an account manager of the CA looks after."""
STALE = 0.25
"""The share of contacts that nobody has asked for more than a year."""


@dataclass(frozen=True)
class Size:
    """How large the incident is."""

    certificates: int = history.CERTIFICATES
    subscribers: int = 380
    seed: int = 2024


@dataclass
class Institution:
    """One simulated subscriber while the files are being written."""

    reference: str
    name: str
    domain: str
    subscriber_class: str
    contacts: list[tuple[str, str, str]]
    person: people.Person
    language: str = "en"
    certificates: int = 1


def make(folder: Path, base_url: str, size: Size) -> SandboxCA:
    """Write the register's files, the scope and the people into a folder, and make the CA that issued all of it."""
    chance = random.Random(size.seed)
    folder.mkdir(parents=True, exist_ok=True)
    profile = Profile(f"{ISSUER} (sandbox)", base_url, shards=SHARDS, crl_interval=CRL_INTERVAL)
    ca = create(folder.parent / "ca", SLUG, profile, now=history.REPORT_READ_AT)
    cast = _institutions(size, chance)
    _write_register(folder, ca, cast)
    _write_contacts(folder, cast, chance)
    _write_commitments(folder / "commitments.csv", cast, chance)
    affected = [(who, leaf) for who in cast for leaf in _leaves(who, chance)]
    _let_some_expire(affected, chance)
    serials = _write_certificates(folder / "certificates.pem", ca, affected)
    others = _write_certificates(folder / "other-certificates.pem", ca, list(_others(cast, chance)))
    _write_scope(folder / "scope.csv", serials, others)
    written = json.dumps([who.person.to_json() for who in cast], indent=1)
    (folder.parent / "people.json").write_text(written)
    return ca


def _institutions(size: Size, chance: random.Random) -> list[Institution]:
    classes = [name for name, share in people.CLASSES for _ in range(round(share * size.subscribers))]
    classes = (classes + ["standard"] * size.subscribers)[: size.subscribers]
    chance.shuffle(classes)
    sources = {name: names.institutions(name, chance) for name, _ in people.CLASSES}
    traits = people.traits(size.subscribers, chance)
    cast = []
    for number, (subscriber_class, trait) in enumerate(zip(classes, traits, strict=False), start=1):
        name, domain = next(sources[subscriber_class])
        contacts = _contacts(domain, number, trait, chance)
        reference = f"S{number:05d}"
        who = people.person(reference, trait, [email for _, email, _ in contacts], contacts[0][2], chance)
        [language] = chance.choices([tag for tag, _ in LANGUAGES], weights=[share for _, share in LANGUAGES])
        cast.append(Institution(reference, name, domain, subscriber_class, contacts, who, language))
    _share_out(cast, size.certificates, chance)
    return cast


def _contacts(domain: str, number: int, trait: str, chance: random.Random) -> list[tuple[str, str, str]]:
    """Name, address and phone of the primary contact and its backups; some have a service desk in common."""
    backups = 1 if trait in {"contact gone", "on vacation"} else chance.choice((0, 1, 1, 2))
    found = [
        (person, f"{person.replace(' ', '.').lower()}{rank}@{domain}", f"+86 10 5555 {number:04d}")
        for rank, person in enumerate(names.person(chance) for _ in range(1 + backups))
    ]
    if trait == "prompt" and number % 17 == 0:
        found = [("Service desk", SHARED_SERVICE, "+86 10 5555 9999")]
    return found


def _share_out(cast: list[Institution], certificates: int, chance: random.Random) -> None:
    """Spread the certificates as real CAs see it: many subscribers with few, few with many."""
    weights = [chance.paretovariate(1.1) for _ in cast]
    for who in chance.choices(cast, weights=[min(weight, 40) for weight in weights], k=certificates - len(cast)):
        who.certificates += 1


def _leaves(who: Institution, chance: random.Random) -> Iterator[Leaf]:
    for number in range(who.certificates):
        host = chance.choice(("www", "api", "pay", "mail", "vpn", "portal", "app", "m"))
        own = (f"{host}{number or ''}.{who.domain}",)
        more = tuple(f"{host}{number or ''}-{letter}.{who.domain}" for letter in "abc"[: chance.choice((0, 0, 1, 3))])
        wildcard = who.person.trait == "wildcard on many systems" and number == 0
        not_before = history.REPORT_READ_AT - timedelta(days=chance.uniform(2, 325))
        yield _leaf(who, (f"*.{who.domain}", who.domain) if wildcard else own + more, not_before, LIFETIME)


def _leaf(who: Institution, dns: tuple[str, ...], not_before: datetime, lifetime: timedelta) -> Leaf:
    start = not_before.replace(microsecond=0)
    subject = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, who.name),
        x509.NameAttribute(NameOID.COMMON_NAME, dns[0]),
    ])  # fmt: skip
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return Leaf(key, dns, start, start + lifetime - timedelta(seconds=1), "not-critical", subject)


def _let_some_expire(affected: list[tuple[Institution, Leaf]], chance: random.Random) -> None:
    """As in 2024, 28 of them end by themselves within the 67 days, evenly spread; nobody hurries to replace them."""
    count = round(EXPIRING * len(affected) / history.CERTIFICATES)
    places = [place for place, (who, _) in enumerate(affected) if who.person.trait in UNHURRIED]
    for number, place in enumerate(sorted(chance.sample(places, min(count, len(places)))), start=1):
        who, leaf = affected[place]
        end = history.REPORT_READ_AT + EXPIRING_WITHIN * number / (count + 1)
        affected[place] = (who, _leaf(who, leaf.names, end - LIFETIME, LIFETIME))


def _others(cast: list[Institution], chance: random.Random) -> Iterator[tuple[Institution, Leaf]]:
    """Certificates that a hasty search would list too: expired ones, and short-lived ones."""
    for who in chance.sample(cast, min(12, len(cast))):
        yield who, _leaf(who, (f"old.{who.domain}",), history.REPORT_READ_AT - LIFETIME - timedelta(days=9), LIFETIME)
    for who in chance.sample(cast, min(5, len(cast))):
        yield who, _leaf(who, (f"short.{who.domain}",), history.REPORT_READ_AT - timedelta(days=1), timedelta(days=10))


def _write_register(folder: Path, ca: SandboxCA, cast: list[Institution]) -> None:
    options = json.dumps({"root": str(folder.parent / "ca"), "slug": SLUG})
    issuer = [ISSUER, ca.certificate_pem.decode(), " ".join(ca.crl_urls), ca.ocsp_url, "sandbox", options, "1h"]
    head = ("name", "certificate_pem", "crl_urls", "ocsp_url", "backend", "backend_options", "crl_interval")
    _write(folder / "issuers.csv", head, [issuer])
    _write(
        folder / "subscribers.csv",
        ("reference", "name", "class", "language", "time_zone"),
        [(who.reference, who.name, who.subscriber_class, who.language, "Asia/Shanghai") for who in cast],
    )


def _write_contacts(folder: Path, cast: list[Institution], chance: random.Random) -> None:
    """Primary contacts and backups, some of them not asked for long, and the CA's own account managers."""
    head = ("subscriber", "name", "email", "phone", "role", "rank", "takes_sms", "verified_at", "source")
    rows: list[tuple[object, ...]] = []
    for number, who in enumerate(cast):
        texts = who.person.trait == "reads only texts" or number % 3 == 0
        for rank, (name, email, phone) in enumerate(who.contacts):
            asked = chance.uniform(400, 900) if chance.random() < STALE else chance.uniform(5, 330)
            verified = (history.REPORT_READ_AT - timedelta(days=asked)).replace(microsecond=0)
            role, sms = "backup" if rank else "primary", "yes" if texts and not rank else "no"
            rows.append((who.reference, name, email, phone, role, rank, sms, verified.isoformat(), "agreement"))
        if who.subscriber_class in MANAGED:
            manager = ACCOUNT_MANAGERS[number % len(ACCOUNT_MANAGERS)]
            rows.append((who.reference, "Account manager", manager, "", "account_manager", 9, "no", "", "CA"))
    _write(folder / "contacts.csv", head, rows)


def _write_commitments(path: Path, cast: list[Institution], chance: random.Random) -> None:
    """What some of them have put in writing, and what has lapsed since."""
    rows = []
    for who in cast:
        if chance.random() < 0.5:  # noqa: PLR2004 - a share
            given = (history.REPORT_READ_AT - timedelta(days=chance.uniform(20, 500))).replace(microsecond=0)
            window = "24h" if who.person.trait == "prompt" and chance.random() < 0.4 else "5d"  # noqa: PLR2004 - a share
            until = given + timedelta(days=365)
            rows.append((who.reference, window, who.contacts[0][0], given.isoformat(), until.isoformat()))
    _write(path, ("subscriber", "window", "given_by", "given_at", "valid_until"), rows)


def _write_certificates(path: Path, ca: SandboxCA, wanted: Iterable[tuple[Institution, Leaf]]) -> list[str]:
    """Issue certificates and write them down, each under a line that names its subscriber; their serial numbers."""
    wanted = list(wanted)
    serials = []
    with path.open("wb") as out:
        for (who, _), certificate in zip(wanted, ca.issue_many(leaf for _, leaf in wanted), strict=True):
            out.write(f"Subscriber: {who.reference}\n".encode())
            out.write(certificate.public_bytes(serialization.Encoding.PEM))
            serials.append(format(certificate.serial_number, "x"))
    return serials


def _write_scope(path: Path, serials: list[str], others: list[str]) -> None:
    """The list as it came from the database search: right for the most part, as such lists are."""
    repeated, unknown = serials[:3], ["0badc0ffee0ddf00d", "1badc0ffee0ddf00d"]
    lines = [*serials, *others, *repeated, *unknown, "not a serial number"]
    _write(path, ("issuer", "serial"), [(ISSUER, line) for line in lines])


def _write(path: Path, head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows(rows)
