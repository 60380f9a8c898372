"""How a sandbox CA is set up."""

from dataclasses import dataclass
from datetime import timedelta

from core.errors import Refused

CRL_LIFETIME = timedelta(days=7)
"""From thisUpdate to nextUpdate; BR 7.2 allows ten days."""
MAX_INTERVAL = timedelta(hours=24)
"""BR 4.9.7: a new CRL within 24 hours after a certificate was recorded as revoked."""
MAX_SHARDS = 1000


@dataclass(frozen=True)
class Profile:
    """The name of a sandbox CA, where it is served, and how it publishes.

    `base_url` is the site under which `/sandbox/<slug>/` is found. With a `crl_interval`, a revocation is seen by the
    world only when the CRL of its shard is that old: the lag that a campaign must reckon with.
    """

    common_name: str
    base_url: str
    shards: int = 4
    crl_interval: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= MAX_SHARDS:
            raise Refused(f"A sandbox CA has 1 to {MAX_SHARDS} CRL shards, not {self.shards}.")
        if not timedelta(0) <= self.crl_interval <= MAX_INTERVAL:
            raise Refused("The CRL interval of a sandbox CA is at most 24 hours (BR 4.9.7).")
        if not self.base_url.startswith(("http://", "https://")):
            raise Refused(f"{self.base_url!r} is no http or https URL.")
