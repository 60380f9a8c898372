"""A small but real CA: its own key, its own books, sharded CRLs and an OCSP responder.

It serves drills, tests and the rehearsal. Its state lies in a folder of its own and knows nothing of Recall's
database, so that what Recall proves about it is proved from outside, as with any other CA.
"""

from revocation.sandbox.authority import SandboxCA, create, open_ca
from revocation.sandbox.books import Record, Request, Verdict
from revocation.sandbox.crls import Published
from revocation.sandbox.leaves import Leaf
from revocation.sandbox.profile import Profile

__all__ = ["Leaf", "Profile", "Published", "Record", "Request", "SandboxCA", "Verdict", "create", "open_ca"]
