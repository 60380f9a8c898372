"""A contact's own pages: one that shows, and one URL per act. The token is all that identifies the visitor."""

from django.urls import path

from subscribers import views

app_name = "contact"
urlpatterns = [
    path("<str:token>/", views.show, name="page"),
    path("<str:token>/still/", views.still, name="still"),
    path("<str:token>/left/", views.left, name="left"),
    path("<str:token>/backup/", views.name_backup, name="backup"),
    path("<str:token>/correct/", views.correct, name="correct"),
    path("<str:token>/promise/", views.promise, name="promise"),
]
