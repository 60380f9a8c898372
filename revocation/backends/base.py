"""The contract with a CA: it receives a batch of orders and yields one outcome for each."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self, TypeAlias


@dataclass(frozen=True)
class Order:
    """One certificate to be revoked. `key` is the caller's own and comes back in the outcome.

    The serial number is lower-case hex; the fingerprint may be empty where the certificate has never been seen.
    """

    key: Hashable
    serial_number: str
    reason: str
    fingerprint_sha256: str = ""


@dataclass(frozen=True)
class Accepted:
    """The certificate is revoked in the CA's books, at its own date; `already` if it was before we asked.

    `reason` is the one in the CA's books, which may differ from the order's when `already` is true.
    """

    order: Order
    revoked_at: datetime
    reason: str
    already: bool


@dataclass(frozen=True)
class PendingApproval:
    """The CA has taken the request and waits for one of its own people; ask again later."""

    order: Order


@dataclass(frozen=True)
class Expired:
    """The certificate has expired and the CA will not put it on a CRL. That is no revocation."""

    order: Order


@dataclass(frozen=True)
class NotFound:
    """The CA does not know this serial number."""

    order: Order


@dataclass(frozen=True)
class Refusal:
    """The CA said no, and would say no again; `detail` is its own text."""

    order: Order
    detail: str


@dataclass(frozen=True)
class TryLater:
    """The CA could not, this time; `detail` is its own text. It may have acted: look up before deciding anything."""

    order: Order
    detail: str


Outcome: TypeAlias = Accepted | PendingApproval | Expired | NotFound | Refusal | TryLater


@dataclass(frozen=True)
class Status:
    """What the CA's books say of one certificate; dates and reason are None where they do not apply or are unknown."""

    order: Order
    exists: bool
    revoked_at: datetime | None = None
    reason: str | None = None
    not_after: datetime | None = None


@dataclass(frozen=True)
class Capabilities:
    """What a dialect can do; shown to the approver of a campaign.

    `reasons` are the CRLReasons that it can record. `overwrites_date`: a repeat changes the date of revocation, so
    look up first. `accepts_unknown_serials`: it "revokes" what it never issued, so look up first. `crl_on_revoke`:
    it rebuilds a CRL for every revocation, which is too slow for a campaign. `max_rate` is in orders per second,
    None for no limit of its own.
    """

    reasons: frozenset[str]
    overwrites_date: bool = False
    accepts_unknown_serials: bool = False
    crl_on_revoke: bool = False
    needs_approval: bool = False
    is_sandbox: bool = False
    max_rate: float | None = None


class Backend(ABC):
    """How one kind of CA is asked. Both verbs may be repeated without harm, and accept a batch of any size.

    Exactly one outcome is yielded for each order, as soon as it is known. Trouble with one order is an outcome and
    does not stop the rest. `Unavailable` is raised when the CA as a whole is away; orders without an outcome by then
    may or may not have been carried out, and a repeat finds out.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    @classmethod
    @abstractmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Make one from an issuer's `backend_options`; raises `Refused` naming the option that is wrong."""

    @abstractmethod
    def revoke(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Outcome]:
        """Have these certificates revoked. A certificate that was revoked before keeps its first date."""

    @abstractmethod
    def lookup(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Status]:
        """Read what the CA's books say, one status for each order."""
