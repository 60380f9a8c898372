"""The stage of the tests of revocation."""

from tests.revocation.scene import scene, site_url

__all__ = ["scene", "site_url"]
