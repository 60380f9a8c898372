"""Telephone calls, and the addresses of the acts on affected subscribers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from campaigns.models import AffectedSubscriber
from core.acts import Act, ReadOnly, perform
from core.figures import utc
from notices.admin.acts import subscriber_acts
from notices.models import Call


@admin.register(Call)
class CallAdmin(ReadOnly, ModelAdmin):
    """Calls are written down on a subscriber's page and only read afterwards."""

    list_display = ("affected_subscriber", "contact", "outcome", "note", "called_by", "when")
    list_display_links = None
    list_filter = ("outcome",)
    list_select_related = ("affected_subscriber__subscriber", "contact")
    search_fields = ("affected_subscriber__subscriber__name", "note")
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-at",)

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act on an affected subscriber."""
        own = [
            path(f"{act.name}/<int:pk>/", self._view(act), name=f"notices_call_{act.name}") for act in subscriber_acts()
        ]
        return [*own, *super().get_urls()]

    @display(description="When", ordering="at")
    def when(self, call: Call) -> str:
        """When."""
        return utc(call.at)

    def _view(self, act: Act[AffectedSubscriber]) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            affected = get_object_or_404(AffectedSubscriber.objects.select_related("campaign", "subscriber"), pk=pk)
            back = reverse("reports:subscriber", args=[affected.campaign.public_id, affected.public_id])
            return perform(request, act, affected, back=back)

        return self.admin_site.admin_view(view)
