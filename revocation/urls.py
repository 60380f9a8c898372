"""Where the sandbox CA is found; its certificates carry these addresses."""

from django.urls import path

from revocation import views

app_name = "revocation"
urlpatterns = [
    path("sandbox/<slug:slug>/ca.pem", views.certificate, name="sandbox-certificate"),
    path("sandbox/<slug:slug>/crl/<int:shard>.crl", views.crl, name="sandbox-crl"),
    path("sandbox/<slug:slug>/ocsp", views.ocsp_post, name="sandbox-ocsp"),
    path("sandbox/<slug:slug>/ocsp/<path:encoded>", views.ocsp_get, name="sandbox-ocsp-get"),
]
