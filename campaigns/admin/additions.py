"""Additions to the scope of a running campaign: proposed by one person, approved or withdrawn by another."""

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from campaigns.admin.acts import DRAFTING
from campaigns.admin.briefing import FIRST_SERIALS
from campaigns.admin.forms import AdditionApprovalForm, AdditionForm
from campaigns.admin.scope_import import forget, keep, kept, shown
from campaigns.models import Campaign, ScopeAddition
from campaigns.rules import rule_pack
from campaigns.services import Proposal, Proposed, approve_addition, propose_addition, withdraw_addition
from core import clock
from core.acts import Act, ReadOnly, perform, staff_user
from core.errors import Refused
from core.figures import number, utc

CLOCK = "clock_started_at"


def may_propose(campaign: Campaign, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person may propose an addition to this campaign now."""
    return campaign.state == Campaign.State.RUNNING and user.has_perm(DRAFTING[0])  # type: ignore[union-attr]


def propose_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """GET asks for files; POST with files shows what they would add; POST with `commit` proposes the ones shown."""
    if not staff_user(request).has_perm(DRAFTING[0]):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, campaign, AdditionForm())
    if "commit" in request.POST:
        return _commit(request, campaign)
    form = AdditionForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, campaign, form, status=400)
    data = form.cleaned_data
    said = {CLOCK: data[CLOCK].isoformat(), "reason": data["reason"]}
    keep(request, campaign, data["scope_files"], data["default_issuer"], said)
    try:
        look = _read(request, campaign, commit=False)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, campaign, form, status=409)
    return _page(request, campaign, form, look=look)


def _commit(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    try:
        found, _ = _read(request, campaign, commit=True)
    except Refused as refusal:
        form = AdditionForm({})
        form.full_clean()
        form.errors.clear()
        form.add_error(None, str(refusal))
        return _page(request, campaign, form, status=409)
    forget(request)
    added = number(found.report.affected)
    messages.success(request, f"Proposed: {added} certificates. A second person has to approve them.")
    return HttpResponseRedirect(_page_of(campaign))


def _read(request: HttpRequest, campaign: Campaign, *, commit: bool) -> tuple[Proposed, Proposal]:
    with kept(request, campaign) as (sources, issuer, said):
        if CLOCK not in said:
            raise Refused("The files that you looked at last were meant for an import. Please choose them again.")
        proposal = Proposal(datetime.fromisoformat(said[CLOCK]), said["reason"], issuer)
        now, by = clock.now(), staff_user(request)
        return propose_addition(campaign, sources, proposal=proposal, commit=commit, by=by, now=now), proposal


def _page(
    request: HttpRequest,
    campaign: Campaign,
    form: AdditionForm,
    *,
    look: tuple[Proposed, Proposal] | None = None,
    status: int = 200,
) -> HttpResponse:
    found, proposal = look or (None, None)
    context = {
        **admin.site.each_context(request),
        "title": "Propose an addition",
        "campaign": campaign,
        "form": form,
        "back": _page_of(campaign),
        **shown(found.report if found else None),
        "proposal": proposal,
        "deadline": proposal.clock_started_at + campaign.window if proposal else None,
        "now": clock.now(),
        "is_open": may_propose(campaign, request.user),
    }
    return TemplateResponse(request, "console/addition_propose.html", context, status=status)


def _page_of(campaign: Campaign) -> str:
    return reverse("reports:campaign", args=[campaign.public_id])


def _explained(addition: ScopeAddition, now: datetime) -> dict[str, Any]:
    """What a person has to see before the decision."""
    campaign, lines = addition.campaign, addition.lines
    holders = lines.order_by().values("certificate__subscriber").distinct()
    there = campaign.affected_subscribers.filter(subscriber=OuterRef("certificate__subscriber"))
    related = lines.select_related("certificate__issuer", "certificate__subscriber").defer("certificate__der")
    return {
        "addition": {
            "rule": rule_pack(campaign.rule_pack).rule(campaign.rule),
            "deadline": addition.deadline,
            "subscribers": holders.count(),
            "known": holders.filter(Exists(there)).count(),
            "afterwards": campaign.scope_count + addition.count,
            "lines": related.order_by("certificate__issuer__key_id", "certificate__serial_number")[:FIRST_SERIALS],
        }
    }


def _approve(addition: ScopeAddition, data: dict[str, Any], user: User, now: datetime) -> str:
    approve_addition(addition, approver=user, now=now, **data)
    return f"Approved: {number(addition.count)} certificates are revoked by {utc(addition.deadline)} at the latest."


def _withdraw(addition: ScopeAddition, data: dict[str, Any], user: User, now: datetime) -> str:
    withdraw_addition(addition, by=user, now=now)
    return "Withdrawn: nothing was added."


def _own_proposal(addition: ScopeAddition, user: User) -> str:
    own = addition.proposed_by_id == user.pk
    return "You proposed this addition yourself, so another person has to approve it." if own else ""


def _is_waiting(addition: ScopeAddition) -> bool:
    is_open = addition.approved_at is None and addition.withdrawn_at is None
    return is_open and addition.campaign.state == Campaign.State.RUNNING


APPROVE: Act[ScopeAddition] = Act(
    "approve",
    "Approve this addition",
    "Approve these revocations",
    ("campaigns.approve_campaign",),
    _approve,
    AdditionApprovalForm,
    _explained,
    _is_waiting,
    _own_proposal,
    template="console/addition.html",
    is_grave=True,
)
WITHDRAW: Act[ScopeAddition] = Act(
    "withdraw",
    "Withdraw this addition",
    "Withdraw it",
    ("campaigns.draft_campaign", "campaigns.approve_campaign"),
    _withdraw,
    explain=_explained,
    is_offered=_is_waiting,
    template="console/addition.html",
    lead="Nothing of it is added. The proposal stays in the journal.",
)


@admin.register(ScopeAddition)
class ScopeAdditionAdmin(ReadOnly, ModelAdmin):
    """All additions there ever were."""

    list_display = ("proposed", "campaign_link", "size", "clock", "reason", "standing", "acts")
    list_display_links = None
    list_select_related = ("campaign", "proposed_by", "approved_by")

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act."""
        wrap, name = self.admin_site.admin_view, "campaigns_scopeaddition"
        return [
            path("propose/<int:pk>/", wrap(self._propose), name=f"{name}_propose"),
            path("<int:pk>/approve/", wrap(partial(self._act, act=APPROVE)), name=f"{name}_approve"),
            path("<int:pk>/withdraw/", wrap(partial(self._act, act=WITHDRAW)), name=f"{name}_withdraw"),
            *super().get_urls(),
        ]

    @display(description="Proposed", ordering="proposed_at")
    def proposed(self, addition: ScopeAddition) -> str:
        """When, and by whom."""
        return f"{utc(addition.proposed_at)}, {addition.proposed_by}"

    @display(description="Campaign")
    def campaign_link(self, addition: ScopeAddition) -> str:
        """The campaign, leading to its page."""
        return format_html('<a class="c-link" href="{}">{}</a>', _page_of(addition.campaign), addition.campaign)

    @display(description="Certificates", ordering="count")
    def size(self, addition: ScopeAddition) -> str:
        """How many they are."""
        return number(addition.count)

    @display(description="Clock start", ordering="clock_started_at")
    def clock(self, addition: ScopeAddition) -> str:
        """When the CA became aware of them."""
        return utc(addition.clock_started_at)

    @display(description="Stands", label={"waiting": "info", "approved": "success"})
    def standing(self, addition: ScopeAddition) -> str:
        """What has become of it."""
        if addition.withdrawn_at:
            return "withdrawn"
        if addition.approved_at:
            return "approved"
        return "waiting" if _is_waiting(addition) else "never approved"

    @display(description="")
    def acts(self, addition: ScopeAddition) -> str:
        """What can still be done to it."""
        if not _is_waiting(addition):
            return ""
        urls = [reverse(f"admin:campaigns_scopeaddition_{act.name}", args=[addition.pk]) for act in (APPROVE, WITHDRAW)]
        return format_html('<a class="c-link" href="{}">approve</a> <a class="c-link" href="{}">withdraw</a>', *urls)

    def _propose(self, request: HttpRequest, pk: int) -> HttpResponse:
        return propose_page(request, get_object_or_404(Campaign, pk=pk))

    def _act(self, request: HttpRequest, pk: int, *, act: Act[ScopeAddition]) -> HttpResponse:
        related = ScopeAddition.objects.select_related("campaign", "proposed_by", "approved_by")
        addition = get_object_or_404(related, pk=pk)
        initial = {"digest": addition.digest}
        return perform(request, act, addition, back=_page_of(addition.campaign), initial=initial)
