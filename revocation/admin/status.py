"""CRLs and OCSP answers that were fetched and verified: the evidence behind `published`, to be read and downloaded."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.acts import ReadOnly
from core.figures import utc_exact
from revocation.models import StatusCheck

TYPES = {
    StatusCheck.Method.CRL: ("application/pkix-crl", "crl"),
    StatusCheck.Method.OCSP: ("application/ocsp-response", "ors"),
}


@admin.register(StatusCheck)
class StatusCheckAdmin(ReadOnly, ModelAdmin):
    """Each look at a CRL shard or an OCSP responder."""

    list_display = ("url", "method", "when", "is_valid", "problem", "crl_number", "found", "digest", "download")
    list_display_links = None
    list_filter = ("method", "is_valid", "issuer")
    search_fields = ("url", "=response_sha256")
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusCheck]:
        """Without the bytes, which a list does not show."""
        rows: QuerySet[StatusCheck] = super().get_queryset(request).defer("response")
        return rows

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the bytes."""
        view = self.admin_site.admin_view(require_safe(self._bytes))
        return [path("<int:pk>/bytes/", view, name="revocation_statuscheck_bytes"), *super().get_urls()]

    @display(description="When", ordering="at")
    def when(self, check: StatusCheck) -> str:
        """When we looked."""
        return utc_exact(check.at)

    @display(description="SHA-256")
    def digest(self, check: StatusCheck) -> str:
        """The beginning of the digest."""
        return check.response_sha256[:12]

    @display(description="Bytes")
    def download(self, check: StatusCheck) -> str:
        """A link to the bytes, where they proved something."""
        if not check.found:
            return ""
        return format_html(
            '<a class="c-link" href="{}">download</a>', reverse("admin:revocation_statuscheck_bytes", args=[check.pk])
        )

    def _bytes(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        check = get_object_or_404(StatusCheck, pk=pk)
        if not check.response:
            raise Http404
        kind, ending = TYPES[StatusCheck.Method(check.method)]
        answer = HttpResponse(bytes(check.response), content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="{check.method}-{check.pk}.{ending}"'
        return answer
