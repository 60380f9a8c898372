"""What came back to us: bounces, automatic replies and answers, as text."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.acts import ReadOnly
from core.figures import utc
from notices.addresses import without_link
from notices.models import InboundMessage

COLOURS = {"bounce": "danger", "automatic reply": "info", "answer": "success"}
LONGEST = 80
Rows = QuerySet[InboundMessage]


class Dealt(admin.SimpleListFilter):
    """Whether a person has dealt with it. Bounces ask nobody for anything."""

    title = "dealt with"
    parameter_name = "dealt"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The choices."""
        return [("no", "Waits for a person"), ("yes", "Dealt with")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """The rows of a choice."""
        if self.value() == "no":
            return queryset.filter(seen_at=None).exclude(kind=InboundMessage.Kind.BOUNCE)
        return queryset.exclude(seen_at=None) if self.value() == "yes" else queryset


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnly, ModelAdmin):
    """Messages are kept as they came; what is shown of them is text, never the page that a mail brings along."""

    list_display = ("shown_subject", "shown_kind", "sender", "subscriber", "received", "dealt_with")
    list_filter = ("kind", Dealt)
    search_fields = (
        "sender",
        "subject",
        "affected_subscriber__subscriber__name",
        "contact__subscriber__name",
    )
    search_help_text = "Part of a sender, a subject, or a subscriber's name."
    list_select_related = ("affected_subscriber__subscriber", "contact__subscriber")
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Without the messages themselves."""
        rows: Rows = super().get_queryset(request).defer("raw", "text")
        return rows

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """One message: whose it is, what it was taken for, and its words."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        message = InboundMessage.objects.select_related(
            "affected_subscriber__campaign", "affected_subscriber__subscriber", "contact__subscriber", "notice"
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"{found.get_kind_display().capitalize()} from {found.sender or 'nobody'}",
            "message": message.defer("raw").get(pk=found.pk),
            "subject": without_link(found.subject),
            "detail": without_link(found.detail),
            "subscriber": self.subscriber(found),
        }
        return TemplateResponse(request, "console/came_back.html", context)

    @display(description="Subject")
    def shown_subject(self, message: InboundMessage) -> str:
        """What it is about, shortened."""
        subject = without_link(message.subject)
        return subject if len(subject) <= LONGEST else subject[: LONGEST - 1] + "…"  # an empty one shows as a dash

    @display(description="Kind", ordering="kind", label=COLOURS)
    def shown_kind(self, message: InboundMessage) -> str:
        """What it was taken for."""
        return message.get_kind_display()

    @display(description="Subscriber")
    def subscriber(self, message: InboundMessage) -> str:
        """Whom it is from, or about."""
        if message.affected_subscriber:
            return message.affected_subscriber.subscriber.name
        return message.contact.subscriber.name if message.contact else ""

    @display(description="Received", ordering="received_at")
    def received(self, message: InboundMessage) -> str:
        """When."""
        return utc(message.received_at)

    @display(description="Dealt with", ordering="seen_at")
    def dealt_with(self, message: InboundMessage) -> str:
        """When and by whom."""
        return f"{utc(message.seen_at)} by {message.seen_by.removeprefix('staff:')}" if message.seen_at else ""
