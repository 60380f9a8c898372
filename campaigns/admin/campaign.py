"""The list of campaigns, and the addresses of the acts on them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from campaigns.admin.acts import ACTS, CHANGE, DRAFT
from campaigns.admin.scope_import import import_page
from campaigns.models import Campaign
from campaigns.services import draft_digest
from core import clock
from core.acts import Act, ReadOnly, perform, staff_user
from core.figures import duration, number, utc

DRAFT_FIELDS = (
    "title",
    "rule",
    "kind",
    "clock_started_at",
    "fixed_at",
    "explanation",
    "explanation_url",
    "revokes_replaced_early",
)
STATE_COLOURS = {"draft": "", "approved": "info", "running": "warning", "completed": "success", "cancelled": "danger"}


def page_of(campaign: Campaign) -> str:
    """Where a campaign's own page is."""
    return reverse("reports:campaign", args=[campaign.public_id])


@admin.register(Campaign)
class CampaignAdmin(ReadOnly, ModelAdmin):
    """Campaigns are listed here; what is done to one is done by acts, and read on its own page."""

    list_display = (
        "title_link",
        "shown_state",
        "kind",
        "rule",
        "deadline_utc",
        "time_left",
        "scope_size",
        "drafted_by",
    )
    list_display_links = None
    list_filter = ("state", "kind")
    list_select_related = ("drafted_by",)
    search_fields = ("title", "=public_id")
    list_before_template = "console/campaigns_before.html"

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act."""
        own = [path(f"<int:pk>/{act.name}/", self._view(act), name=f"campaigns_campaign_{act.name}") for act in ACTS]
        scope = path(
            "<int:pk>/import-scope/", self.admin_site.admin_view(self._import), name="campaigns_campaign_import"
        )
        draft = path("draft/", self.admin_site.admin_view(self._draft), name="campaigns_campaign_draft")
        return [draft, scope, *own, *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever may see campaigns sees that there are some."""
        return bool(self.has_view_permission(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A campaign has one page, and it is not a form."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        return HttpResponseRedirect(page_of(campaign))

    @display(description="Campaign", ordering="title")
    def title_link(self, campaign: Campaign) -> str:
        """The title, leading to the campaign's page."""
        return format_html('<a class="c-link" href="{}">{}</a>', page_of(campaign), campaign.title)

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def shown_state(self, campaign: Campaign) -> tuple[str, str]:
        """The state, and whether the brake is on."""
        return campaign.state, "running, halted" if campaign.halted_at and not campaign.ended_at else campaign.state

    @display(description="Deadline")
    def deadline_utc(self, campaign: Campaign) -> str:
        """When everything must be published as revoked."""
        return utc(campaign.deadline)

    @display(description="Time left")
    def time_left(self, campaign: Campaign) -> str:
        """How long that is from now; nothing once the campaign has ended."""
        left = campaign.deadline - clock.now()
        if campaign.ended_at:
            return "ended"
        return duration(left) if left > timedelta(0) else f"over for {duration(left)}"

    @display(description="Certificates", ordering="scope_count")
    def scope_size(self, campaign: Campaign) -> str:
        """How many certificates the scope has."""
        return number(campaign.scope_count)

    def _view(self, act: Act[Campaign]) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            campaign = get_object_or_404(Campaign, pk=pk)
            initial = {name: getattr(campaign, name) for name in DRAFT_FIELDS} if act is CHANGE else {}
            initial |= {"digest": campaign.scope_digest, "seen": draft_digest(campaign)}
            return perform(request, act, campaign, back=page_of(campaign), initial=initial)

        return self.admin_site.admin_view(view)

    def _draft(self, request: HttpRequest) -> HttpResponse:
        author = staff_user(request)

        def where() -> str:
            newest = Campaign.objects.filter(drafted_by=author).order_by("-pk").first()
            return page_of(newest) if newest else reverse("admin:campaigns_campaign_changelist")

        return perform(request, DRAFT, None, back=where)

    def _import(self, request: HttpRequest, pk: int) -> HttpResponse:
        return import_page(request, get_object_or_404(Campaign, pk=pk))
