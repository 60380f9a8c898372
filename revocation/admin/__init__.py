"""The console's pages for revocations and for what the world can see of them."""

from revocation.admin.revocations import RevocationAdmin
from revocation.admin.status import StatusCheckAdmin

__all__ = ["RevocationAdmin", "StatusCheckAdmin"]
