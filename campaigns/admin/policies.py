"""The escalation policies in the console: the list, one policy's ladder with real times, and the acts on them."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.actors import staff
from campaigns.admin.ladder import Ladder, policy_ladder
from campaigns.admin.policy_forms import PolicyForm, said_by
from campaigns.models import EscalationPolicy
from campaigns.services import bring_back_policy, choose_default, copy_policy, retire_policy, save_policy
from core import clock
from core.acts import Act, ReadOnly, perform, staff_user
from core.figures import duration

DRAFTING = ("campaigns.draft_campaign",)


class CopyForm(forms.Form):
    """The name of a copy."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget, label="Name of the copy")


def _save(policy: EscalationPolicy | None, data: dict[str, Any], user: User, now: datetime) -> str:
    said = {name: data[name] for name in ("name", "description", "window", "steps")}
    saved = save_policy(policy, actor=staff(user.username), now=now, **said)
    return f"Saved: {saved}, version {saved.version}. Campaigns that have copied it before keep what they have."


def _copy(policy: EscalationPolicy, data: dict[str, Any], user: User, now: datetime) -> str:
    return f"Copied: {copy_policy(policy, name=data['name'], actor=staff(user.username), now=now)}."


def _choose(policy: EscalationPolicy, data: dict[str, Any], user: User, now: datetime) -> str:
    choose_default(policy, actor=staff(user.username), now=now)
    return f"Drafts with a window of {duration(policy.window)} begin with {policy}."


def _retire(policy: EscalationPolicy, data: dict[str, Any], user: User, now: datetime) -> str:
    retire_policy(policy, actor=staff(user.username), now=now)
    return f"Retired: {policy}. It is offered to no further draft."


def _bring_back(policy: EscalationPolicy, data: dict[str, Any], user: User, now: datetime) -> str:
    bring_back_policy(policy, actor=staff(user.username), now=now)
    return f"{policy} is offered again."


NEW: Act[None] = Act(
    "new",
    "New escalation policy",
    "Save the policy",
    DRAFTING,
    lambda subject, data, user, now: _save(None, data, user, now),
    PolicyForm,
    template="console/policy_form.html",
    lead="A ladder of notices that campaigns copy when they are drafted.",
)
EDIT: Act[EscalationPolicy] = Act(
    "edit",
    "Edit the policy",
    "Save as a new version",
    DRAFTING,
    _save,
    PolicyForm,
    template="console/policy_form.html",
    lead="Campaigns that have copied it before keep what they have; a draft takes the new steps when told so.",
)
COPY: Act[EscalationPolicy] = Act("copy", "Copy the policy", "Copy", DRAFTING, _copy, CopyForm)
DEFAULT: Act[EscalationPolicy] = Act(
    "default",
    "Make it the default",
    "Let drafts begin with it",
    DRAFTING,
    _choose,
    is_offered=lambda policy: not policy.is_default and not policy.is_retired,
    lead="Drafts whose rule item gives exactly this window begin with this policy instead of the present default.",
)
RETIRE: Act[EscalationPolicy] = Act(
    "retire",
    "Retire the policy",
    "Retire",
    DRAFTING,
    _retire,
    is_offered=lambda policy: not policy.is_retired and not policy.is_default,
    lead="It is offered to no further draft. Campaigns that have copied it keep what they have.",
)
BRING_BACK: Act[EscalationPolicy] = Act(
    "bring-back", "Bring it back", "Offer it again", DRAFTING, _bring_back, is_offered=lambda policy: policy.is_retired
)
ACTS = (EDIT, COPY, DEFAULT, RETIRE, BRING_BACK)


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(ReadOnly, ModelAdmin):
    """The policies; each has a page of its own, and changes by acts."""

    list_display = ("title_link", "shown_window", "steps_count", "version", "standing", "description")
    list_display_links = None
    list_filter = ("is_retired",)
    list_before_template = "console/policies_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        """With the number of steps."""
        rows: QuerySet[EscalationPolicy] = super().get_queryset(request)
        return rows.annotate(number_of_steps=Count("steps"))

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act."""
        wrap, name = self.admin_site.admin_view, "campaigns_escalationpolicy"
        return [
            path("new/", wrap(self._new), name=f"{name}_new"),
            *(path(f"<int:pk>/{act.name}/", wrap(self._view(act)), name=f"{name}_{act.name}") for act in ACTS),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One policy: its ladder as it would be for a launch now, and what may be done to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        policy = get_object_or_404(EscalationPolicy, pk=object_id if object_id.isdecimal() else 0)
        ladder: Ladder = policy_ladder(policy, now=clock.now())
        context = {
            **self.admin_site.each_context(request),
            "title": f"{policy}, version {policy.version}",
            "policy": policy,
            "ladder": ladder,
            "acts": [
                {"title": act.title, "url": _url(policy, act), "name": act.name}
                for act in ACTS
                if act.is_permitted(request.user) and act.is_offered(policy)
            ],
        }
        return TemplateResponse(request, "console/policy.html", context)

    @display(description="Policy", ordering="name")
    def title_link(self, policy: EscalationPolicy) -> str:
        """The name, leading to the policy's page."""
        return format_html('<a class="c-link" href="{}">{}</a>', page_of(policy), policy.name)

    @display(description="Window", ordering="window")
    def shown_window(self, policy: EscalationPolicy) -> str:
        """The window that it is made for."""
        return duration(policy.window)

    @display(description="Steps")
    def steps_count(self, policy: EscalationPolicy) -> int:
        """How many steps it has."""
        found: int = policy.number_of_steps  # type: ignore[attr-defined] # annotated above
        return found

    @display(description="", label={"default": "success"})
    def standing(self, policy: EscalationPolicy) -> str:
        """Whether drafts begin with it, or may no longer have it."""
        return "default" if policy.is_default else "retired" if policy.is_retired else ""

    def _new(self, request: HttpRequest) -> HttpResponse:
        staff_user(request)

        def where() -> str:
            newest = EscalationPolicy.objects.order_by("-pk").first()
            return page_of(newest) if newest else reverse("admin:campaigns_escalationpolicy_changelist")

        return perform(request, NEW, None, back=where)

    def _view(self, act: Act[EscalationPolicy]) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            policy = get_object_or_404(EscalationPolicy, pk=pk)
            return perform(request, act, policy, back=page_of(policy), initial=said_by(policy) if act is EDIT else {})

        return view


def page_of(policy: EscalationPolicy) -> str:
    """Where a policy's own page is."""
    return reverse("admin:campaigns_escalationpolicy_change", args=[policy.pk])


def _url(policy: EscalationPolicy, act: Act[EscalationPolicy]) -> str:
    return reverse(f"admin:campaigns_escalationpolicy_{act.name}", args=[policy.pk])
