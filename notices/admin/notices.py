"""The outbox: what was written to whom, word for word, and what became of it."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.acts import ReadOnly
from core.figures import utc
from notices.addresses import without_link
from notices.models import Notice

COLOURS = {
    "delivered": "success",
    "sent": "info",
    "queued": "",
    "bounced": "danger",
    "refused": "danger",
    "withdrawn": "",
}


@admin.register(Notice)
class NoticeAdmin(ReadOnly, ModelAdmin):
    """Notices are frozen when they are written, so that they can only be read."""

    list_display = ("subscriber", "shown_address", "shown_state", "number", "written", "sent", "last_error")
    list_filter = ("state",)
    search_fields = ("=address", "=message_id", "affected_subscriber__subscriber__name")
    search_help_text = "Whole address, whole Message-ID, or part of a subscriber's name."
    list_select_related = ("step", "affected_subscriber__subscriber")
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Without the bodies, which a list does not show."""
        rows: QuerySet[Notice] = super().get_queryset(request).defer("body_text", "body_html")
        return rows

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the bare HTML part."""
        html = path("<int:pk>/html/", self.admin_site.admin_view(require_safe(self._html)), name="notices_notice_html")
        return [html, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """A notice as it was sent: headers, text, HTML, what the provider said."""
        self._check(request)
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        notice = Notice.objects.select_related(
            "affected_subscriber__campaign", "affected_subscriber__subscriber", "contact", "step", "carried_by"
        ).get(pk=found.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": notice.subject,
            "notice": notice,
            "text": without_link(notice.carrier.body_text),
            "events": notice.delivery_events.order_by("at"),
        }
        return TemplateResponse(request, "console/notice.html", context)

    @display(description="State", ordering="state", label=COLOURS)
    def shown_state(self, notice: Notice) -> str:
        """The state."""
        return notice.state

    @display(description="Subscriber")
    def subscriber(self, notice: Notice) -> str:
        """Whose certificates it lists."""
        return notice.affected_subscriber.subscriber.name

    @display(description="Step", ordering="step__order")
    def number(self, notice: Notice) -> str:
        """The step of the ladder, counted from one, or what the news is."""
        return str(notice.step.order + 1) if notice.step else notice.get_kind_display()

    @display(description="Written", ordering="written_at")
    def written(self, notice: Notice) -> str:
        """When."""
        return utc(notice.written_at)

    @display(description="Sent", ordering="sent_at")
    def sent(self, notice: Notice) -> str:
        """When."""
        return utc(notice.sent_at)

    def _html(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML part alone, for a frame without rights: nothing in it runs and nothing is loaded."""
        self._check(request)
        answer = HttpResponse(without_link(get_object_or_404(Notice, pk=pk).carrier.body_html))
        answer["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
        )
        answer["X-Frame-Options"] = "SAMEORIGIN"
        return answer

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
