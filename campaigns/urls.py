"""The subscriber's pages: one that shows, and one URL per act. The token is all that identifies the visitor."""

from django.urls import path

from campaigns import views

app_name = "respond"
urlpatterns = [
    path("<str:token>/", views.show, name="page"),
    path("<str:token>/acknowledge/", views.acknowledge, name="acknowledge"),
    path("<str:token>/confirm/", views.confirm, name="confirm"),
    path("<str:token>/request/", views.request_revocation, name="request"),
    path("<str:token>/replace/", views.replace, name="replace"),
    path("<str:token>/contact/", views.name_contact, name="contact"),
    path("<str:token>/list.csv", views.list_csv, name="list"),
    path("<str:token>/deadline.ics", views.deadline_ics, name="calendar"),
]
