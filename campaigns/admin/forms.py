"""What the acts on campaigns ask for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from campaigns.models import Campaign, EscalationPolicy, Exclusion
from campaigns.rules import choices
from subscribers.models import Issuer

MOST_FILES = 50


class UtcDateTimeInput(UnfoldAdminTextInputWidget):
    """A moment in UTC, typed or picked."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"step": "1", **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        """The value as a browser wants it; what was typed wrongly stays as it was."""
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return str(value) if value else None


class UtcMoment(forms.DateTimeField):
    """A moment in UTC (the site's time zone is UTC)."""

    widget = UtcDateTimeInput

    def prepare_value(self, value: Any) -> Any:
        """Leave a moment aware, for the widget to write in UTC."""
        return value


class SeveralFilesInput(forms.FileInput):
    """Several files at once."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> "list[UploadedFile[Any]]":
        """All files that were chosen."""
        return files.getlist(name) if isinstance(files, MultiValueDict) else []


class SeveralFiles(forms.FileField):
    """One or more files."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        """The files; raises `ValidationError` for none, for too many, and for an empty one."""
        chosen = list(data or [])
        if not chosen and self.required:
            raise forms.ValidationError("Choose at least one file.")
        if len(chosen) > MOST_FILES:
            raise forms.ValidationError(f"Choose at most {MOST_FILES} files at once.")
        return [super(SeveralFiles, self).clean(each, initial) for each in chosen]


def text(label: str, help_text: str = "", *, longest: int = 500, required: bool = True) -> forms.CharField:
    """A field for a sentence or two."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=longest,
        required=required,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


def _rules() -> Sequence[tuple[str, str]]:
    return [("", "Choose the item that obliges"), *choices()]


def _policy(empty_label: str | None) -> "forms.ModelChoiceField[EscalationPolicy]":
    """A field for one of the policies that are not retired."""
    return forms.ModelChoiceField(
        EscalationPolicy.objects.filter(is_retired=False),
        required=empty_label is None,
        empty_label=empty_label,
        label="Escalation policy",
        widget=UnfoldAdminSelectWidget,
        help_text="Whom notices go to, when, and by which channels. The campaign gets a copy of the policy’s steps.",
    )


class DraftForm(forms.Form):
    """What a draft says; window, deadline and CRLReason follow from the rule item."""

    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    rule = forms.ChoiceField(label="Rule item (BR 4.9.1.1)", choices=_rules, widget=UnfoldAdminSelectWidget)
    kind = forms.ChoiceField(
        choices=Campaign.Kind.choices,
        initial=Campaign.Kind.LIVE,
        widget=UnfoldAdminSelectWidget,
        help_text="A drill meets only the sandbox CA and the mail sink. It cannot be made live afterwards.",
    )
    clock_started_at = UtcMoment(
        label="Clock start (UTC)",
        help_text="Receipt of the report, evidence or awareness, whichever was first. "
        "Mail counts when it arrived, not when it was read.",
    )
    fixed_at = UtcMoment(
        label="Fault ended (UTC)",
        required=False,
        help_text="Issued after this, a certificate no longer has the fault. "
        "Empty: after the affected one's own notBefore.",
    )
    explanation = forms.CharField(
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="What is wrong with these certificates, and whose fault it is: printed in notices.",
    )
    explanation_url = forms.URLField(
        label="Public page",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget,
        help_text="Where the incident is explained in public.",
    )
    revokes_replaced_early = forms.BooleanField(
        label="Revoke replaced certificates early",
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        help_text="In waves, as replacements are verified, instead of all at the deadline.",
    )
    policy = _policy("as it is; a new draft begins with the default for its window")


class LadderForm(forms.Form):
    """The policy whose present steps a draft takes."""

    policy = _policy(None)


class ScopeForm(forms.Form):
    """The files of a scope."""

    scope_files = SeveralFiles(
        label="Files",
        help_text="CSV with serial and issuer, or fingerprints; one serial or SHA-256 a line; PEM or DER certificates.",
    )
    default_issuer = forms.ModelChoiceField(
        Issuer.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        empty_label="none: each line names its own",
        label="Issuer of lines that name none",
    )


class AdditionForm(ScopeForm):
    """The files of an addition, when the CA became aware of these certificates, and why only then."""

    clock_started_at = UtcMoment(
        label="Clock start (UTC)",
        help_text="When the CA became aware that these are affected: their own moment, not the campaign's.",
    )
    reason = text("Why only now", "How they were found, and why not before. It stands in the journal and in reports.")


class AdditionApprovalForm(forms.Form):
    """The digest that was looked at, and the count, typed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    typed_count = forms.IntegerField(
        label="How many certificates will be revoked?",
        min_value=0,
        help_text="Type the number, digits only.",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off", "pattern": "[0-9]*"}),
    )


class ApprovalForm(AdditionApprovalForm):
    """The digest of the draft as well."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    """Why."""

    reason = text("Reason", "It goes into the journal and stands on the campaign's page.")


class GroundForm(forms.Form):
    """The ground for leaving a campaign unfinished."""

    ground = text("Ground", "Certificates that remain stay unrevoked. A second person has to agree.")


class ExclusionForm(forms.Form):
    """Why one certificate is held back, and until when."""

    ground = forms.ChoiceField(choices=Exclusion.Ground.choices, widget=UnfoldAdminSelectWidget)
    until = UtcMoment(
        label="Ends (UTC)",
        required=False,
        help_text="When the order ends; the certificate is revoked then. Empty only for one that was never affected.",
    )
    justification = text(
        "Justification",
        "For an order: court, number, date, counsel. For one that was never affected: how that was found.",
        longest=20_000,
    )
