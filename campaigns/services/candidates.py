"""Certificates that may replace affected ones: handed in by a subscriber, or found in the register."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from campaigns.models import AffectedCertificate, Campaign
from campaigns.replacement import KEY_COMPROMISE, Affected, Candidate, plain, wildcard_of
from core.errors import Malformed, Refused
from subscribers.certificates import BEGIN, ParsedCertificate, parse_der, parse_pem
from subscribers.models import Certificate

LIMIT_BYTES = 1024 * 1024
LIMIT_CERTIFICATES = 200
OPEN = (Campaign.State.DRAFT, Campaign.State.APPROVED, Campaign.State.RUNNING)


@dataclass(slots=True)
class Verdict:
    """What became of one certificate that was handed in."""

    title: str
    """Its first name or its serial number; where it stood if it could not be read."""
    serial_number: str = ""
    fingerprint_sha256: str = ""
    replaces: list[AffectedCertificate] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why it replaces nothing, in sentences; empty if it does."""


class Wanted:
    """Affected certificates by their first name, so that a candidate is compared with likely ones only."""

    def __init__(self, rows: Iterable[AffectedCertificate]) -> None:
        self.by_name: dict[str, list[AffectedCertificate]] = defaultdict(list)
        for row in rows:
            first = plain(next(iter(row.certificate.names), ""))
            for name in {first, wildcard_of(first)} - {""}:
                self.by_name[name].append(row)

    def likely(self, names: Iterable[str]) -> list[AffectedCertificate]:
        """The rows whose first name these names cover, each once."""
        found = {row.pk: row for name in names for row in self.by_name.get(plain(name), ())}
        return list(found.values())


def affected_of(row: AffectedCertificate) -> Affected:
    """What the rule asks about the certificate to be replaced."""
    return Affected(
        names=tuple(row.certificate.names),
        not_before=row.certificate.not_before,
        fingerprint_sha256=row.certificate.fingerprint_sha256,
        spki_sha256=row.certificate.spki_sha256,
        issuer_key=row.certificate.issuer.key_id,
        serial_number=row.certificate.serial_number,
    )


def read_upload(data: bytes) -> Iterator[ParsedCertificate | Verdict]:
    """The certificates in what a subscriber hands in, PEM or DER; a verdict for each that cannot be read.

    Raises `Malformed` if there is none at all, and `Refused` for what is too large or holds a private key.
    """
    if len(data) > LIMIT_BYTES:
        told = _("This is larger than %(limit)s KiB. Please send the new certificates alone.")
        raise Refused(told % {"limit": f"{LIMIT_BYTES // 1024:,}"})
    if b"PRIVATE KEY-----" in data:
        raise Refused(
            _(
                "There is a private key in this. We have not kept it and never need it. "
                "Please consider the key compromised, and send only certificates."
            )
        )
    if not data.strip():
        raise Malformed(_("This is empty."))
    if BEGIN not in data:
        yield parse_der(data)
        return
    blocks = data.split(BEGIN)[1:]
    if len(blocks) > LIMIT_CERTIFICATES:
        told = _("There are %(count)s certificates in this; please send %(limit)d at a time.")
        raise Refused(told % {"count": f"{len(blocks):,}", "limit": LIMIT_CERTIFICATES})
    for number, block in enumerate(blocks, 1):
        try:
            yield parse_pem(BEGIN + block)
        except Malformed as error:
            yield Verdict(title=_("certificate %(number)d") % {"number": number}, problems=[str(error)])


def handed_in(parsed: ParsedCertificate, campaign: Campaign) -> tuple[Candidate, Certificate | None]:
    """What the rule asks about a certificate that was handed in, and its row if the register has it."""
    known = Certificate.objects.filter(fingerprint_sha256=parsed.fingerprint_sha256).defer("der").first() or (
        Certificate.objects.filter(issuer__key_id=parsed.issuer_key, serial_number=parsed.serial_number)
        .defer("der")
        .first()
    )
    scope = AffectedCertificate.objects
    candidate = Candidate(
        names=parsed.names,
        not_before=parsed.not_before,
        not_after=parsed.not_after,
        fingerprint_sha256=parsed.fingerprint_sha256,
        spki_sha256=parsed.spki_sha256,
        issuer_key=parsed.issuer_key,
        serial_number=parsed.serial_number,
        is_revoked=known is not None and known.revoked_at is not None,
        is_ca=parsed.is_ca,
        is_precertificate=parsed.is_precertificate,
        is_in_scope=known is not None and scope.filter(certificate=known, campaign__state__in=OPEN).exists(),
        has_affected_key=campaign.crl_reason == KEY_COMPROMISE
        and scope.filter(campaign=campaign, certificate__spki_sha256=parsed.spki_sha256).exists(),
    )
    return candidate, known


def in_register(
    campaign: Campaign, rows: Sequence[AffectedCertificate], *, now: datetime
) -> Iterator[tuple[Certificate, Candidate]]:
    """The certificates of the rows' subscribers that may replace one of them, by one query, streamed.

    What is revoked, expired, too old or itself in a scope is left to the database. So is a certificate of which only
    given fields are known: it has never been seen, and proves nothing.
    """
    since = campaign.fixed_at or min(row.certificate.not_before for row in rows)
    scope = AffectedCertificate.objects.filter(certificate=OuterRef("pk"), campaign__state__in=OPEN)
    found: QuerySet[Certificate] = (
        Certificate.objects.filter(
            ~Exists(scope),
            subscriber__in={row.affected_subscriber.subscriber_id for row in rows},
            not_before__gt=since,
            not_after__gte=now,
            revoked_at=None,
        )
        .exclude(fingerprint_sha256="")
        .order_by("not_before", "pk")
        .with_issuer()
    )
    has_affected_key = AffectedCertificate.objects.filter(
        campaign=campaign, certificate__spki_sha256=OuterRef("spki_sha256")
    )
    if campaign.crl_reason == KEY_COMPROMISE:
        found = found.filter(~Exists(has_affected_key))
    for certificate in found.iterator(2000):
        yield certificate, _candidate_of(certificate)


def _candidate_of(certificate: Certificate) -> Candidate:
    return Candidate(
        names=tuple(certificate.names),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        fingerprint_sha256=certificate.fingerprint_sha256,
        spki_sha256=certificate.spki_sha256,
        issuer_key=certificate.issuer.key_id,
        serial_number=certificate.serial_number,
    )
