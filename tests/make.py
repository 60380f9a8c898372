"""Plain builders of rows. Certificates are real ones, campaigns come about by the real verbs.

`make.running_campaign()` is a launched campaign with one subscriber and one certificate; every builder takes what a
test wants to be otherwise.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib.auth.models import User

from audit.actors import staff
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Exclusion, ScopeAddition
from campaigns.services import (
    Proposal,
    add_affected,
    add_replacement,
    approve_campaign,
    approve_exclusion,
    draft_campaign,
    halt_campaign,
    launch_campaign,
    propose_addition,
    request_exclusion,
)
from notices.models import InboundMessage
from subscribers.certificates import parse_der
from subscribers.models import Certificate, Contact, Issuer, Subscriber
from tests import pki
from tests.conftest import NOW

DAY = timedelta(days=1)
OPERATOR = staff("olga")
_numbers = count(1)


def user(username: str = "olga", **fields: Any) -> User:
    """A member of staff, the same for the same name: olga operates, anton approves."""
    found, _ = User.objects.get_or_create(username=username, defaults={"is_staff": True, **fields})
    return found


def issuer(name: str = "Test CA", **fields: Any) -> Issuer:
    """An issuer with a real CA certificate (`pki.authority(name, key_name=name)`), the same for the same name."""
    ca = pki.authority(name, key_name=name)
    defaults = {
        "certificate_pem": ca.pem.decode(),
        "key_id": ca.key_identifier.key_identifier.hex() if ca.key_identifier.key_identifier else "",
        "crl_urls": [pki.SHARD],
        "ocsp_url": pki.RESPONDER,
        "backend": "sandbox",
        "crl_interval": timedelta(minutes=15),
        "revocations_per_second": 10.0,
        **fields,
    }
    found, _ = Issuer.objects.get_or_create(name=name, defaults=defaults)
    return found


def subscriber(name: str = "", *, contacts: int = 2, **fields: Any) -> Subscriber:
    """A subscriber with a primary contact and backups behind it."""
    number = next(_numbers)
    found = Subscriber.objects.create(
        **{"reference": f"S-{number:06}", "name": name or f"Subscriber {number}", **fields}
    )
    for rank in range(contacts):
        contact(found, rank=rank)
    return found


def contact(of: Subscriber, *, rank: int = 0, **fields: Any) -> Contact:
    """A contact of a subscriber: rank 0 is the primary."""
    number = next(_numbers)
    defaults = {
        "name": f"Person {number}",
        "email": f"person{number}@subscriber.example",
        "phone": f"+41 44 000 {number:04}",
        "role": Contact.Role.BACKUP if rank else Contact.Role.PRIMARY,
        "rank": rank,
    }
    return Contact.objects.create(subscriber=of, **{**defaults, **fields})


def leaf(of: Issuer | None = None, *, names: Sequence[str] = (), **knobs: Any) -> x509.Certificate:
    """A real certificate of an issuer's CA that the register does not have; knobs as for `pki.leaf`."""
    ca = of or issuer()
    names = names or (f"host{next(_numbers)}.subscriber.example",)
    return pki.leaf(pki.authority(ca.name, key_name=ca.name), names=names, **knobs)


def row_of(real: x509.Certificate, of: Issuer, holder: Subscriber | None, **fields: Any) -> Certificate:
    """The register's row for a real certificate, not yet saved."""
    parsed = parse_der(pki.der_of(real))
    values: dict[str, Any] = {
        "issuer": of,
        "subscriber": holder,
        "serial_number": parsed.serial_number,
        "fingerprint_sha256": parsed.fingerprint_sha256,
        "spki_sha256": parsed.spki_sha256,
        "subject": parsed.subject,
        "names": list(parsed.names),
        "not_before": parsed.not_before,
        "not_after": parsed.not_after,
        "policy": parsed.policy,
        "crl_url": parsed.crl_url,
        "ocsp_url": parsed.ocsp_url,
        "der": parsed.der,
    }
    return Certificate(**{**values, **fields})


def certificate(
    holder: Subscriber | None = None,
    *,
    of: Issuer | None = None,
    fields: dict[str, Any] | None = None,
    **knobs: Any,
) -> Certificate:
    """A certificate of the register, held by a new subscriber unless told otherwise; knobs as for `pki.leaf`.

    `fields` are columns that shall differ from the certificate itself, such as `revoked_at` or `subscriber=None`.
    """
    ca = of or issuer()
    row = row_of(leaf(ca, **knobs), ca, holder or subscriber(), **(fields or {}))
    row.save()
    return row


def certificates(
    number: int, holder: Subscriber | None = None, *, of: Issuer | None = None, **knobs: Any
) -> list[Certificate]:
    """Many certificates of one subscriber, written at once."""
    ca, whose = of or issuer(), holder or subscriber()
    return Certificate.objects.bulk_create(
        [row_of(leaf(ca, **knobs), ca, whose) for _ in range(number)], batch_size=500
    )


def campaign(
    certificates: Sequence[Certificate] | None = None, *, state: str = "draft", now: datetime = NOW, **draft: Any
) -> Campaign:
    """A campaign that has come as far as `state` (draft, approved or running), with these certificates or a new one."""
    made = draft_campaign(
        author=user("olga"),
        now=now,
        **{
            "title": "basicConstraints not critical",
            "rule": "12",
            "explanation": "These certificates were issued with a fault of ours.",
            "clock_started_at": now,
            **draft,
        },
    )
    rows = [certificate()] if certificates is None else certificates
    if rows:
        add_affected(made, [row.pk for row in rows], actor=OPERATOR, now=now)
    if state in ("approved", "running"):
        approve(made, now=now)
    if state == "running":
        launch_campaign(made, actor=OPERATOR, now=now)
    return made


def approve(made: Campaign, *, now: datetime = NOW) -> Campaign:
    """Have a second person approve the scope as it is."""
    count = AffectedCertificate.objects.filter(campaign=made).count()
    return approve_campaign(made, digest=made.scope_digest, typed_count=count, approver=user("anton"), now=now)


def running_campaign(
    certificates: Sequence[Certificate] | None = None, *, now: datetime = NOW, **draft: Any
) -> Campaign:
    """A launched campaign with these certificates, or with a new one."""
    return campaign(certificates, state="running", now=now, **draft)


def affected(
    number: int = 1, *, contacts: int = 2, now: datetime = NOW, **draft: Any
) -> tuple[AffectedSubscriber, list[AffectedCertificate]]:
    """One affected subscriber of a running campaign, and its affected certificates."""
    made = running_campaign(certificates_of(number, contacts=contacts), now=now, **draft)
    row = made.affected_subscribers.select_related("campaign", "subscriber").get()
    return row, list(row.certificates.select_related("campaign", "certificate__issuer").order_by("pk"))


def certificates_of(number: int, *, contacts: int = 2, **knobs: Any) -> list[Certificate]:
    """Certificates of one new subscriber."""
    return certificates(number, subscriber(contacts=contacts), **knobs)


def replaced(row: AffectedSubscriber, by: Certificate, *, now: datetime = NOW) -> None:
    """Have a subscriber show a certificate of the register as its replacement."""
    pem = x509.load_der_x509_certificate(bytes(by.der or b"")).public_bytes(Encoding.PEM)
    verdicts = add_replacement(row, pem=pem, actor="contact:1", now=now)
    assert not verdicts[0].problems, verdicts[0].problems


def excluded(
    row: AffectedCertificate, *, ground: str = "not_affected", until: datetime | None = None, now: datetime = NOW
) -> Exclusion:
    """Have one person ask for an exclusion and another approve it."""
    asked = request_exclusion(row, ground=ground, until=until, justification="As said", by=user("olga"), now=now)
    return approve_exclusion(asked, by=user("anton"), now=now)


def addition(
    made: Campaign, certificates: Sequence[Certificate], *, now: datetime = NOW, aware_at: datetime | None = None
) -> ScopeAddition:
    """Have certificates of the register proposed for a running campaign; nobody has approved them yet."""
    done = propose_addition(
        made,
        Certificate.objects.filter(pk__in=[row.pk for row in certificates]),
        proposal=Proposal(aware_at or now, "A second profile had the fault."),
        commit=True,
        by=user("olga"),
        now=now,
    )
    assert done.addition
    return done.addition


def halt(made: Campaign, *, now: datetime = NOW) -> Campaign:
    """Halt a running campaign."""
    return halt_campaign(made, reason="Something is wrong", actor="system", now=now)


def answer(of: AffectedSubscriber | None, *, now: datetime = NOW, **fields: Any) -> InboundMessage:
    """What a person of an affected subscriber has written back, unless the fields say otherwise."""
    number = next(_numbers)
    defaults = {
        "source": "test",
        "sha256": f"{number:064x}",
        "received_at": now,
        "read_at": now,
        "kind": InboundMessage.Kind.ANSWER,
        "sender": f"person{number}@subscriber.example",
        "subject": "Re: certificates",
        "text": "We replace them tonight.",
        "size": 500,
        "affected_subscriber": of,
    }
    return InboundMessage.objects.create(**{**defaults, **fields})
