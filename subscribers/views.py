"""A contact's own pages. GET shows, POST acts; nothing submits itself, and looking changes nothing."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import Refused
from core.languages import nearest
from subscribers import fields, services
from subscribers.answers import BackupForm, CorrectionForm, PromiseForm, SuccessorForm
from subscribers.models import Commitment
from subscribers.visits import Visit, by_link, house

METHODS = ["GET", "HEAD", "POST"]
FOLDER = "subscribers/contact"


@require_safe
@by_link
def show(visit: Visit) -> HttpResponse:
    """The page: who we think this is, and what can be said to that."""
    return render(visit.request, f"{FOLDER}/page.html", _page(visit))


@require_http_methods(METHODS)
@by_link
def still(visit: Visit) -> HttpResponse:
    """Record that this is still the right person."""
    if visit.request.method == "POST":
        services.verify_contact(visit.contact, **visit.acts)
        messages.success(visit.request, _("Thank you. We have recorded that we reach you here."))
    return visit.back()


@require_http_methods(METHODS)
@by_link
def left(visit: Visit) -> HttpResponse:
    """Record that this is no longer the right person, and who follows. The answer is a page: the link is cut off."""
    form = SuccessorForm(visit.request.POST or None)
    if visit.request.method == "POST" and _act(form, lambda said: _leave(visit, **said)):
        return render(visit.request, f"{FOLDER}/goodbye.html", {**house(), **form.cleaned_data})
    return _form(visit, "left", form)


@require_http_methods(METHODS)
@by_link
def name_backup(visit: Visit) -> HttpResponse:
    """Let a colleague be told as well."""
    form = BackupForm(visit.request.POST or None)
    if visit.request.method == "POST" and _act(form, lambda said: _add(visit, **said)):
        told = _("%(email)s will be told as well, from now on.") % {"email": form.cleaned_data["email"]}
        messages.success(visit.request, told)
        return visit.back()
    return _form(visit, "backup", form)


@require_http_methods(METHODS)
@by_link
def correct(visit: Visit) -> HttpResponse:
    """Correct how this person is told; whoever does so is the right person."""
    form = CorrectionForm(visit.request.POST or None, instance=visit.contact)
    if visit.request.method == "POST" and _act(form, lambda _said: _save(visit, form)):
        messages.success(visit.request, _("Thank you. This is how we will tell you."))
        return visit.back()
    return _form(visit, "correct", form)


@require_http_methods(METHODS)
@by_link
def promise(visit: Visit) -> HttpResponse:
    """Take the subscriber's written word that it can replace its certificates within a window."""
    form = PromiseForm(visit.request.POST or None, initial={"given_by": visit.contact.name})
    if visit.request.method == "POST" and _act(form, lambda said: _promise(visit, **said)):
        messages.success(visit.request, _("Thank you. We have recorded your commitment for one year."))
        return visit.back()
    return _form(visit, "promise", form)


def _act(form: forms.BaseForm, act: Callable[..., Any]) -> bool:
    """Do what a form asks for; whether it was done. What the rules refuse is shown above the form."""
    if not form.is_valid():
        return False
    try:
        act(form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, str(refusal))
    return not form.errors


def _leave(visit: Visit, *, email: str, name: str) -> None:
    if email:
        services.hand_over(visit.contact, email=email, name=name, **visit.acts)
    else:
        services.mark_contact_left(visit.contact, **visit.acts)


def _add(visit: Visit, *, email: str, name: str, phone: str) -> None:
    newcomer = services.add_contact(visit.subscriber, email=email, name=name, phone=phone, **visit.acts)
    services.ask_as_well(newcomer, asked=visit.contact, now=visit.now)


def _save(visit: Visit, form: forms.BaseForm) -> None:
    services.save_edit(visit.contact, changed=form.changed_data, **visit.acts)
    services.verify_contact(visit.contact, **visit.acts)


def _promise(visit: Visit, *, window: str, given_by: str) -> None:
    services.give_commitment(visit.subscriber, window=fields.window(window), given_by=given_by, **visit.acts)


def _frame(visit: Visit) -> dict[str, Any]:
    """What every page of a visitor shows."""
    names = ("page", "still", "left", "backup", "correct", "promise")
    return {
        "visit": visit,
        "urls": {name: visit.url(name) for name in names},
        "contact": visit.contact,
        "subscriber": visit.subscriber,
        **house(),
    }


def _page(visit: Visit) -> dict[str, Any]:
    subscriber = visit.subscriber
    valid = Commitment.objects.filter(subscriber=subscriber, valid_until__gt=visit.now)
    return {
        **_frame(visit),
        "certificates": subscriber.certificates.filter(not_after__gte=visit.now, revoked_at=None).count(),
        "others": subscriber.contacts.reachable().exclude(pk=visit.contact.pk).count(),
        "language": nearest(visit.contact.language or subscriber.language),
        "commitment": valid.order_by("window", "-valid_until").first(),
    }


def _form(visit: Visit, name: str, form: forms.BaseForm) -> HttpResponse:
    """The page of one form; after a vain POST with what is wrong."""
    context = {**_frame(visit), "form": form, "name": name}
    return render(visit.request, f"{FOLDER}/{name}.html", context, status=400 if form.errors else 200)
