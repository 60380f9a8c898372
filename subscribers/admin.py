"""The register in the operators' console. Nothing is deleted here: a register that forgets is no evidence."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from audit.actors import staff
from core import clock
from core.acts import ReadOnly, SoundLists, staff_user
from subscribers.forms import CommitmentForm, ContactForm, IssuerForm, SubscriberForm
from subscribers.models import Certificate, Commitment, Contact, Issuer, Subscriber
from subscribers.services import save_edit


class _Kept:
    """Rows that stay."""

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class _Recorded(SoundLists, _Kept):
    """Rows that people edit: each edit is an event, in the transaction of the edit."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and nothing else, so that what was measured meanwhile is not undone."""
        save_edit(obj, changed=form.changed_data, actor=staff(staff_user(request).username), now=clock.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The same for the rows of a table inside the page."""
        formset.save(commit=False)
        edited = {row.pk: names for row, names in formset.changed_objects}
        rows = [row for row, _ in formset.changed_objects] + formset.new_objects
        for row in rows:
            changed = edited[row.pk] if row.pk else [field.name for field in formset.form().visible_fields()]
            save_edit(row, changed=changed, actor=staff(staff_user(request).username), now=clock.now())
        formset.save_m2m()


class ContactInline(_Kept, TabularInline):
    model = Contact
    form = ContactForm
    extra = 0
    fields = ("name", "email", "phone", "role", "rank", "verified_at", "bounced_at", "bounce_note")
    readonly_fields = ("verified_at", "bounced_at", "bounce_note")


class CommitmentInline(_Kept, TabularInline):
    model = Commitment
    form = CommitmentForm
    extra = 0


@admin.register(Subscriber)
class SubscriberAdmin(_Recorded, ModelAdmin):
    form = SubscriberForm
    list_display = ("name", "reference", "subscriber_class", "language", "time_zone")
    list_filter = ("subscriber_class",)
    search_fields = ("name", "=reference", "=contacts__email")
    show_full_result_count = False
    inlines = (ContactInline, CommitmentInline)


@admin.register(Issuer)
class IssuerAdmin(_Recorded, ModelAdmin):
    form = IssuerForm
    list_display = ("name", "backend", "crl_interval", "revocations_per_second")
    search_fields = ("name", "=key_id")
    readonly_fields = ("key_id", "certificate_pem")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """An issuer comes with its certificate, by import."""
        return False


@admin.register(Certificate)
class CertificateAdmin(ReadOnly, ModelAdmin):
    list_display = ("serial_number", "issuer", "subscriber", "subject", "not_after", "revoked_at")
    list_filter = ("issuer",)
    list_select_related = ("issuer", "subscriber")
    search_fields = ("=serial_number", "=fingerprint_sha256", "names")
    search_help_text = "Serial number in hex, SHA-256 fingerprint, or part of a name."
    show_full_result_count = False
    exclude = ("der",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the bytes, which no page shows."""
        return super().get_queryset(request).defer("der")
