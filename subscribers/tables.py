"""The register as tables with the columns of the import: what is written here can be read again without loss."""

from collections.abc import Callable, Iterator
from typing import Any

from core.figures import iso
from subscribers.exporting import Table
from subscribers.models import Commitment, Contact, Subscriber
from subscribers.records import COMMITMENTS, CONTACTS, SUBSCRIBERS

STEP = 2000
DAY_HOURS = 24


def subscribers() -> Table:
    """All subscribers."""
    names = [each.name for each in SUBSCRIBERS.columns]
    return names, _rows(Subscriber.objects.order_by("pk"), names)


def contacts() -> Table:
    """All contacts, also those who have left."""
    names = [each.name for each in CONTACTS.columns]
    return names, _rows(Contact.objects.order_by("subscriber", "rank", "pk"), names)


def commitments() -> Table:
    """All commitments, also those that have ended."""
    names = [each.name for each in COMMITMENTS.columns]
    return names, _rows(Commitment.objects.order_by("subscriber", "given_at", "pk"), names)


TABLES: dict[str, Callable[[], Table]] = {
    "subscribers": subscribers,
    "contacts": contacts,
    "commitments": commitments,
}


def _rows(rows: Any, names: list[str]) -> Iterator[list[str]]:
    columns = ["subscriber__reference" if name == "subscriber" else name for name in names]
    for values in rows.values_list(*columns).iterator(STEP):
        yield [_text(name, value) for name, value in zip(names, values, strict=True)]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "window":
        return "24h" if value.days <= 1 else "5d"
    return iso(value) if name.endswith(("_at", "_until")) else str(value)
