"""Acts of the console: a page that shows what would happen (GET), and a form that lets it happen (POST).

Each act calls one service. What the service refuses is shown above the form, with everything that was typed kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core import clock
from core.errors import Refused, Unavailable

Subject = TypeVar("Subject")
DONE = 302


class Nothing(forms.Form):
    """The form of an act that asks for nothing but the decision."""


def _no_context(subject: Any, now: datetime) -> dict[str, Any]:
    return {}


def _always(subject: Any) -> bool:
    return True


def _as_it_is(form: forms.Form, subject: Any) -> None:
    """Leave a form alone."""


def _nothing_against(subject: Any, user: User) -> str:
    return ""


@dataclass(frozen=True)
class Act(Generic[Subject]):
    """One thing that a person may do to one subject, and everything its page needs.

    `permissions` are alternatives: one of them is enough. `do(subject, data, user, now)` calls the service and returns
    the sentence that tells what was done. `is_offered` says whether the subject is in a state for it, `objection` why
    this person cannot do it although the role could; both only shape the page: the service decides again.
    `prepare` fits the form to the subject.
    """

    name: str
    title: str
    button: str
    permissions: tuple[str, ...]
    do: Callable[[Subject, dict[str, Any], User, datetime], str]
    form: type[forms.Form] = Nothing
    explain: Callable[[Subject, datetime], dict[str, Any]] = _no_context
    is_offered: Callable[[Subject], bool] = _always
    objection: Callable[[Subject, User], str] = _nothing_against
    prepare: Callable[[forms.Form, Subject], None] = _as_it_is
    lead: str = ""
    template: str = "console/act.html"
    is_grave: bool = field(default=False)

    def is_permitted(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Whether the person's roles allow it."""
        return isinstance(user, User) and any(user.has_perm(permission) for permission in self.permissions)


def staff_user(request: HttpRequest) -> User:
    """The member of staff who asks; raises `PermissionDenied` for anybody else."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def perform(
    request: HttpRequest,
    act: Act[Subject],
    subject: Subject,
    *,
    back: str | Callable[[], str],
    initial: dict[str, Any] | None = None,
) -> HttpResponse:
    """Show an act's page, or do it and go `back`; 403 without permission, 400 for bad input, 409 when refused.

    `back` may be asked for only after the act, when the act is what makes the place to go to.
    """
    user, now = staff_user(request), clock.now()
    if not act.is_permitted(user):
        raise PermissionDenied
    form, status = _form(request, act, subject, initial or {}), 200
    if request.method == "POST":
        status = _do(request, act, subject, form, now=now)
        if status == DONE:
            return HttpResponseRedirect(back if isinstance(back, str) else back())
    context = {
        **admin.site.each_context(request),
        "title": act.title,
        "act": act,
        "subject": subject,
        "form": form,
        "back": back if isinstance(back, str) else "",
        "now": now,
        "objection": act.objection(subject, user),
        **act.explain(subject, now),
    }
    return TemplateResponse(request, act.template, context, status=status)


def _form(request: HttpRequest, act: Act[Subject], subject: Subject, initial: dict[str, Any]) -> forms.Form:
    form = act.form(request.POST, request.FILES) if request.method == "POST" else act.form(initial=initial)
    act.prepare(form, subject)
    return form


def _do(request: HttpRequest, act: Act[Subject], subject: Subject, form: forms.Form, *, now: datetime) -> int:
    """Do what a form asks for; the status of the answer."""
    if not form.is_valid():
        return 400
    try:
        messages.success(request, act.do(subject, form.cleaned_data, staff_user(request), now))
    except (Refused, Unavailable) as refusal:
        form.add_error(None, str(refusal))
        return 409
    return DONE


class SoundLists:
    """For a `ModelAdmin` whose list may be asked for anything."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; 400 for a filter by what no database holds: too large a number, a NUL."""
        try:
            answer: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        except (OverflowError, DataError):
            raise BadRequest("No row can be found by what this address asks for.") from None
        return answer


class ReadOnly(SoundLists):
    """For a `ModelAdmin` whose rows are read here and changed by services only."""

    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are made by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are changed by services."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay."""
        return False
