"""The lists behind the numbers: affected certificates and subscribers, by keyset, searched, and as CSV."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from core.figures import iso
from reports.funnel import of_step
from reports.parts import of_part
from subscribers.models import SubscriberClass

PAGE = 50
STEP = 2000
HEX = re.compile(r"[0-9a-f]+")
Row = TypeVar("Row", bound=Model)

CERTIFICATE_PARTS = {
    "scope": "in the scope",
    "remaining": "remaining",
    "outstanding": "outstanding",
    "revoked": "revoked and published",
    "expired": "expired",
    "excluded": "excluded",
    "confirmed": "confirmed, no replacement found yet",
    "replaced": "replaced",
    "late": "late",
    "overdue": "overdue",
}
SUBSCRIBER_STEPS = {
    "total": "in the campaign",
    "notified": "notified",
    "reached": "reached",
    "acknowledged": "acknowledged",
    "replaced": "all replaced",
    "at_risk": "at risk",
    "unreachable": "unreachable",
}


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """Some rows in the order of their keys, and the key after which the next page begins; 0 when there is none."""

    rows: list[Row]
    after: int


def keyset(rows: QuerySet[Row], *, after: int, size: int = PAGE) -> Slice[Row]:
    """The page after a key: it costs the same on the first and on the last page of three million."""
    found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
    return Slice(found[:size], found[size - 1].pk if len(found) > size else 0)


def certificates(
    campaign: Campaign | None, *, part: str, search: str, now: datetime, issuer: str = "", subscriber_class: str = ""
) -> QuerySet[AffectedCertificate]:
    """The affected certificates behind a number; of all running campaigns when none is given."""
    rows = AffectedCertificate.objects.select_related(
        "campaign", "certificate__issuer", "affected_subscriber__subscriber", "revocation"
    ).defer("certificate__der")
    rows = rows.filter(campaign=campaign) if campaign else rows.filter(campaign__in=Campaign.objects.running())
    if issuer:
        rows = rows.filter(certificate__issuer__name=issuer)
    if subscriber_class:
        rows = rows.filter(affected_subscriber__subscriber__subscriber_class=subscriber_class)
    return of_part(_searched(rows, search), part, now)


def subscribers(
    campaign: Campaign, *, step: str, search: str, subscriber_class: str, now: datetime
) -> QuerySet[AffectedSubscriber]:
    """The affected subscribers behind a number of the funnel."""
    rows = AffectedSubscriber.objects.filter(campaign=campaign).select_related("subscriber", "acknowledged_by")
    if search:
        rows = rows.filter(Q(subscriber__name__icontains=search) | Q(subscriber__reference__iexact=search))
    if subscriber_class in SubscriberClass.values:
        rows = rows.filter(subscriber__subscriber_class=subscriber_class)
    return of_step(rows, step, now)


def certificates_csv(rows: QuerySet[AffectedCertificate]) -> Iterator[str]:
    """The rows as CSV, streamed; no cell can be mistaken for a formula."""
    head = [
        "issuer",
        "serial_number",
        "fingerprint_sha256",
        "subject",
        "names",
        "subscriber_reference",
        "subscriber",
        "class",
        "not_after",
        "state",
        "publish_by",
        "confirmed_at",
        "replaced_at",
        "published_at",
        "revocation",
    ]
    return _csv(head, (_certificate_cells(row) for row in rows.order_by("pk").iterator(STEP)))


def subscribers_csv(rows: QuerySet[AffectedSubscriber]) -> Iterator[str]:
    """The rows as CSV, streamed."""
    head = ["reference", "name", "class", "time_zone", "acknowledged_at", "acknowledged_by", "unreachable_since"]
    return _csv(
        head,
        (
            [
                row.subscriber.reference,
                row.subscriber.name,
                row.subscriber.subscriber_class,
                row.subscriber.time_zone,
                iso(row.acknowledged_at),
                str(row.acknowledged_by or ""),
                iso(row.unreachable_since),
            ]
            for row in rows.order_by("pk").iterator(STEP)
        ),
    )


def _searched(rows: QuerySet[AffectedCertificate], search: str) -> QuerySet[AffectedCertificate]:
    """Serial numbers and fingerprints are looked up whole; anything else is part of a subscriber's or host's name."""
    if not search:
        return rows
    text = search.strip().lower().replace(":", "").removeprefix("0x")
    rows = rows.annotate(names_text=Cast("certificate__names", TextField()))
    meaning = Q(affected_subscriber__subscriber__name__icontains=search.strip()) | Q(
        names_text__icontains=search.strip()
    )
    if HEX.fullmatch(text):
        meaning |= Q(certificate__serial_number=text.lstrip("0")) | Q(certificate__fingerprint_sha256=text)
    return rows.filter(meaning)


def _certificate_cells(row: AffectedCertificate) -> list[str]:
    certificate, subscriber = row.certificate, row.affected_subscriber.subscriber
    revocation = getattr(row, "revocation", None)
    return [
        certificate.issuer.name,
        certificate.serial_number,
        certificate.fingerprint_sha256,
        certificate.subject,
        " ".join(certificate.names),
        subscriber.reference,
        subscriber.name,
        subscriber.subscriber_class,
        iso(row.not_after),
        row.state,
        iso(row.publish_by),
        iso(row.confirmed_at),
        iso(row.replaced_at),
        iso(row.published_at),
        revocation.state if revocation else "",
    ]


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(head)
    for cells in rows:
        yield writer.writerow([_safe(cell) for cell in cells])


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
