"""The pages of a rehearsal; they exist only while one plays."""

from django.urls import path

from rehearsal import views

app_name = "rehearsal"
urlpatterns = [
    path("", views.mails, name="mails"),
    path("mail/<int:key>/", views.mail, name="mail"),
    path("mail/<int:key>/as-seen/", views.as_seen, name="as-seen"),
    path("switch/", views.switch, name="switch"),
]
