"""Proof, independent of what the CA answered: the serial number on a verified CRL, with the reason that was ordered."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from audit.actors import SYSTEM
from audit.moves import move
from campaigns.models import Campaign
from campaigns.services import halt_campaign
from core.crl_reason import CRLReason
from core.due import settle
from core.errors import Refused
from revocation import crl, pauses
from revocation.models import Revocation
from revocation.services import evidence, leads, looking
from revocation.services.evidence import Hit
from subscribers.models import Issuer

log = logging.getLogger(__name__)
LIMIT = 5000
"""How many are claimed together: each batch fetches every CRL that it needs anew, so few large ones are better."""
PORTION = 500
"""How many proofs are asked for by OCSP and written down together."""
GRACE_INTERVALS = 2
"""For so many CRL intervals after its expiry, a revoked certificate may still appear on a CRL (RFC 5280 3.3)."""


def verify_published(rows: Sequence[Revocation], *, now: datetime) -> int:
    """Look for some claimed, accepted revocations on their CRLs, and by OCSP where named; how many were proven.

    A reason other than the ordered one rejects the revocation and halts its campaign. What is not there yet, or
    cannot be relied on, is looked at again. Stops in time for the task's limit.
    """
    ends = time.monotonic() + settings.TASK_TIME_LIMIT / 2
    by_issuer: dict[int, list[Revocation]] = defaultdict(list)
    for row in rows:
        by_issuer[row.issuer_id].append(row)
    return sum(_look(group, ends=ends, now=now) for group in by_issuer.values())


def _look(rows: list[Revocation], *, ends: float, now: datetime) -> int:
    """One round for one issuer; one that fails is told of on its revocations, and holds up no other."""
    try:
        return _Round(rows, ends=ends, now=now).run()
    except Exception as error:
        log.exception("%d revocations could not be looked for; they come back.", len(rows))
        keys = [row.pk for row in rows]
        waiting = Revocation.objects.filter(pk__in=keys, state=Revocation.State.ACCEPTED)
        waiting.update(last_error=f"Looking for it failed: {type(error).__name__}.")
        return 0


class _Round:
    """One look at every CRL on which the revocations of one issuer can be."""

    def __init__(self, rows: list[Revocation], *, ends: float, now: datetime) -> None:
        self.rows, self.ends = rows, ends
        self.issuer: Issuer = rows[0].affected_certificate.certificate.issuer
        self.moment = looking.Moment(now)
        self.proven = 0
        self.open = {row.pk: row for row in rows}
        """Those of which this round has not yet found anything."""
        self.problems: dict[int, str] = {}

    def run(self) -> int:
        """Look at everything; how many were proven."""
        started = self.moment.now()
        self._look_at_all()
        campaigns = {row.affected_certificate.campaign_id for row in self.rows}
        took = self.moment.now() - started
        leads.measure_proofs(self.issuer, campaigns, proven=self.proven, took=took)
        return self.proven

    def _look_at_all(self) -> None:
        shards: dict[str, list[Revocation]] = defaultdict(list)
        for row in self.rows:
            own = row.affected_certificate.certificate.crl_url
            for url in [own] if own else self.issuer.crl_urls:
                shards[url].append(row)
        for url, rows in shards.items():
            if time.monotonic() > self.ends:
                settle(self.open.values(), due_at=self.moment.now())
                return
            self._look(url, [row for row in rows if row.pk in self.open])
        self._wait(shards)

    def _look(self, url: str, rows: list[Revocation]) -> None:
        if not rows:
            return
        campaigns = {row.affected_certificate.campaign_id for row in rows}
        try:
            look = looking.look_at_crl(url, self.issuer, moment=self.moment)
            hits = [] if look.found is None else _hits(rows, look.found)
        except Refused as error:  # an entry, or our own issuer certificate, cannot be read
            look, hits = looking.CRLLook(url, self.moment.now(), problem=str(error)[:500]), []
        if look.problem:
            log.warning("%s of %s proves nothing: %s", url, self.issuer, look.problem)
            self.problems.update(dict.fromkeys((row.pk for row in rows), look.problem))
        if not hits:
            evidence.keep_crl(look, self.issuer, dict.fromkeys(campaigns, 0))
            return
        for hit in hits:
            self.open.pop(hit.row.pk)
        wrong = [hit for hit in hits if not _is_as_ordered(hit)]
        right = [hit for hit in hits if _is_as_ordered(hit)]
        self._reject(wrong, look)
        if wrong:
            evidence.keep_crl(look, self.issuer, Counter(hit.row.affected_certificate.campaign_id for hit in wrong))
        self._prove(right, look)

    def _prove(self, hits: list[Hit], look: looking.CRLLook) -> None:
        """Write down what the CRL proves, portion by portion, once OCSP has agreed where it can be asked."""
        for start in range(0, len(hits), PORTION):
            portion = hits[start : start + PORTION]
            if time.monotonic() > self.ends:
                settle([hit.row for hit in hits[start:]], due_at=self.moment.now())
                return
            agreed, looks = self._asked(portion)
            self.proven += evidence.publish(agreed, look, looks, self.issuer, now=self.moment.now())

    def _asked(self, hits: list[Hit]) -> tuple[list[Hit], list[looking.OCSPLook]]:
        """Those of which OCSP says revoked, or of which it cannot be asked; the others are looked at again."""
        asked = [hit.row for hit in hits if hit.row.affected_certificate.certificate.ocsp_url]
        looks = list(looking.look_at_ocsp(asked, self.issuer, moment=self.moment))
        against = {}
        for look in looks:
            if look.status is None:
                against[look.row.pk] = f"On the CRL, but OCSP proves nothing: {look.problem}"
            elif look.status.status != "revoked":
                against[look.row.pk] = f"On the CRL, but OCSP still says {look.status.status}."
        self._later([hit.row for hit in hits if hit.row.pk in against], against)
        return [hit for hit in hits if hit.row.pk not in against], looks

    def _wait(self, shards: Collection[str]) -> None:
        """Look again later for what was found nowhere; what has expired meanwhile will not be found any more."""
        rows, at = list(self.open.values()), self.moment.now()
        if not shards and rows:
            self.problems = dict.fromkeys(self.open, "Neither the certificate nor its issuer names a CRL.")
        gone = at - self.issuer.crl_interval * GRACE_INTERVALS
        expired = [row for row in rows if row.affected_certificate.not_after < gone]
        settle(expired, due_at=None, last_error="It expired before it was seen on a CRL.")
        self._later([row for row in rows if row.affected_certificate.not_after >= gone], self.problems)

    def _later(self, rows: list[Revocation], problems: dict[int, str]) -> None:
        at = self.moment.now()
        groups: dict[tuple[timedelta, str], list[Revocation]] = defaultdict(list)
        for row in rows:
            publish_by = row.affected_certificate.publish_by
            pause = pauses.until_look(self.issuer.crl_interval, now=at, publish_by=publish_by)
            groups[pause, problems.get(row.pk, "")].append(row)
        for (pause, problem), group in groups.items():
            settle(group, due_at=at + pause, last_error=problem[:500])

    def _reject(self, hits: list[Hit], look: looking.CRLLook) -> None:
        """Stop everything: what the CA puts on its CRL is not what was ordered."""
        by_reason: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            by_reason[hit.entry.reason].append(hit)
        for reason, group in by_reason.items():
            rows = [hit.row for hit in group]
            why = f"The CRL gives the reason {reason}, ordered was {rows[0].crl_reason}."
            fields = {"due_at": None, "last_error": why}
            facts = {"why": why, "crl": look.sha256}
            at = self.moment.now()
            rejected = move(
                rows, Revocation.State.REJECTED, actor=SYSTEM, now=at, fields=fields, facts=facts, fenced=True
            )
            for campaign in {row.affected_certificate.campaign for row in rejected}:
                _halt(campaign, f"{rejected[0]} of {self.issuer} was revoked with a wrong reason. {why}", now=at)


def _halt(campaign: Campaign, reason: str, *, now: datetime) -> None:
    log.error("%s: %s", campaign.stream, reason)
    try:
        halt_campaign(campaign, reason=reason, actor=SYSTEM, now=now)
    except Refused as refusal:
        log.error("%s could not be halted: %s", campaign.stream, refusal)


def _hits(rows: list[Revocation], found: crl.VerifiedCRL) -> list[Hit]:
    entries = found.entries
    serials = ((row, row.affected_certificate.certificate.serial_number) for row in rows)
    return [Hit(row, entries[serial]) for row, serial in serials if serial in entries]


def _is_as_ordered(hit: Hit) -> bool:
    """Whether the CRL gives the reason that was ordered.

    A certificate that the CA had revoked before the campaign was launched keeps the reason it was given then; BR 7.2.2
    allows no change but to keyCompromise. Nothing that we ordered can have been the cause of that.
    """
    row, reason = hit.row, hit.entry.reason
    if reason == row.crl_reason:
        return True
    launched_at = row.affected_certificate.campaign.launched_at
    is_older = bool(row.was_revoked_before and launched_at and hit.entry.revocation_date < launched_at)
    return is_older and row.crl_reason != CRLReason.KEY_COMPROMISE
