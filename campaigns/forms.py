"""The forms of the subscriber's pages."""

from base64 import encodebytes
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import AffectedCertificate
from core.crl_reason import SUBSCRIBER_MAY_CHOOSE, CRLReason
from core.errors import Malformed
from subscribers.certificates import BEGIN, END, parse_der

MAX_UPLOAD = 1024 * 1024
"""Bytes of new certificates that are taken at once: some hundreds of certificates."""
PRIVATE_KEY = b"PRIVATE KEY-----"
LOCAL = "%Y-%m-%dT%H:%M"
"""What a browser's field for a local date and time sends; the seconds are left out when they are zero."""
A_KEY = gettext_lazy(
    "There is a private key in %(name)s. It was not kept, and we never ask for one. "
    "Send the certificate alone, and use a new key if anybody else may have seen this one."
)
REASON_WORDS = {
    CRLReason.UNSPECIFIED: gettext_lazy("No particular reason"),
    CRLReason.KEY_COMPROMISE: gettext_lazy("The private key is, or may be, in the wrong hands (keyCompromise)"),
    CRLReason.AFFILIATION_CHANGED: gettext_lazy("The organisation named in it has changed (affiliationChanged)"),
    CRLReason.SUPERSEDED: gettext_lazy("A new certificate has taken its place (superseded)"),
    CRLReason.CESSATION_OF_OPERATION: gettext_lazy(
        "The site is shut down, or the domain is no longer yours (cessationOfOperation)"
    ),
}


class KeysField(forms.Field):
    """The keys of ticked certificates, as a set of numbers."""

    widget = forms.MultipleHiddenInput
    longest = 18
    """Digits that every database takes for a key."""

    def clean(self, value: Any) -> set[int]:
        """Refuse anything that no page of ours has offered."""
        given = [str(each) for each in value or ()]
        if not all(each.isascii() and each.isdigit() and len(each) <= self.longest for each in given):
            raise ValidationError(_("That choice cannot be read. Nothing was changed."))
        return {int(each) for each in given}


class ChoiceForm(forms.Form):
    """Which certificates of a subscriber's list an act is about: the ticked ones, else all that are open to it."""

    which = forms.ChoiceField(choices=[("ticked", ""), ("all", "")], required=False, widget=forms.HiddenInput)
    certificates = KeysField(required=False)

    chosen: QuerySet[AffectedCertificate]

    def __init__(
        self, data: Any, *, everything: QuerySet[AffectedCertificate], eligible: QuerySet[AffectedCertificate]
    ) -> None:
        """`everything` is the subscriber's own list, `eligible` the part of it that "all" means."""
        super().__init__(data)
        self.everything, self.eligible = everything, eligible

    def clean(self) -> dict[str, Any] | None:
        """Find the chosen rows; none at all is refused, and so is any of another list."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned["which"] == "all" and not cleaned["certificates"]:
            self.chosen = self.eligible
        else:
            self.chosen = self.everything.filter(pk__in=cleaned["certificates"])
            if self.chosen.count() < len(cleaned["certificates"]):
                raise ValidationError(_("One of the chosen certificates is not in your list. Nothing was changed."))
        if not self.chosen.exists():
            raise ValidationError(_("No certificate was chosen. Tick those that you mean, then press the button."))
        return cleaned

    @property
    def first_error(self) -> str:
        """What is wrong, as one sentence."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


class RequestForm(forms.Form):
    """When to revoke, and the reason."""

    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        choices=[("now", gettext_lazy("Now")), ("at", gettext_lazy("At this time"))],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose when to revoke.")},
    )
    at = forms.DateTimeField(
        label=gettext_lazy("Date and time"),
        required=False,
        input_formats=[LOCAL, f"{LOCAL}:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
        error_messages={"invalid": gettext_lazy("Write the time as 2024-03-24T16:30.")},
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[(reason.value, REASON_WORDS[reason]) for reason in SUBSCRIBER_MAY_CHOOSE],
        initial=CRLReason.UNSPECIFIED.value,
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, data: Any = None, *, now: datetime, deadline: datetime | None, zone: tzinfo) -> None:
        """Times are meant in `zone` and lie after `now` and before the first `deadline` of the chosen certificates."""
        super().__init__(data)
        self.now, self.deadline, self.zone = now, deadline, zone
        attrs = self.fields["at"].widget.attrs
        attrs["min"] = now.astimezone(zone).strftime(LOCAL)
        if deadline:
            attrs["max"] = deadline.astimezone(zone).strftime(LOCAL)

    def full_clean(self) -> None:
        """Read times in the subscriber's time zone."""
        with timezone.override(self.zone):
            super().full_clean()

    def clean_reason(self) -> str:
        """The reason; none given means unspecified (BR 7.2.2)."""
        return self.cleaned_data["reason"] or CRLReason.UNSPECIFIED.value

    def clean(self) -> dict[str, Any] | None:
        """Check the time, when one is meant: `at` in UTC, or None for now."""
        cleaned = super().clean() or {}
        if cleaned.get("when") != "at":
            self.errors.pop("at", None)
            return {**cleaned, "at": None}
        if "at" not in self.errors:
            if not cleaned.get("at"):
                self.add_error("at", _("Give the date and time of revocation."))
            elif cleaned["at"] <= self.now:
                self.add_error("at", _("This time has passed. Choose a later one, or revoke now."))
            elif self.deadline and cleaned["at"] >= self.deadline:
                self.add_error("at", _("This is not before the deadline. Nothing can move the deadline."))
            elif cleaned.get("reason") == CRLReason.KEY_COMPROMISE:
                self.add_error("when", _("A certificate with a compromised key cannot wait. Choose to revoke it now."))
            else:
                cleaned["at"] = cleaned["at"].astimezone(UTC)
        return cleaned


class FilesInput(forms.ClearableFileInput):
    """A field for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, or none."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[bytes]]":
        """Check each file as a single one would be."""
        return [super(FilesField, self).clean(each, initial) for each in data or ()]


class ReplaceForm(forms.Form):
    """New certificates, as files or as text."""

    files = FilesField(  # type: ignore[assignment] # a field, as far as classes of forms go
        label=gettext_lazy("Files"),
        required=False,
        widget=FilesInput(attrs={"accept": ".pem,.crt,.cer,.der,.txt"}),
        error_messages={"empty": gettext_lazy("A file is empty.")},
    )
    pem = forms.CharField(
        label=gettext_lazy("Or paste them here, as text"),
        required=False,
        widget=forms.Textarea(
            attrs={
                "rows": 6,
                "spellcheck": "false",
                "autocomplete": "off",
                "placeholder": "-----BEGIN CERTIFICATE-----",
            }
        ),
    )

    def clean_pem(self) -> str:
        """Look for a private key before anything else can go wrong: it must not be sent back."""
        text: str = self.cleaned_data["pem"]
        self._refuse_key(_("the pasted text"), text.encode())
        return text

    def clean(self) -> dict[str, Any] | None:
        """Add `certificates`: all that were handed in, as one PEM text. Nothing, too much, or a key is refused."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        files: Sequence[UploadedFile[bytes]] = cleaned["files"]
        text = cleaned["pem"].encode()
        if sum(file.size or 0 for file in files) + len(text) > MAX_UPLOAD:
            self._forget_text()
            raise ValidationError(_("That is more than 1 MB. Nothing was taken. Send fewer certificates at a time."))
        sources = [(str(file.name), file.read()) for file in files]
        if text.strip():
            sources.append((_("the pasted text"), text))
        if not sources:
            raise ValidationError(_("Choose a file with new certificates, or paste them."))
        for name, data in sources:
            self._refuse_key(name, data)
        return {**cleaned, "certificates": b"".join(_pem(name, data) for name, data in sources)}

    def _refuse_key(self, name: str, data: bytes) -> None:
        if PRIVATE_KEY in data:
            self._forget_text()
            raise ValidationError(A_KEY % {"name": name})

    def _forget_text(self) -> None:
        """Do not send back what was pasted."""
        self.data = {**self.data, "pem": ""}


def _pem(name: str, data: bytes) -> bytes:
    """One source as PEM; blocks in it that cannot be read are for the verdict. Raises `ValidationError`."""
    if BEGIN in data:
        return data + b"\n"
    try:
        return b"%s\n%s%s\n" % (BEGIN, encodebytes(parse_der(data).der), END)
    except Malformed:
        told = _("Nothing was taken: %(name)s is no certificate, neither PEM nor DER. Send it as you received it.")
        raise ValidationError(told % {"name": name}) from None


class ContactForm(forms.Form):
    """A colleague who shall be told as well."""

    one_line = RegexValidator(
        r"^[^\x00-\x1f\x7f]*$", gettext_lazy("Line breaks and control characters cannot be used here.")
    )

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, validators=[one_line])
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    phone = forms.CharField(
        label=gettext_lazy("Telephone (may be left empty)"), max_length=40, required=False, validators=[one_line],
        widget=forms.TextInput(attrs={"type": "tel"}),
    )  # fmt: skip
