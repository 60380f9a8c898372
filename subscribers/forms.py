"""What a person may type into the register: the same values that an import takes, and no others."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.errors import Malformed
from subscribers import fields
from subscribers.models import Commitment, Contact, Issuer, Subscriber


def _taken(convert: Callable[[str], Any], value: Any) -> Any:
    """A value as an import would take it; an empty one stays as it is. Raises `ValidationError`."""
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    try:
        return convert(text) if value else value
    except Malformed as error:
        raise ValidationError(f"This {error}" if str(error)[:1] not in "\"'" else str(error)) from None


class SubscriberForm(forms.ModelForm):  # type: ignore[type-arg] # takes no argument at runtime
    """A subscriber; its language and time zone are those that notices can use."""

    class Meta:
        model = Subscriber
        fields = ("reference", "name", "subscriber_class", "language", "time_zone")

    def clean_reference(self) -> Any:
        """The CA's number, on one line."""
        return _taken(fields.text(64), self.cleaned_data["reference"])

    def clean_name(self) -> Any:
        """The name, on one line."""
        return _taken(fields.text(200), self.cleaned_data["name"])

    def clean_language(self) -> Any:
        """A language tag."""
        return _taken(fields.language, self.cleaned_data["language"])

    def clean_time_zone(self) -> Any:
        """A time zone that exists."""
        return _taken(fields.time_zone, self.cleaned_data["time_zone"])


class ContactForm(forms.ModelForm):  # type: ignore[type-arg] # takes no argument at runtime
    """A contact; it can be written to or rung."""

    class Meta:
        model = Contact
        fields = (
            "name", "email", "phone", "takes_sms", "takes_voice", "chat_url", "webhook_url", "language", "time_zone",
            "role", "rank", "source",
        )  # fmt: skip

    def clean_name(self) -> Any:
        """The name, on one line."""
        return _taken(fields.text(200), self.cleaned_data["name"])

    def clean_email(self) -> Any:
        """An address, in lower case."""
        return _taken(fields.email, self.cleaned_data["email"])

    def clean_phone(self) -> Any:
        """A number."""
        return _taken(fields.phone, self.cleaned_data["phone"])

    def clean_chat_url(self) -> Any:
        """The address of a chat."""
        return _taken(fields.chat_url, self.cleaned_data["chat_url"])

    def clean_webhook_url(self) -> Any:
        """An https address."""
        return _taken(fields.webhook_url, self.cleaned_data["webhook_url"])

    def clean_language(self) -> Any:
        """A language tag, or nothing for the subscriber's."""
        return _taken(fields.language, self.cleaned_data["language"])

    def clean_time_zone(self) -> Any:
        """A time zone that exists, or nothing for the subscriber's."""
        return _taken(fields.time_zone, self.cleaned_data["time_zone"])

    def clean(self) -> dict[str, Any]:
        """One of the two ways has to be there, and a number where messages or calls are to go to one."""
        cleaned = super().clean() or self.cleaned_data
        takes = any(cleaned.get(name, getattr(self.instance, name)) for name in ("takes_sms", "takes_voice"))
        if takes and not cleaned.get("phone") and "phone" not in self.errors:
            self.add_error("phone", "Text messages and calls need a number.")
        if not self.errors and not cleaned.get("email") and not cleaned.get("phone"):
            raise ValidationError("A contact needs an e-mail address or a telephone number.")
        return cleaned


class CommitmentForm(forms.ModelForm):  # type: ignore[type-arg] # takes no argument at runtime
    """A subscriber's written word."""

    class Meta:
        model = Commitment
        fields = ("window", "given_by", "given_at", "valid_until")

    def clean_window(self) -> timedelta:
        """One of the two windows of BR 4.9.1.1."""
        found: timedelta = self.cleaned_data["window"]
        if found not in fields.WINDOWS.values():
            raise ValidationError("The window is 24 hours or 5 days.")
        return found

    def clean(self) -> dict[str, Any]:
        """It ends after it began."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and cleaned["valid_until"] <= cleaned["given_at"]:
            raise ValidationError("It ends before it was given.")
        return cleaned


class IssuerForm(forms.ModelForm):  # type: ignore[type-arg] # takes no argument at runtime
    """How an issuer is asked, and where it publishes: what plans of revocation are reckoned from."""

    class Meta:
        model = Issuer
        fields = (
            "name",
            "crl_urls",
            "ocsp_url",
            "backend",
            "backend_options",
            "crl_interval",
            "revocations_per_second",
        )

    def clean_crl_urls(self) -> Any:
        """A list of addresses."""
        found = self.cleaned_data["crl_urls"]
        if not isinstance(found, list):
            raise ValidationError('This is not a list of addresses, such as ["http://crl.example/1.crl"].')
        return _taken(fields.urls, found)

    def clean_ocsp_url(self) -> Any:
        """An address, or nothing."""
        return _taken(fields.url, self.cleaned_data["ocsp_url"])

    def clean_backend_options(self) -> Any:
        """Names and values."""
        found = self.cleaned_data["backend_options"]
        if not isinstance(found, dict):
            raise ValidationError('These are not options, such as {"root": "/var/lib/ca"}.')
        return found

    def clean_crl_interval(self) -> timedelta:
        """Some time, and no more than BR 4.9.7 allows."""
        found: timedelta = self.cleaned_data["crl_interval"]
        if not timedelta(0) < found <= timedelta(hours=24):
            raise ValidationError("A CRL follows a revocation within 24 hours (BR 4.9.7), and not before it.")
        return found

    def clean_revocations_per_second(self) -> Any:
        """A number above 0."""
        return _taken(fields.rate, str(self.cleaned_data["revocations_per_second"]))
