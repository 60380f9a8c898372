"""Replacements: a confirmation is a claim; a certificate that we have verified is a fact (R19, R31)."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from ssl import DER_cert_to_PEM_cert

from django.db import transaction
from django.utils.translation import gettext_lazy

from audit.actors import SYSTEM
from audit.moves import move
from audit.services import record
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Replacement
from campaigns.replacement import Candidate, own_problems, problems
from campaigns.services.candidates import Verdict, Wanted, affected_of, handed_in, in_register, read_upload
from campaigns.services.guards import require_running, require_text, stop_answered
from campaigns.services.responses import note_answer
from core.due import retry_after, settle
from subscribers.certificates import ParsedCertificate
from subscribers.models import Certificate, Contact

log = logging.getLogger(__name__)
NO_NAME = gettext_lazy("It covers the names of none of your certificates that are still to be replaced.")


def add_replacement(
    affected_subscriber: AffectedSubscriber, *, pem: bytes, contact: Contact | None = None, actor: str, now: datetime
) -> list[Verdict]:
    """Look at certificates that a subscriber hands in as PEM or DER; what each of them replaces, or why it does not.

    Raises `Malformed` if nothing in it is a certificate, and `Refused` for what is too large or holds a private key.
    """
    found = list(read_upload(pem))
    with transaction.atomic():
        require_running(affected_subscriber.campaign, "a replacement")
        rows = affected_subscriber.certificates.filter(published_at=None).exclude(
            state=AffectedCertificate.State.REPLACED
        )
        open_rows = list(rows.select_related("certificate__issuer").defer("certificate__der"))
        for row in open_rows:
            row.campaign = affected_subscriber.campaign
        wanted = Wanted(open_rows)
        verdicts = [
            each if isinstance(each, Verdict) else _take_in(affected_subscriber, each, wanted, actor=actor, now=now)
            for each in found
        ]
        if any(verdict.fingerprint_sha256 for verdict in verdicts):
            note_answer(affected_subscriber, contact, actor=actor, now=now)
        stop_answered([affected_subscriber.pk], now=now)
    affected_subscriber.refresh_from_db()
    return verdicts


def _take_in(
    affected_subscriber: AffectedSubscriber, parsed: ParsedCertificate, wanted: Wanted, *, actor: str, now: datetime
) -> Verdict:
    campaign = affected_subscriber.campaign
    candidate, known = handed_in(parsed, campaign)
    verdict = Verdict(
        title=next(iter(parsed.names), parsed.serial_number),
        serial_number=parsed.serial_number,
        fingerprint_sha256=parsed.fingerprint_sha256,
        problems=own_problems(candidate, now=now),
    )
    if verdict.problems:
        return verdict
    likely = [row for row in wanted.likely(parsed.names) if row.state != AffectedCertificate.State.REPLACED]
    judged = [(row, _problems(campaign, row, candidate, now=now)) for row in likely]
    good = [row for row, found in judged if not found]
    if not good:
        verdict.problems = min((found for _, found in judged), key=len, default=[str(NO_NAME)])
        return verdict
    shown = _shown(affected_subscriber, parsed, known, actor=actor, now=now)
    verdict.replaces = _replace(good, {row.pk: shown for row in good}, actor=actor, now=now)
    return verdict


def _problems(campaign: Campaign, row: AffectedCertificate, candidate: Candidate, *, now: datetime) -> list[str]:
    return problems(affected_of(row), candidate, fixed_at=campaign.fixed_at, crl_reason=campaign.crl_reason, now=now)


def _shown(
    affected_subscriber: AffectedSubscriber,
    parsed: ParsedCertificate,
    known: Certificate | None,
    *,
    actor: str,
    now: datetime,
) -> Replacement:
    return Replacement.objects.get_or_create(
        affected_subscriber=affected_subscriber,
        fingerprint_sha256=parsed.fingerprint_sha256,
        defaults={
            "certificate": known,
            "spki_sha256": parsed.spki_sha256,
            "issuer_name": parsed.issuer_subject[:1000],
            "serial_number": parsed.serial_number,
            "names": list(parsed.names),
            "not_before": parsed.not_before,
            "not_after": parsed.not_after,
            "pem": DER_cert_to_PEM_cert(parsed.der),
            "shown_at": now,
            "shown_by": actor,
        },
    )[0]


def verify_replacements(rows: Sequence[AffectedCertificate], *, now: datetime) -> None:
    """Look in the register for what replaces some claimed, confirmed certificates; those without are looked at again.

    One pass over the candidates of each campaign, however many rows there are.
    """
    by_campaign: dict[Campaign, list[AffectedCertificate]] = defaultdict(list)
    for row in rows:
        by_campaign[row.campaign].append(row)
    for campaign, ours in by_campaign.items():
        try:
            _verify(campaign, ours, now=now)
        except Exception:
            log.exception("The replacements of %s could not be looked for; they come back.", campaign.stream)


def _verify(campaign: Campaign, rows: Sequence[AffectedCertificate], *, now: datetime) -> None:
    with transaction.atomic():
        open_rows = [row for row in rows if not row.published_at and row.not_after >= now]
        settle(set(rows) - set(open_rows), due_at=None)
        replaced = {row.pk for row in _replace_from_register(campaign, open_rows, now=now)}
        left = [row for row in open_rows if row.pk not in replaced]
        for attempts in {row.attempts for row in left}:
            again = [row for row in left if row.attempts == attempts]
            settle(again, due_at=now + retry_after(attempts))


def _replace_from_register(
    campaign: Campaign, rows: Sequence[AffectedCertificate], *, now: datetime
) -> list[AffectedCertificate]:
    chosen = _choose(campaign, rows, now=now) if rows else {}
    if not chosen:
        return []
    good = [row for row in rows if row.pk in chosen]
    Replacement.objects.bulk_create(
        (_found(row, chosen[row.pk], now=now) for row in good), ignore_conflicts=True, batch_size=500
    )
    kept = {
        (each.affected_subscriber_id, each.fingerprint_sha256): each
        for each in Replacement.objects.filter(
            affected_subscriber__in={row.affected_subscriber_id for row in good},
            fingerprint_sha256__in={certificate.fingerprint_sha256 for certificate in chosen.values()},
        )
    }
    by_row = {row.pk: kept[row.affected_subscriber_id, chosen[row.pk].fingerprint_sha256] for row in good}
    return _replace(good, by_row, actor=SYSTEM, now=now, fenced=True)


def _choose(campaign: Campaign, rows: Sequence[AffectedCertificate], *, now: datetime) -> dict[int, Certificate]:
    """The oldest acceptable candidate for each row, by the row's key."""
    chosen: dict[int, Certificate] = {}
    wanted = Wanted(rows)
    for certificate, candidate in in_register(campaign, rows, now=now):
        for row in wanted.likely(candidate.names):
            if row.pk in chosen or row.affected_subscriber.subscriber_id != certificate.subscriber_id:
                continue
            if not _problems(campaign, row, candidate, now=now):
                chosen[row.pk] = certificate
        if len(chosen) == len(rows):
            break
    return chosen


def _found(row: AffectedCertificate, certificate: Certificate, *, now: datetime) -> Replacement:
    return Replacement(
        affected_subscriber_id=row.affected_subscriber_id,
        certificate=certificate,
        fingerprint_sha256=certificate.fingerprint_sha256,
        spki_sha256=certificate.spki_sha256,
        issuer_name=certificate.issuer.name,
        serial_number=certificate.serial_number,
        names=certificate.names,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        shown_at=now,
        shown_by="register",
    )


def _replace(
    rows: list[AffectedCertificate],
    by_row: Mapping[int, Replacement],
    *,
    actor: str,
    now: datetime,
    fenced: bool = False,
) -> list[AffectedCertificate]:
    """Move rows to `replaced`, each with its replacement; the rows that were moved."""
    moved = move(
        rows,
        AffectedCertificate.State.REPLACED,
        actor=actor,
        now=now,
        fields={"replaced_at": now, "due_at": None},
        facts=lambda row: {
            "serial_number": row.certificate.serial_number,
            "replacement": by_row[row.pk].fingerprint_sha256,
            "replacement_serial_number": by_row[row.pk].serial_number,
            "shown_by": by_row[row.pk].shown_by,
        },
        fenced=fenced,
    )
    for row in moved:
        row.replacement = by_row[row.pk]
    AffectedCertificate.objects.bulk_update(moved, ["replacement"], batch_size=500)
    return moved


def withdraw_replacement(replacement: Replacement, *, reason: str, actor: str, now: datetime) -> None:
    """Take back a replacement, so that a scope can hold it: it was taken in by mistake, or is faulty itself.

    What it replaced stays replaced and is revoked all the same. The journal keeps what it was.
    """
    reason = require_text(reason, "a reason")
    with transaction.atomic():
        facts = {
            "reason": reason,
            "serial_number": replacement.serial_number,
            "issuer": replacement.issuer_name,
            "fingerprint_sha256": replacement.fingerprint_sha256,
            "pem": replacement.pem,
            "replaced": list(replacement.replaces.values_list("pk", flat=True)),
        }
        stream = replacement.affected_subscriber.stream
        record("replacement.withdrawn", stream=stream, about=replacement, actor=actor, now=now, facts=facts)
        replacement.replaces.update(replacement=None)
        replacement.delete()
