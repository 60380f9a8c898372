"""Where everything is. `/` is the operators' console; the rest is a contract with other programs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("respond/", include("campaigns.urls")),
    path("contact/", include("subscribers.urls")),
    path("anymail/", include("notices.urls")),
    path("", include("revocation.urls")),
    path("rehearsal/", include("rehearsal.urls")),
    path("", include("reports.urls")),
    path("", admin.site.urls),
]
