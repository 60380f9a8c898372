from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        """Make the roles once all permissions are there: this app's turn comes after those that have them.

        Pages below that show a ladder, or ask for the decision, are told what only the apps above them know.
        """
        from django.db.models.signals import post_migrate

        from campaigns.admin.briefing import MORE
        from campaigns.admin.ladder import EXPECTATIONS
        from reports.expecting import expected
        from reports.first_notices import expectations
        from reports.roles import make_roles

        EXPECTATIONS.append(expected)
        MORE.append(expectations)
        post_migrate.connect(make_roles, sender=self)
