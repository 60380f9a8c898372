"""The pages about campaigns, and what outside watchers ask."""

from django.urls import path

from reports.access import staff_data, staff_page
from reports.calls import calls_page
from reports.census_views import census_list, census_page
from reports.health import healthz, metrics
from reports.ladder import ladder_page
from reports.list_views import board_page, certificate_list, subscriber_list, subscriber_page
from reports.proof_files import proof_html, proof_json
from reports.views import campaign_page, journal_page, progress_json, sections

app_name = "reports"
JOURNAL = "campaigns.view_journal"
REGISTER = "subscribers.view_contact"
urlpatterns = [
    path("campaigns/<uuid:public_id>/", staff_page(campaign_page), name="campaign"),
    path("campaigns/<uuid:public_id>/progress.json", staff_data(progress_json), name="progress-json"),
    path("campaigns/<uuid:public_id>/sections/", staff_data(sections), name="sections"),
    path("campaigns/<uuid:public_id>/journal/", staff_page(journal_page, permission=JOURNAL), name="journal"),
    path("campaigns/<uuid:public_id>/ladder/", staff_page(ladder_page), name="ladder"),
    path("campaigns/<uuid:public_id>/certificates/", staff_page(certificate_list), name="certificates"),
    path("campaigns/<uuid:public_id>/at-risk/", staff_page(board_page), name="campaign-board"),
    path("campaigns/<uuid:public_id>/subscribers/", staff_page(subscriber_list), name="subscribers"),
    path(
        "campaigns/<uuid:public_id>/subscribers/<uuid:subscriber_id>/", staff_page(subscriber_page), name="subscriber"
    ),
    path(
        "campaigns/<uuid:public_id>/subscribers/<uuid:subscriber_id>/proof.html", staff_page(proof_html), name="proof"
    ),
    path(
        "campaigns/<uuid:public_id>/subscribers/<uuid:subscriber_id>/proof.json",
        staff_data(proof_json),
        name="proof-json",
    ),
    path("at-risk/", staff_page(board_page), name="board"),
    path("calls/", staff_page(calls_page), name="calls"),
    path("remaining/", staff_page(certificate_list), name="remaining"),
    path("census/", staff_page(census_page, permission=REGISTER), name="census"),
    path("census/subscribers/", staff_page(census_list, permission=REGISTER), name="census-list"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
]
