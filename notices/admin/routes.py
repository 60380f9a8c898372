"""The ways out of the house, and how they do."""

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from core import clock
from core.acts import ReadOnly
from core.figures import utc
from notices.models import Route


@admin.register(Route)
class RouteAdmin(ReadOnly, ModelAdmin):
    """A way appears when it is first used; which there are, and their ceilings, is a matter of settings."""

    list_display = ("name", "standing", "trouble", "speed", "latest")
    list_display_links = None
    ordering = ("name",)

    @display(description="Standing")
    def standing(self, route: Route) -> str:
        """Whether it is used, or rests while others take its place."""
        is_resting = route.resting_until is not None and route.resting_until > clock.now()
        return f"rests until {utc(route.resting_until)}" if is_resting and route.resting_until else "in use"

    @display(description="Messages a minute, one worker")
    def speed(self, route: Route) -> str:
        """As it was measured over the latest batches."""
        return "" if route.messages_per_minute is None else f"{route.messages_per_minute:,.0f}"

    @display(description="Measured")
    def latest(self, route: Route) -> str:
        """When."""
        return utc(route.measured_at) if route.measured_at else ""
