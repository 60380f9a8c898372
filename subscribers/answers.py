"""The forms of a contact's own page: the same values that an import takes, and no others."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Malformed
from subscribers import fields
from subscribers.models import Contact

CHANNELS = ("takes_sms", "takes_voice", "chat_url", "webhook_url")
ONE_LINE = RegexValidator(
    r"^[^\x00-\x1f\x7f]*$", gettext_lazy("Line breaks and control characters cannot be used here.")
)


def taken(convert: Callable[[str], Any], value: Any) -> Any:
    """A value as an import would take it; an empty one stays empty."""
    text = str(value or "").strip()
    try:
        return convert(text) if text else ""
    except Malformed:
        raise ValidationError(_("This cannot be used: %(text)s") % {"text": fields.shown(text)}) from None


class SuccessorForm(forms.Form):
    """Who takes a person's place, if anybody is named."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address of the person who follows"), max_length=254, required=False
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False, validators=[ONE_LINE])


class BackupForm(forms.Form):
    """A colleague who shall be told as well."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, validators=[ONE_LINE])
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    phone = forms.CharField(
        label=gettext_lazy("Telephone (may be left empty)"), max_length=40, required=False, validators=[ONE_LINE],
        widget=forms.TextInput(attrs={"type": "tel"}),
    )  # fmt: skip

    def clean_phone(self) -> Any:
        """A number, or nothing."""
        return taken(fields.phone, self.cleaned_data["phone"])


class PromiseForm(forms.Form):
    """Within which window the subscriber can replace its certificates, and who says so."""

    window = forms.ChoiceField(
        label=gettext_lazy("We can replace our certificates"),
        choices=[("24h", gettext_lazy("within 24 hours")), ("5d", gettext_lazy("within 5 days"))],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose within which time.")},
    )
    given_by = forms.CharField(label=gettext_lazy("Your name and function"), max_length=200, validators=[ONE_LINE])


class CorrectionForm(forms.ModelForm):  # type: ignore[type-arg] # takes no argument at runtime
    """How a contact is told: name, number, language, time zone, further channels."""

    class Meta:
        model = Contact
        fields = ("name", "phone", "language", "time_zone", *CHANNELS)
        labels = {  # noqa: RUF012 - Django's own manner
            "name": gettext_lazy("Name"),
            "phone": gettext_lazy("Telephone"),
            "language": gettext_lazy("Language of notices, such as en or zh-CN"),
            "time_zone": gettext_lazy("Time zone, such as Asia/Shanghai"),
            "takes_sms": gettext_lazy("This number takes text messages"),
            "takes_voice": gettext_lazy("This number may be rung by a machine"),
            "chat_url": gettext_lazy("Address of a chat, as an Apprise URL such as msteams://…"),
            "webhook_url": gettext_lazy("https address of a program that takes signed notices"),
        }
        help_texts = dict.fromkeys(labels, "")

    def clean_name(self) -> Any:
        """The name, on one line."""
        ONE_LINE(self.cleaned_data["name"])
        return taken(fields.text(200), self.cleaned_data["name"])

    def clean_phone(self) -> Any:
        """A number."""
        return taken(fields.phone, self.cleaned_data["phone"])

    def clean_language(self) -> Any:
        """A language tag."""
        return taken(fields.language, self.cleaned_data["language"])

    def clean_time_zone(self) -> Any:
        """A time zone that exists."""
        return taken(fields.time_zone, self.cleaned_data["time_zone"])

    def clean_chat_url(self) -> Any:
        """An address of a chat."""
        return taken(fields.chat_url, self.cleaned_data["chat_url"])

    def clean_webhook_url(self) -> Any:
        """An https address."""
        return taken(fields.webhook_url, self.cleaned_data["webhook_url"])

    def clean(self) -> dict[str, Any]:
        """Text messages and calls need a number, and nobody takes away the only way to be told."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("phone") and (cleaned.get("takes_sms") or cleaned.get("takes_voice")):
            self.add_error("phone", _("Give the number that takes messages or calls."))
        if not self.errors and not self.instance.email and not cleaned.get("phone"):
            self.add_error("phone", _("This number is the only way in which we can reach you."))
        return cleaned
