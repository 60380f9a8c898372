"""Import, scope and launch, beside COPY and UPDATE."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from django.contrib.auth.models import User
from psycopg.types.json import Jsonb

from bench import fields, plain
from bench.material import LAUNCHED_AT, OPERATOR, World, complete, parsed, read_in
from bench.measure import Act
from bench.stage import Stage
from campaigns.models import Campaign
from campaigns.services import approve_campaign, draft_campaign, import_scope, launch_campaign
from rehearsal import history
from subscribers.models import Certificate, Issuer
from subscribers.sources import open_source

CERTIFICATES = Certificate._meta.db_table


def stages(world: World) -> list[Stage]:
    """From files to a campaign that runs."""
    given, pem, scope = (world.file(name) for name in ("certificates.csv", "certificates.pem", "scope.csv"))
    return [
        Stage(
            "import, fields given as CSV", "certificates",
            work=lambda: lambda: _imported(given),
            half=lambda: lambda: _imported(given.with_name("half-certificates.csv")),
            limit_is="binary COPY", limit=lambda: _copied(pem), wanted=0.5, is_undone=True,
        ),
        Stage(
            "import, PEM", "certificates",
            work=lambda: lambda: _imported(pem),
            half=lambda: lambda: _imported(pem.with_name("half-certificates.pem")),
            limit_is="cryptography, binary COPY", limit=lambda: _parsed_and_copied(pem), wanted=0.6,
        ),
        Stage(
            "scope, approval, launch", "certificates",
            before=lambda: lambda: complete(world),
            work=lambda: lambda: _launched(scope),
            half=lambda: lambda: _launched(scope.with_name("half-scope.csv")),
            limit_is="3 × one UPDATE of all", limit=_updated, is_limit_after=True, limit_times=3, wanted=1.0,
        ),
    ]  # fmt: skip


def _imported(path: Path) -> int:
    report = read_in([path])
    return report.counts["certificate"].created


def _copied(path: Path) -> Act:
    """The very rows that the register gets, made before the time counts."""
    issuer = Issuer.objects.get().pk
    rows = [_given_row(issuer, found) for _, found in parsed(path)]
    plain.copy_of(CERTIFICATES, filled=False)
    return lambda: plain.copy_in(rows, [name for name in plain.TYPES if name != "der"])


def _given_row(issuer: int, found: Any) -> tuple[Any, ...]:
    return (
        issuer, None, found.serial_number, found.fingerprint_sha256, "", found.spki_sha256, found.subject,
        Jsonb(list(found.names)), found.not_before, found.not_after, found.policy, found.crl_url, found.ocsp_url, "",
    )  # fmt: skip


def _parsed_and_copied(path: Path) -> Act:
    """Every field by the objects of `cryptography`, each extension read once, straight into COPY."""
    issuer = Issuer.objects.get().pk
    plain.copy_of(CERTIFICATES, filled=False)

    def rows() -> Iterator[tuple[Any, ...]]:
        for der in fields.blocks(path):
            found = fields.read(x509.load_der_x509_certificate(der))
            yield (issuer, None, *found[:5], Jsonb(found[5]), *found[6:], "", der)

    return lambda: plain.copy_in(rows(), [*plain.TYPES])


def _launched(path: Path) -> int:
    people = {user.username: user for user in User.objects.all()}
    campaign = draft_campaign(
        title="basicConstraints not critical",
        rule="12",
        kind=Campaign.Kind.DRILL,
        explanation="The basicConstraints extension of these certificates is present but not marked critical.",
        clock_started_at=history.REPORT_READ_AT,
        fixed_at=history.FIXED_AT,
        author=people["operator"],
        now=LAUNCHED_AT,
    )
    import_scope(campaign, [open_source(path)], commit=True, actor=OPERATOR, now=LAUNCHED_AT)
    approve_campaign(
        campaign,
        digest=campaign.scope_digest,
        typed_count=campaign.scope_count,
        approver=people["approver"],
        now=LAUNCHED_AT,
    )
    launch_campaign(campaign, actor=OPERATOR, now=LAUNCHED_AT)
    return campaign.scope_count


def _updated() -> Act:
    plain.copy_of("campaigns_affectedcertificate")
    return lambda: plain.update_all("publish_by")
