"""The addresses that mail providers call."""

from notices.webhooks import urlpatterns

__all__ = ["urlpatterns"]
