"""Revocations: what the CA was asked and answered; trying rejected ones again, and revoking before the deadline."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from audit.actors import staff
from campaigns.models import AffectedCertificate, Campaign
from core.acts import Act, ReadOnly, perform
from core.figures import cut, number, utc
from revocation.models import Revocation
from revocation.services import retry_rejected, revoke_early

STEP = 5000
COLOURS = {"scheduled": "", "accepted": "info", "published": "success", "rejected": "danger", "cancelled": ""}
OPERATORS = ("campaigns.launch_campaign",)


def rejected(campaign: Campaign) -> Any:
    """The rejected revocations of a campaign."""
    return Revocation.objects.filter(affected_certificate__campaign=campaign, state=Revocation.State.REJECTED)


def _retry(campaign: Campaign, data: dict[str, Any], user: User, now: datetime) -> str:
    rows = rejected(campaign).select_related("affected_certificate__campaign").iterator(STEP)
    changed = retry_rejected(rows, actor=staff(user.username), now=now)
    return f"{number(len(changed))} are scheduled again; the first of them go as canaries."


def _revoke_now(row: AffectedCertificate, data: dict[str, Any], user: User, now: datetime) -> str:
    changed = revoke_early([row], actor=staff(user.username), now=now)
    return "Planned for now." if changed else "Nothing to do: its revocation is already under way."


def _has_rejected(campaign: Campaign) -> bool:
    return campaign.state == Campaign.State.RUNNING and bool(rejected(campaign).exists())


def _count(campaign: Campaign, now: datetime) -> dict[str, Any]:
    return {"count": rejected(campaign).count(), "errors": _errors(campaign)}


def _errors(campaign: Campaign) -> list[str]:
    return list(rejected(campaign).order_by().values_list("last_error", flat=True).distinct()[:10])


RETRY: Act[Campaign] = Act(
    "retry",
    "Try rejected revocations again",
    "Schedule them again",
    OPERATORS,
    _retry,
    explain=_count,
    is_offered=_has_rejected,
    template="console/retry.html",
    lead="They pass the same gate again: one canary, ten, then the rest.",
)
REVOKE_EARLY: Act[AffectedCertificate] = Act(
    "early",
    "Revoke before the deadline",
    "Revoke now",
    OPERATORS,
    _revoke_now,
    is_offered=lambda row: row.published_at is None and row.campaign.state == Campaign.State.RUNNING,
    template="console/revoke_early.html",
    is_grave=True,
    lead="This cannot be undone. Use it when the subscriber has said so, or when waiting does harm.",
)


@admin.register(Revocation)
class RevocationAdmin(ReadOnly, ModelAdmin):
    """One row for each affected certificate of a launched campaign."""

    list_display = (
        "serial",
        "issuer",
        "shown_state",
        "trigger",
        "crl_reason",
        "wave",
        "planned",
        "accepted",
        "published",
        "last_error",
    )
    list_display_links = ("serial",)
    list_filter = ("state", "trigger", "issuer")
    list_select_related = ("issuer", "affected_certificate__certificate")
    search_fields = ("=affected_certificate__certificate__serial_number",)
    search_help_text = "Serial number in hex."
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)
    fields = (
        "affected_certificate",
        "issuer",
        "state",
        "trigger",
        "crl_reason",
        "planned_at",
        "wave",
        "accepted_at",
        "revoked_at",
        "was_revoked_before",
        "published_at",
        "attempts",
        "due_at",
        "last_error",
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and those of the acts."""
        wrap, name = self.admin_site.admin_view, "revocation_revocation"
        return [
            path("retry/<int:pk>/", wrap(self._retry), name=f"{name}_retry"),
            path("early/<int:pk>/", wrap(self._early), name=f"{name}_early"),
            *super().get_urls(),
        ]

    @display(description="Certificate")
    def serial(self, row: Revocation) -> str:
        """The serial number."""
        return cut(row.affected_certificate.certificate.serial_number)

    @display(description="State", ordering="state", label=COLOURS)
    def shown_state(self, row: Revocation) -> str:
        """The state."""
        return row.state

    @display(description="Planned", ordering="planned_at")
    def planned(self, row: Revocation) -> str:
        """When it is to be handed to the CA."""
        return utc(row.planned_at)

    @display(description="Accepted")
    def accepted(self, row: Revocation) -> str:
        """When the CA said yes."""
        return utc(row.accepted_at)

    @display(description="Published")
    def published(self, row: Revocation) -> str:
        """When it was seen on a verified CRL."""
        return utc(row.published_at)

    def _retry(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = get_object_or_404(Campaign, pk=pk)
        back = reverse("reports:campaign", args=[campaign.public_id])
        return perform(request, RETRY, campaign, back=back)

    def _early(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(
            AffectedCertificate.objects.select_related(
                "campaign", "certificate__issuer", "affected_subscriber__subscriber"
            ),
            pk=pk,
        )
        back = reverse("reports:subscriber", args=[row.campaign.public_id, row.affected_subscriber.public_id])
        return perform(request, REVOKE_EARLY, row, back=back)
