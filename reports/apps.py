from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """Make the roles once all permissions are there: this app's turn comes after those that have them."""
        from django.db.models.signals import post_migrate

        from reports.roles import make_roles

        post_migrate.connect(make_roles, sender=self)
