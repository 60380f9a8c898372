"""The import of a scope: first what the files would do, then, on a second decision, the import itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from audit.actors import staff
from campaigns.admin.acts import may_import
from campaigns.admin.forms import ScopeForm
from campaigns.models import Campaign, ScopeLine
from campaigns.services import ScopeReport, import_scope
from core import clock, uploads
from core.acts import staff_user
from core.errors import Refused
from core.figures import number
from subscribers.models import Issuer
from subscribers.sources import Source

SLOT = "scope-upload"


def import_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """GET asks for files; POST with files shows what they would do; POST with `commit` imports the ones shown."""
    if not staff_user(request).has_perm("campaigns.draft_campaign"):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, campaign, ScopeForm())
    if "commit" in request.POST:
        return _commit(request, campaign)
    form, report, status = ScopeForm(request.POST, request.FILES), None, 400
    if form.is_valid():
        keep(request, campaign, form.cleaned_data["scope_files"], form.cleaned_data["default_issuer"])
        try:
            report, status = _read(request, campaign, commit=False), 200
        except Refused as refusal:
            form.add_error(None, str(refusal))
            status = 409
    return _page(request, campaign, form, report=report, status=status)


def _commit(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    try:
        report = _read(request, campaign, commit=True)
    except Refused as refusal:
        form = ScopeForm({})
        form.full_clean()
        form.errors.clear()
        form.add_error(None, str(refusal))
        return _page(request, campaign, form, status=409)
    forget(request)
    messages.success(request, f"Imported: {number(report.lines)} lines, {number(report.affected)} certificates added.")
    return HttpResponseRedirect(_back(campaign))


def _page(
    request: HttpRequest, campaign: Campaign, form: ScopeForm, *, report: ScopeReport | None = None, status: int = 200
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Import the scope",
        "campaign": campaign,
        "form": form,
        "back": _back(campaign),
        **shown(report),
        "is_open": may_import(campaign, request.user),
    }
    return TemplateResponse(request, "console/scope.html", context, status=status)


def shown(report: ScopeReport | None) -> dict[str, Any]:
    """A report as its table shows it."""
    labels = dict(ScopeLine.Classification.choices)
    return {
        "report": report,
        "rows": [(labels[key], key, count) for key, count in report.counts.items()] if report else [],
        "set_aside": [(line, labels[line.classification]) for line in report.set_aside] if report else [],
    }


def _back(campaign: Campaign) -> str:
    return reverse("reports:campaign", args=[campaign.public_id])


def keep(
    request: HttpRequest,
    campaign: Campaign,
    files: "list[UploadedFile[Any]]",
    issuer: Issuer | None,
    said: dict[str, str] | None = None,
) -> None:
    """Let the uploaded files of this person, and what was `said` of them, wait for their decision.

    Those of an earlier look are removed.
    """
    facts = {"campaign": campaign.pk, "issuer": issuer.pk if issuer else None, "said": said or {}}
    uploads.keep(request, SLOT, files, facts)


def forget(request: HttpRequest) -> None:
    """Remove the files that wait for this person's decision."""
    uploads.forget(request, SLOT)


def _read(request: HttpRequest, campaign: Campaign, *, commit: bool) -> ScopeReport:
    with kept(request, campaign) as (sources, issuer, _):
        return import_scope(
            campaign,
            sources,
            default_issuer=issuer,
            commit=commit,
            actor=staff(staff_user(request).username),
            now=clock.now(),
        )


@contextmanager
def kept(request: HttpRequest, campaign: Campaign) -> Iterator[tuple[list[Source], Issuer | None, dict[str, str]]]:
    """The files that wait; raises `Refused` when they are no longer there or were meant for another campaign."""
    waiting = uploads.waiting(request, SLOT)
    facts = waiting.said
    if facts["campaign"] != campaign.pk:
        raise Refused("The files that you looked at last were meant for another campaign. Please choose them again.")
    with ExitStack() as opened:
        sources = [Source(opened.enter_context(path.open("rb")), name) for path, name in waiting.files]
        yield sources, Issuer.objects.filter(pk=facts["issuer"]).first(), facts["said"]
