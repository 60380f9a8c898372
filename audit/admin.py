"""The journal and its seals: read here, never written."""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from audit.models import Event, Seal
from core.acts import ReadOnly
from core.figures import one_line, utc_exact


@admin.register(Event)
class EventAdmin(ReadOnly, ModelAdmin):
    """All events, newest first, without counting them."""

    list_display = ("id", "when", "actor", "verb", "stream", "object_type", "object_id", "shown_facts")
    list_display_links = ("id",)
    search_fields = ("=stream", "=actor", "^verb", "=object_id")
    search_help_text = "Whole stream, whole actor, beginning of a verb, or whole object id."
    list_filter = ("object_type",)
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)
    fields = ("id", "at", "actor", "verb", "stream", "object_type", "object_id", "indented_facts")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        """Whoever may read the journal of campaigns, or events as such."""
        return request.user.has_perm("campaigns.view_journal") or super().has_view_permission(request, obj)

    @display(description="At", ordering="pk")
    def when(self, event: Event) -> str:
        """The moment, to the second."""
        return utc_exact(event.at)

    @display(description="Facts")
    def shown_facts(self, event: Event) -> str:
        """The facts on one line."""
        return Truncator(one_line(event.facts)).chars(120)

    @display(description="Facts")
    def indented_facts(self, event: Event) -> str:
        """The facts, one a line."""
        return format_html('<pre class="c-facts">{}</pre>', json.dumps(event.facts, indent=2, ensure_ascii=False))


@admin.register(Seal)
class SealAdmin(ReadOnly, ModelAdmin):
    """The chain of seals; `verify_seals` checks it."""

    list_display = ("id", "when", "first_id", "last_id", "count", "digest")
    ordering = ("-last_id",)

    @display(description="At", ordering="at")
    def when(self, seal: Seal) -> str:
        """When it was set."""
        return utc_exact(seal.at)
