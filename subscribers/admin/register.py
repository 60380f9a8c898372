"""The register in the operators' console. Nothing is deleted here: a register that forgets is no evidence."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from audit.actors import staff
from core import clock
from core.acts import ReadOnly, SoundLists, perform, staff_user
from core.figures import utc
from subscribers.admin.bringing import export_page, import_page
from subscribers.admin.contact_acts import CONTACT_ACTS
from subscribers.admin.filters import GroupFilter, RiskFilter
from subscribers.census import RISKS, described, group_of, risk_of
from subscribers.forms import CommitmentForm, ContactForm, IssuerForm, SubscriberForm
from subscribers.models import Certificate, Commitment, Contact, Issuer, Subscriber
from subscribers.services import save_edit
from subscribers.webhook_keys import webhook_key


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


class _Standing:
    """What is known of a contact, and what can be done about it."""

    @display(description="Standing")
    def standing(self, contact: Contact) -> str:
        """Whether it is verified, bounces, or has left."""
        told = [f"verified {utc(contact.verified_at)}" if contact.verified_at else "never verified"]
        if contact.bounced_at:
            told.append(f"bounced {utc(contact.bounced_at)}: {contact.bounce_note}")
        if contact.left_at:
            told.append(f"left {utc(contact.left_at)} {contact.left_note}")
        return format_html_join(mark_safe("<br>"), "{}", ([each] for each in told))

    @display(description="What you can do")
    def acts(self, contact: Contact) -> str:
        """Links to the acts that make sense now."""
        if not contact.pk:
            return ""
        links = [(reverse("admin:subscribers_contact_change", args=[contact.pk]), "Channels and language")]
        for act in CONTACT_ACTS:
            if act.is_offered(contact):
                links.append((reverse("admin:subscribers_contact_act", args=[contact.pk, act.name]), act.button))
        return format_html_join(mark_safe("<br>"), '<a class="c-link c-nowrap" href="{}">{}</a>', links)


class ContactInline(_Kept, _Standing, TabularInline):
    model = Contact
    form = ContactForm
    extra = 0
    fields = ("name", "email", "phone", "role", "rank", "standing", "acts")
    readonly_fields = ("standing", "acts")


@admin.register(Contact)
class ContactAdmin(_Recorded, _Standing, ModelAdmin):
    """A contact with all its channels, and the acts about one; contacts are added on their subscriber's page."""

    form = ContactForm
    list_display = ("__str__", "subscriber", "role", "rank", "verified_at", "bounced_at", "left_at")
    list_select_related = ("subscriber",)
    search_fields = ("=email", "name", "=phone", "=subscriber__reference")
    show_full_result_count = False
    fields = (
        "of", "standing", "acts", "name", "email", "phone", ("takes_sms", "takes_voice"), "chat_url", "webhook_url",
        ("language", "time_zone"), ("role", "rank"), "source",
    )  # fmt: skip
    readonly_fields = ("of", "standing", "acts", "signing_key")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the key of its webhooks for those who may change the contact: whoever has it can sign as we do."""
        is_shown = obj is not None and obj.webhook_url and self.has_change_permission(request, obj)
        return (*self.fields, "signing_key") if is_shown else self.fields

    @display(description="Key of its webhooks")
    def signing_key(self, contact: Contact) -> str:
        """What the contact's program needs to check our signature."""
        return webhook_key(contact)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """A contact belongs to a subscriber, and is added there."""
        return False

    @display(description="Subscriber")
    def of(self, contact: Contact) -> str:
        """The subscriber, leading to its page."""
        url = reverse("admin:subscribers_subscriber_change", args=[contact.subscriber_id])
        return format_html('<a class="c-link" href="{}">{}</a>', url, contact.subscriber)

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for the acts."""
        own = path("<int:pk>/<slug:name>/now/", self.admin_site.admin_view(self._act), name="subscribers_contact_act")
        return [own, *super().get_urls()]

    def _act(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        contact = get_object_or_404(Contact.objects.select_related("subscriber"), pk=pk)
        act = next((each for each in CONTACT_ACTS if each.name == name), None)
        if act is None:
            raise Http404
        back = reverse("admin:subscribers_subscriber_change", args=[contact.subscriber_id])
        return perform(request, act, contact, back=back)


class CommitmentInline(_Kept, TabularInline):
    model = Commitment
    form = CommitmentForm
    extra = 0


@admin.register(Subscriber)
class SubscriberAdmin(_Recorded, ModelAdmin):
    form = SubscriberForm
    list_display = ("name", "reference", "subscriber_class", "contacts_now", "commitment_now", "language", "time_zone")
    list_filter = ("subscriber_class", GroupFilter, RiskFilter)
    search_fields = ("name", "=reference", "=contacts__email")
    show_full_result_count = False
    inlines = (ContactInline, CommitmentInline)
    list_before_template = "console/register_before.html"

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the ways in and out of the register."""
        view = self.admin_site.admin_view
        return [
            path("import/", view(import_page), name="subscribers_subscriber_import"),
            path("export/", view(export_page), name="subscribers_subscriber_export"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        """With what the list says of contacts and commitments."""
        return described(super().get_queryset(request), now=clock.now())

    @display(description="Contacts", label={"stale": "warning", "single": "warning", "unreachable": "danger"})
    def contacts_now(self, subscriber: Any) -> tuple[str, str]:
        """The group, and how many of the reachable contacts are verified."""
        group = group_of(subscriber.reachable, subscriber.sound)
        return group, f"{group}: {subscriber.sound} of {subscriber.reachable} verified"

    @display(description="Replaces within")
    def commitment_now(self, subscriber: Any) -> str:
        """The risk class."""
        return RISKS[risk_of(subscriber.best_window, has_any=subscriber.has_commitment)]


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
