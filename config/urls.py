"""Where everything is. `/` is the operators' console; the rest is a contract with other programs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

urlpatterns: list[URLPattern | URLResolver] = [path("", admin.site.urls)]
