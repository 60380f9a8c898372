"""Exclusions: asked for by one person, approved by another, withdrawn by either."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from campaigns.admin.forms import ExclusionForm
from campaigns.models import AffectedCertificate, Exclusion
from campaigns.services import approve_exclusion, request_exclusion, withdraw_exclusion
from core import clock
from core.acts import Act, ReadOnly, perform
from core.figures import cut, utc


def _ask(row: AffectedCertificate, data: dict[str, Any], user: User, now: datetime) -> str:
    request_exclusion(row, by=user, now=now, **data)
    return "Asked. Nothing is held back until a second person approves."


def _approve(exclusion: Exclusion, data: dict[str, Any], user: User, now: datetime) -> str:
    approve_exclusion(exclusion, by=user, now=now)
    return f"Approved: {cut(str(exclusion.affected_certificate))} is held back."


def _withdraw(exclusion: Exclusion, data: dict[str, Any], user: User, now: datetime) -> str:
    withdraw_exclusion(exclusion, by=user, now=now)
    return "Withdrawn: the certificate is revoked like the others."


def _own_request(exclusion: Exclusion, user: User) -> str:
    own = exclusion.requested_by_id == user.pk
    return "You asked for this exclusion yourself, so another person has to approve it." if own else ""


ASK: Act[AffectedCertificate] = Act(
    "ask",
    "Ask for an exclusion",
    "Ask a second person",
    ("campaigns.draft_campaign", "campaigns.exclude_certificate"),
    _ask,
    ExclusionForm,
    is_offered=lambda row: row.published_at is None,
    template="console/exclusion_ask.html",
    lead="An exclusion holds one certificate back, for an order of a court or because it was never affected. "
    "A subscriber's wish for more time is neither.",
)
APPROVE: Act[Exclusion] = Act(
    "approve",
    "Approve an exclusion",
    "Approve: hold it back",
    ("campaigns.exclude_certificate",),
    _approve,
    is_offered=lambda exclusion: exclusion.approved_at is None and exclusion.withdrawn_at is None,
    objection=_own_request,
    template="console/exclusion.html",
    is_grave=True,
)
WITHDRAW: Act[Exclusion] = Act(
    "withdraw",
    "Withdraw an exclusion",
    "Withdraw it",
    ("campaigns.draft_campaign", "campaigns.exclude_certificate"),
    _withdraw,
    is_offered=lambda exclusion: exclusion.withdrawn_at is None,
    template="console/exclusion.html",
    lead="The certificate is revoked with the others, and its subscriber is told again.",
)


@admin.register(Exclusion)
class ExclusionAdmin(ReadOnly, ModelAdmin):
    """All exclusions there ever were."""

    list_display = ("serial", "campaign", "ground", "ends", "standing", "requested_by", "approved_by", "acts")
    list_display_links = None
    list_filter = ("ground",)
    list_select_related = (
        "affected_certificate__certificate",
        "affected_certificate__campaign",
        "requested_by",
        "approved_by",
    )
    search_fields = ("=affected_certificate__certificate__serial_number",)
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act."""
        wrap, name = self.admin_site.admin_view, "campaigns_exclusion"
        return [
            path("ask/<int:pk>/", wrap(self._ask), name=f"{name}_ask"),
            path("<int:pk>/approve/", wrap(self._act(APPROVE)), name=f"{name}_approve"),
            path("<int:pk>/withdraw/", wrap(self._act(WITHDRAW)), name=f"{name}_withdraw"),
            *super().get_urls(),
        ]

    @display(description="Certificate")
    def serial(self, exclusion: Exclusion) -> str:
        """The serial number."""
        return cut(exclusion.affected_certificate.certificate.serial_number)

    @display(description="Campaign")
    def campaign(self, exclusion: Exclusion) -> str:
        """The campaign, leading to its page."""
        campaign = exclusion.affected_certificate.campaign
        return format_html(
            '<a class="c-link" href="{}">{}</a>', reverse("reports:campaign", args=[campaign.public_id]), campaign
        )

    @display(description="Ends")
    def ends(self, exclusion: Exclusion) -> str:
        """When it ends."""
        return utc(exclusion.until) if exclusion.until else "never"

    @display(description="Stands", label={"standing": "warning", "asked": "info"})
    def standing(self, exclusion: Exclusion) -> str:
        """Whether it holds the certificate back."""
        if exclusion.withdrawn_at:
            return "withdrawn"
        if not exclusion.approved_at:
            return "asked"
        return "standing" if exclusion.until is None or exclusion.until > clock.now() else "ended"

    @display(description="")
    def acts(self, exclusion: Exclusion) -> str:
        """What can still be done to it."""
        links = [
            format_html(
                '<a class="c-link" href="{}">{}</a> ',
                reverse(f"admin:campaigns_exclusion_{act.name}", args=[exclusion.pk]),
                act.name,
            )
            for act in (APPROVE, WITHDRAW)
            if act.is_offered(exclusion)
        ]
        return format_html("{}" * len(links), *links) if links else ""

    def _ask(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(
            AffectedCertificate.objects.select_related(
                "campaign", "certificate__issuer", "affected_subscriber__subscriber"
            ),
            pk=pk,
        )
        back = reverse("reports:subscriber", args=[row.campaign.public_id, row.affected_subscriber.public_id])
        return perform(request, ASK, row, back=back)

    def _act(self, act: Act[Exclusion]) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            exclusion = get_object_or_404(
                Exclusion.objects.select_related(
                    "affected_certificate__campaign", "affected_certificate__certificate__issuer"
                ),
                pk=pk,
            )
            return perform(request, act, exclusion, back=reverse("admin:campaigns_exclusion_changelist"))

        return view
