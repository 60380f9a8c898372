"""The CA's order desk in a rehearsal: subscribers order replacements here, and the register hears of them."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from audit.actors import SYSTEM
from campaigns.models import AffectedCertificate
from revocation.sandbox import Leaf, SandboxCA
from subscribers.services import import_register

LIFETIME = timedelta(days=397)


class Portal:
    """Issues certificates without the fault. Those that a subscriber does not upload reach the register as a feed."""

    def __init__(self, ca: SandboxCA, folder: Path) -> None:
        self.ca = ca
        self.folder = folder
        self.lock = threading.Lock()
        self.fresh: list[bytes] = []

    def order(self, rows: Sequence[AffectedCertificate], *, now: datetime, keep: bool) -> bytes:
        """New certificates with new keys for the same names, as PEM; with `keep` they go into the register's feed."""
        start = now.replace(microsecond=0)
        wanted = [
            Leaf(
                ec.generate_private_key(ec.SECP256R1()).public_key(),
                tuple(row.certificate.names),
                start,
                start + LIFETIME,
                "critical",
            )
            for row in rows
        ]
        pems = [each.public_bytes(serialization.Encoding.PEM) for each in self.ca.issue_many(wanted)]
        if keep:
            reference = rows[0].affected_subscriber.subscriber.reference
            with self.lock:
                self.fresh += [f"Subscriber: {reference}\n".encode() + pem for pem in pems]
        return b"".join(pems)

    def publish(self, *, now: datetime) -> None:
        """Import what has been issued since the last time, as a CA's nightly feed does, only more often."""
        with self.lock:
            fresh, self.fresh = self.fresh, []
        if not fresh:
            return
        path = self.folder / "issued.pem"
        path.write_bytes(b"".join(fresh))
        import_register([path], commit=True, actor=SYSTEM, now=now)
