"""Files into and out of the register: upload, look at what would change, and write exactly that; and the way back."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from audit.actors import staff
from core import clock, uploads
from core.acts import staff_user
from core.errors import Refused
from core.figures import number
from subscribers.exporting import TYPES, XLSX, csv_lines, xlsx_blocks
from subscribers.services import Brought, ImportReport, import_previewed, preview_import, record_export
from subscribers.tables import TABLES

SLOT = "register-upload"
MOST_OCTETS = 200 * 1024 * 1024
MAY_IMPORT = ("subscribers.change_subscriber", "subscribers.change_contact", "subscribers.change_commitment")
SHOWN = 100


class _SeveralInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFiles(forms.FileField):
    """One file or more."""

    widget = _SeveralInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        """Check each file as a single one would be."""
        return [super(SeveralFiles, self).clean(each, initial) for each in data or [None]]


class FilesForm(forms.Form):
    """Files with subscribers, contacts or commitments."""

    register_files = SeveralFiles(
        label="Files",
        help_text="CSV, JSON lines or XLSX; the kind of a table is seen from its columns, each sheet is a table.",
    )

    def clean_register_files(self) -> "Sequence[UploadedFile[Any]]":
        """Not more than can be looked at while a person waits."""
        files: Sequence[UploadedFile[Any]] = self.cleaned_data["register_files"]
        if sum(file.size or 0 for file in files) > MOST_OCTETS:
            raise forms.ValidationError("That is more than 200 MB; use the command import_register.")
        return files


class ExportForm(forms.Form):
    """What is to be written, and how."""

    wanted = forms.ChoiceField(
        label="Export",
        choices=[("all.xlsx", "everything as one workbook (XLSX)")]
        + [(f"{name}.{kind}", f"{name} as {kind.upper()}") for name in TABLES for kind in TYPES],
        widget=UnfoldAdminSelectWidget,
    )


def import_page(request: HttpRequest) -> HttpResponse:
    """GET asks for files; POST with files shows what they would change; POST with a digest writes what was shown."""
    if not all(staff_user(request).has_perm(each) for each in MAY_IMPORT):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, FilesForm())
    if digest := request.POST.get("digest", ""):
        return _commit(request, digest)
    form = FilesForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=400)
    uploads.keep(request, SLOT, form.cleaned_data["register_files"])
    report = preview_import(_brought(request))
    return _page(request, form, report=report, status=400 if report.error_count else 200)


def _commit(request: HttpRequest, digest: str) -> HttpResponse:
    form = FilesForm({})
    form.full_clean()
    form.errors.clear()
    try:
        files = _brought(request)
        actor = staff(staff_user(request).username)
        report = import_previewed(files, digest=digest, actor=actor, now=clock.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, status=409)
    uploads.forget(request, SLOT)
    done = [(kind, each.created, each.changed) for kind, each in report.counts.items() if each.created or each.changed]
    told = "; ".join(f"{kind}s: {number(new)} new, {number(changed)} changed" for kind, new, changed in done)
    messages.success(request, f"Written: {told or 'nothing; the register had all of it'}.")
    return HttpResponseRedirect(_back())


def export_page(request: HttpRequest) -> HttpResponseBase:
    """GET asks what is wanted; POST writes it, which the journal keeps: the whole register leaves the house."""
    if not staff_user(request).has_perm("subscribers.change_contact"):
        raise PermissionDenied
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, _, kind = form.cleaned_data["wanted"].partition(".")
        record_export(name, kind=kind, actor=staff(staff_user(request).username), now=clock.now())
        return _download(name, kind)
    context = {
        **admin.site.each_context(request),
        "title": "Export the register",
        "form": form,
        "back": _back(),
    }
    return TemplateResponse(request, "console/register_export.html", context, status=400 if form.errors else 200)


def _download(name: str, kind: str) -> StreamingHttpResponse:
    wanted = {each: table() for each, table in TABLES.items() if name in ("all", each)}
    content: Iterator[Any] = xlsx_blocks(wanted) if kind == XLSX else csv_lines(wanted[name])
    answer = StreamingHttpResponse(content, content_type=TYPES[kind])
    answer["Content-Disposition"] = f'attachment; filename="{"register" if name == "all" else name}.{kind}"'
    return answer


def _brought(request: HttpRequest) -> list[Brought]:
    return [Brought(path, name) for path, name in uploads.waiting(request, SLOT).files]


def _page(
    request: HttpRequest, form: FilesForm, *, report: ImportReport | None = None, status: int = 200
) -> HttpResponse:
    changes = report.changes[:SHOWN] if report else []
    context = {
        **admin.site.each_context(request),
        "title": "Import into the register",
        "form": form,
        "back": _back(),
        "report": report,
        "counts": [(kind, each) for kind, each in report.counts.items() if each.read] if report else [],
        "total": sum(each.created + each.changed for each in report.counts.values()) if report else 0,
        "changes": [(each, report.files[each.file].name) for each in changes] if report else [],
    }
    return TemplateResponse(request, "console/register_import.html", context, status=status)


def _back() -> str:
    return reverse("admin:subscribers_subscriber_changelist")
