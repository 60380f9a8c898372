"""The words of messages: which are in force, their versions, and a page on which to change and to try them."""

from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_safe
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audit.actors import staff
from campaigns.models import AffectedSubscriber
from core import clock
from core.acts import ReadOnly, staff_user
from core.errors import Refused
from notices import placeholders, rendering, texts
from notices.models import NoticeTemplate
from notices.services import restore_template, save_template, send_test
from notices.services.templates import Saved, TextRefused, find_example, preview, text_of
from notices.texts import Text

MAY_EDIT = "notices.change_noticetemplate"
MEANT_FOR = {
    "revocation": "Every notice of a step, the first one and the reminders.",
    "account_manager": "To the CA's own account manager: whom to ring, and what to say.",
    "news_addition": "Certificates that were added to a running campaign.",
    "news_correction": "Certificates that were taken out of it, or have another deadline.",
    "news_revoked": "Certificates that are revoked by now.",
    "contact_check": "The yearly question whether this is still the right contact.",
    "commitment_reminder": "A commitment to replace within a window is about to end.",
    "answer_received": "What a person gets who has written to us.",
}
METHODS = ["GET", "HEAD", "POST"]


class TextForm(forms.Form):
    """The words of a template in one language."""

    subject = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget)
    body = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 32, "spellcheck": "true", "style": "font-family:monospace"}),
        help_text="One line is one paragraph. # begins a heading, - and 1. an item, two blanks what belongs to the "
        "item above it, > a quotation. HTML is made from it.",
    )
    short = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=f"For text messages, calls and chats: {rendering.LONGEST_SHORT} characters, the link among them.",
    )
    comment = forms.CharField(
        max_length=500, required=False, widget=UnfoldAdminTextInputWidget, help_text="What you changed, and why."
    )
    example = forms.CharField(
        max_length=200, required=False, widget=UnfoldAdminTextInputWidget, label="Try it on",
        help_text="The reference or the name of a subscriber that is or was affected; empty: the latest one.",
    )  # fmt: skip
    based_on = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


@dataclass(frozen=True)
class Desk:
    """One request about one template in one language."""

    request: HttpRequest
    current: Text

    @property
    def key(self) -> list[str]:
        """The template and the language, as addresses name them."""
        return [self.current.name, self.current.language]

    @property
    def may_edit(self) -> bool:
        """Whether this person may change words."""
        return staff_user(self.request).has_perm(MAY_EDIT)

    @property
    def acts(self) -> dict[str, Any]:
        """What every verb is told: who and when."""
        return {"actor": staff(staff_user(self.request).username), "now": clock.now()}

    def home(self) -> str:
        """The page of this template."""
        return reverse("admin:notices_noticetemplate_words", args=self.key)

    def page(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """One of its pages."""
        everywhere = {
            **admin.site.each_context(self.request),
            "title": f"{self.current.name}, {dict(settings.LANGUAGES)[self.current.language]}",
            "current": self.current,
            "meant_for": MEANT_FOR[self.current.name],
            "home": self.home(),
            "may_edit": self.may_edit,
        }
        return TemplateResponse(self.request, f"console/{template}.html", {**everywhere, **context}, status=status)


@admin.register(NoticeTemplate)
class NoticeTemplateAdmin(ReadOnly, ModelAdmin):
    """Versions are only ever added, by services."""

    def get_urls(self) -> list[URLPattern]:
        """Our own pages in the place of the usual ones."""
        base, site = "<slug:name>/<slug:language>/", self.admin_site.admin_view
        pages = {
            "words": (base, self._words),
            "edit": (f"{base}edit/", require_http_methods(METHODS)(self._edit)),
            "version": (f"{base}versions/<int:version>/", require_http_methods(METHODS)(self._version)),
        }
        own = [path(at, site(view), name=f"notices_noticetemplate_{name}") for name, (at, view) in pages.items()]
        return [*own, path("", site(require_safe(self.changelist_view)), name="notices_noticetemplate_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """All templates, and which of their words are in force."""
        self._check(request)
        latest = {(row.name, row.language): row for row in NoticeTemplate.objects.order_by("version").defer("body")}
        rows = [
            (
                name,
                MEANT_FOR[name],
                [(code, own_name, latest.get((name, code))) for code, own_name in settings.LANGUAGES],
            )
            for name in texts.EVERYTHING
        ]
        context = {**self.admin_site.each_context(request), "title": "Words of messages", "rows": rows}
        return TemplateResponse(request, "console/templates.html", context)

    def _words(self, request: HttpRequest, name: str, language: str) -> HttpResponse:
        desk = self._desk(request, name, language)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return desk.page(
            "template",
            required={part: told.split() for part, told in placeholders.REQUIRED[name].items()},
            versions=NoticeTemplate.objects.filter(name=name, language=language).defer("body"),
            **_shown(desk.current, find_example("", now=clock.now())),
        )

    def _edit(self, request: HttpRequest, name: str, language: str) -> HttpResponse:
        """GET shows the words in force; POST tries, sends or saves what was typed, by the button that was pressed."""
        desk = self._desk(request, name, language)
        if not desk.may_edit:
            raise PermissionDenied
        return _edited(desk) if request.method == "POST" else _form_page(desk, TextForm(initial=_initial(desk.current)))

    def _version(self, request: HttpRequest, name: str, language: str, version: int) -> HttpResponse:
        """GET shows an older version beside the one in force; POST puts it in force again."""
        desk = self._desk(request, name, language)
        try:
            older = text_of(name, language, version)
            if request.method == "POST":
                if not desk.may_edit:
                    raise PermissionDenied
                row = restore_template(name, language, version, **desk.acts)
                messages.success(request, f"In force again, as version {row.version}.")
                return HttpResponseRedirect(desk.home())
        except Refused as refusal:
            if request.method != "POST":
                raise Http404(str(refusal)) from None
            messages.error(request, str(refusal))
            return HttpResponseRedirect(desk.home())
        return desk.page("template_version", older=older, changes=_changes(older, desk.current))

    def _desk(self, request: HttpRequest, name: str, language: str) -> Desk:
        self._check(request)
        try:
            return Desk(request, text_of(name, language))
        except Refused as refusal:
            raise Http404(str(refusal)) from None

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _edited(desk: Desk) -> HttpResponse:
    form = TextForm(desk.request.POST)
    if not form.is_valid():
        if "based_on" in form.errors:
            form.add_error(None, "Which version you began with cannot be read. Load the page again.")
        return _form_page(desk, form, status=400)
    try:
        return _tried(desk, form)
    except TextRefused as refusal:
        for part, problems in refusal.problems.items():
            form.add_error(part, problems)
        return _form_page(desk, form, status=400)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _form_page(desk, form, status=409)


def _tried(desk: Desk, form: TextForm) -> HttpResponse:
    """Do what the pressed button says; raises `Refused`."""
    given = form.cleaned_data
    parts = {part: given[part].replace("\r\n", "\n").strip() for part in texts.PARTS}
    text = replace(desk.current, **parts, number=0)
    example = _example(given["example"])
    if "save" in desk.request.POST:
        row = save_template(Saved(text, given["based_on"], given["comment"]), **desk.acts)
        messages.success(desk.request, f"Saved as version {row.version}. Messages have these words from now on.")
        return HttpResponseRedirect(desk.home())
    if "send" in desk.request.POST:
        letter = send_test(text, example, address=staff_user(desk.request).email, **desk.acts)
        messages.success(desk.request, f"A test goes to {letter.address}.")
    return _form_page(desk, form, **_shown(text, example))


def _example(query: str) -> AffectedSubscriber | None:
    found = find_example(query.strip(), now=clock.now())
    if query.strip() and found is None:
        raise Refused(f"No affected subscriber has the reference or the name {query.strip()}.")
    return found


def _shown(text: Text, example: AffectedSubscriber | None) -> dict[str, Any]:
    """A text filled in, for a page."""
    return {"letter": preview(text, example, now=clock.now()), "example": example}


def _form_page(desk: Desk, form: TextForm, *, status: int = 200, **context: Any) -> HttpResponse:
    return desk.page("template_edit", form=form, status=status, known=placeholders.known(desk.current.name), **context)


def _initial(text: Text) -> dict[str, Any]:
    return {**{part: getattr(text, part) for part in texts.PARTS}, "based_on": text.number}


def _changes(older: Text, current: Text) -> list[tuple[str, str]]:
    """The lines in which two versions differ, each with `+`, `-`, `@` or nothing: minus is the older one."""
    found = list(unified_diff(_lines(older), _lines(current), n=1, lineterm=""))[2:]
    return [(line[:1].strip(), line[1:] if line[:1] in "+- " else "…") for line in found]


def _lines(text: Text) -> list[str]:
    return [line for part in texts.PARTS for line in getattr(text, part).splitlines()]
