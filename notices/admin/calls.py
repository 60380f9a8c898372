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
from core import clock
from core.acts import Act, ReadOnly, perform
from core.figures import utc
from notices.admin.acts import CALL, DEAL_WITH, GIVE_BACK, TURN, subscriber_acts
from notices.admin.calling import initial
from notices.models import Call, InboundMessage

LONGEST = 254


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
        """The usual ones, and one for each act on an affected subscriber and on what came back from one."""
        acts = (*subscriber_acts(), GIVE_BACK)
        own = [path(f"{act.name}/<int:pk>/", self._view(act), name=f"notices_call_{act.name}") for act in acts]
        read = self.admin_site.admin_view(self._deal_with)
        own.append(path(f"{DEAL_WITH.name}/<int:pk>/", read, name=f"notices_call_{DEAL_WITH.name}"))
        return [*own, *super().get_urls()]

    @display(description="When", ordering="at")
    def when(self, call: Call) -> str:
        """When."""
        return utc(call.at)

    def _view(self, act: Act[AffectedSubscriber]) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            affected = get_object_or_404(AffectedSubscriber.objects.select_related("campaign", "subscriber"), pk=pk)
            return perform(
                request, act, affected, back=_back(request, act, affected), initial=_initial(request, act, affected)
            )

        return self.admin_site.admin_view(view)

    def _deal_with(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = InboundMessage.objects.select_related("affected_subscriber__campaign", "affected_subscriber__subscriber")
        message = get_object_or_404(rows.defer("raw"), pk=pk)
        return perform(request, DEAL_WITH, message, back=_page_of(message.affected_subscriber))


def _page_of(affected: AffectedSubscriber | None) -> str:
    """The subscriber's page; for what is about none of a campaign the board of all."""
    if affected is None:
        return reverse("reports:board")
    return reverse("reports:subscriber", args=[affected.campaign.public_id, affected.public_id])


def _back(request: HttpRequest, act: Act[AffectedSubscriber], affected: AffectedSubscriber) -> str:
    """Whoever works through the list goes from a turn to the telephone, and from there to the list again."""
    is_from_list = request.GET.get("from") == "calls"
    if act is TURN and request.method == "POST":
        return reverse("admin:notices_call_call", args=[affected.pk]) + ("?from=calls" if is_from_list else "")
    return reverse("reports:calls") if is_from_list else _page_of(affected)


def _initial(request: HttpRequest, act: Act[AffectedSubscriber], affected: AffectedSubscriber) -> dict[str, Any]:
    """What a form begins with: for a contact the address that a message has named."""
    if act is CALL:
        return initial(affected, clock.now())
    return {name: request.GET[name][:LONGEST] for name in ("email", "name", "phone") if name in request.GET}
