"""Subscribers with certificates in a launched campaign, and the links under which they answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib.auth.models import User

from audit.models import Event
from campaigns import links
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.services import add_affected, approve_campaign, draft_campaign, launch_campaign
from subscribers.certificates import parse_der
from subscribers.models import Certificate, Contact, Issuer, Subscriber
from tests import pki
from tests.conftest import NOW

DEADLINE = NOW + timedelta(days=5)
YEAR = timedelta(days=365)


def issuer() -> Issuer:
    """The one issuer of these tests."""
    ca = pki.authority()
    return Issuer.objects.get_or_create(
        name="Test CA",
        defaults={
            "certificate_pem": ca.pem.decode(), "key_id": (ca.key_identifier.key_identifier or b"").hex(),
            "backend": "sandbox", "crl_interval": timedelta(minutes=15),
        },
    )[0]  # fmt: skip


def subscriber(reference: str = "S1", *, time_zone: str = "Asia/Shanghai") -> Subscriber:
    """A subscriber with one contact."""
    made = Subscriber.objects.create(reference=reference, name=f"Example Bank {reference}", time_zone=time_zone)
    Contact.objects.create(subscriber=made, name="Wang Li", email=f"wang@{reference.lower()}.example")
    return made


def registered(certificate: x509.Certificate, owner: Subscriber) -> Certificate:
    """A certificate as the register holds it."""
    parsed = parse_der(certificate.public_bytes(Encoding.DER))
    return Certificate.objects.create(
        issuer=issuer(), subscriber=owner, serial_number=parsed.serial_number, names=list(parsed.names),
        fingerprint_sha256=parsed.fingerprint_sha256, spki_sha256=parsed.spki_sha256, subject=parsed.subject,
        not_before=parsed.not_before, not_after=parsed.not_after, der=parsed.der,
    )  # fmt: skip


def leaf(*names: str, **given: Any) -> x509.Certificate:
    """An affected certificate, valid for long enough to outlive the deadline."""
    return pki.leaf(names=names, **{"not_before": NOW - YEAR / 2, "not_after": NOW + YEAR / 2, **given})


def new_leaf(*names: str, **given: Any) -> x509.Certificate:
    """A certificate issued today, which replaces one with the same names."""
    return leaf(*names, **{"not_before": NOW - timedelta(hours=1), "key_name": "new", **given})


def launch(owners: Sequence[Subscriber], **draft: Any) -> Campaign:
    """A running campaign about all certificates of these subscribers, launched at `NOW`, with five days' time."""
    author, approver = (User.objects.get_or_create(username=name)[0] for name in ("olga", "anton"))
    facts = {
        "title": "basicConstraints not critical", "rule": "12", "kind": Campaign.Kind.LIVE, "clock_started_at": NOW,
        "explanation": "They were issued with a fault of ours: basicConstraints was not marked critical.", **draft,
    }  # fmt: skip
    campaign = draft_campaign(author=author, now=NOW, **facts)
    add_affected(campaign, Certificate.objects.filter(subscriber__in=owners), actor="staff:olga", now=NOW)
    campaign.refresh_from_db()
    approve_campaign(
        campaign, digest=campaign.scope_digest, typed_count=campaign.scope_count, approver=approver, now=NOW
    )
    return launch_campaign(campaign, actor="staff:olga", now=NOW)


def affected(
    count: int = 3, *, reference: str = "S1", time_zone: str = "Asia/Shanghai", **draft: Any
) -> AffectedSubscriber:
    """A subscriber of a running campaign with some affected certificates, `www0` and on."""
    owner = subscriber(reference, time_zone=time_zone)
    for number in range(count):
        registered(leaf(f"www{number}.{reference.lower()}.example", f"{number}.{reference.lower()}.example"), owner)
    return launch([owner], **draft).affected_subscribers.get()


def many(count: int) -> AffectedSubscriber:
    """A subscriber with very many certificates; their bytes are not at hand."""
    owner = subscriber("BIG")
    Certificate.objects.bulk_create(
        Certificate(
            issuer=issuer(), subscriber=owner, serial_number=f"{number + 4096:x}", names=[f"host{number}.big.example"],
            not_before=NOW - YEAR / 2, not_after=NOW + YEAR / 2,
        )
        for number in range(count)
    )  # fmt: skip
    return launch([owner]).affected_subscribers.get()


def link(of: AffectedSubscriber, act: str = "") -> str:
    """The path of the page, or of one of its acts, for the subscriber's first contact."""
    contact = of.subscriber.contacts.order_by("pk").first()
    assert contact is not None
    return f"/respond/{links.token(of, contact)}/{act}"


def keys(of: AffectedSubscriber) -> list[int]:
    """The keys of the affected certificates, in the order of the list."""
    return list(AffectedCertificate.objects.filter(affected_subscriber=of).order_by("pk").values_list("pk", flat=True))


def states(of: AffectedSubscriber) -> list[str]:
    """What the subscriber has done about each."""
    return list(
        AffectedCertificate.objects.filter(affected_subscriber=of).order_by("pk").values_list("state", flat=True)
    )


def everything() -> list[object]:
    """All that an answer could change."""
    rows: list[object] = []
    for model in (AffectedSubscriber, AffectedCertificate, Campaign, Contact, Certificate, Event):
        rows += model._default_manager.order_by("pk").values()
    return rows


def moment(text: str) -> datetime:
    """A moment in ISO 8601."""
    return datetime.fromisoformat(text)
