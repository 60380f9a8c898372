from typing import Any

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        """Ship the escalation policies as soon as there are tables for them, if there is no policy yet."""
        from django.db.models.signals import post_migrate

        from campaigns.services.policies import ship_policies

        def ship(sender: AppConfig, using: str, **_signal: Any) -> None:
            if using == "default":
                ship_policies()

        post_migrate.connect(ship, sender=self, weak=False)
