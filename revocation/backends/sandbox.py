"""The sandbox CA as a backend: for drills, tests and the rehearsal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from core.crl_reason import CRLReason
from core.errors import Refused
from revocation import sandbox
from revocation.backends.base import Accepted, Backend, Capabilities, Expired, NotFound, Order, Outcome, Refusal, Status
from revocation.sandbox import Record, Request, SandboxCA, Verdict

BATCH = 1000


class SandboxBackend(Backend):
    """Asks a sandbox CA that lives in a folder of this machine."""

    name = "sandbox"
    capabilities = Capabilities(reasons=frozenset(CRLReason.values), is_sandbox=True)

    def __init__(self, ca: SandboxCA) -> None:
        self.ca = ca

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Options: `root`, the folder of all sandbox CAs, and `slug`, the name of this one."""
        if missing := {"root", "slug"} - set(options):
            raise Refused(f"The sandbox backend needs the option {', '.join(sorted(missing))}.")
        return cls(sandbox.open_ca(Path(options["root"]), str(options["slug"])))

    def revoke(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Outcome]:
        """Have a batch revoked, in transactions of a thousand."""
        for start in range(0, len(orders), BATCH):
            batch = orders[start : start + BATCH]
            requests = [Request(order.serial_number, order.reason, order.fingerprint_sha256) for order in batch]
            for order, record in zip(batch, self.ca.revoke(requests, now=now), strict=True):
                yield _outcome(order, record)

    def lookup(self, orders: Sequence[Order], *, now: datetime) -> Iterator[Status]:
        """Read the CA's books, a thousand at a time."""
        del now
        for start in range(0, len(orders), BATCH):
            batch = orders[start : start + BATCH]
            found = self.ca.lookup(order.serial_number for order in batch)
            for order in batch:
                record = found.get(order.serial_number)
                if record is None:
                    yield Status(order, exists=False)
                else:
                    yield Status(
                        order,
                        exists=True,
                        revoked_at=record.revoked_at,
                        reason=record.reason,
                        not_after=record.not_after,
                    )


def _outcome(order: Order, record: Record) -> Outcome:
    if record.verdict is Verdict.EXPIRED:
        return Expired(order)
    if record.revoked_at is None or record.reason is None:
        return NotFound(order) if record.verdict is Verdict.UNKNOWN else Refusal(order, Verdict.MISMATCH.value)
    if record.verdict is Verdict.MISMATCH:
        return Refusal(order, Verdict.MISMATCH.value)
    return Accepted(order, record.revoked_at, record.reason, already=record.verdict is Verdict.ALREADY)
