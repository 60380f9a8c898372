from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self) -> None:
        """Listen to what mail providers report."""
        import notices.webhooks  # noqa: F401
