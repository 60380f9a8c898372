"""Who may see the pages of this app: members of staff with the right to view campaigns, and programs with a token."""

from collections.abc import Callable
from functools import wraps
from hmac import compare_digest
from ipaddress import ip_address
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
VIEW_CAMPAIGNS = "campaigns.view_campaign"


def staff_page(view: View[P], *, permission: str = VIEW_CAMPAIGNS) -> Callable[..., HttpResponseBase]:
    """A page that only shows, for signed-in staff with a permission; anybody else is sent to sign in."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return require_safe(admin.site.admin_view(permitted, cacheable=True))


def staff_data(view: View[P], *, permission: str = VIEW_CAMPAIGNS) -> Callable[..., HttpResponseBase]:
    """The same for what a program reads: it is told 401 or 403 in JSON instead of being sent to a form."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not (request.user.is_active and request.user.is_staff):
            return JsonResponse({"error": "Sign in first."}, status=401)
        if not request.user.has_perm(permission):
            return JsonResponse({"error": "Your roles do not allow this."}, status=403)
        return view(request, *args, **kwargs)

    return require_safe(permitted)


def metrics_reader(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For a program that measures: with `METRICS_TOKEN` as a bearer token, or, where none is set, from this machine."""

    @wraps(view)
    def permitted(request: HttpRequest) -> HttpResponse:
        if not _may_measure(request):
            return HttpResponse("Metrics need the bearer token.\n", status=403, content_type="text/plain")
        return view(request)

    return never_cache(require_safe(permitted))


def _may_measure(request: HttpRequest) -> bool:
    if token := settings.METRICS_TOKEN:
        return compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    try:
        # Behind a proxy on the same machine everybody would look local.
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback and "X-Forwarded-For" not in request.headers
    except ValueError:
        return False
