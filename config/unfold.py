"""The look of the console: names, colours and the sidebar of the admin's theme (django-unfold)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: any(request.user.has_perm(permission) for permission in permissions)


def _item(title: str, icon: str, link: str, *permissions: str) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(link)}
    return item | ({"permission": _may(*permissions)} if permissions else {})


LOOK: dict[str, Any] = {
    "SITE_TITLE": "Recall",
    "SITE_HEADER": "Recall",
    "SITE_SUBHEADER": "Mass-revocation campaigns",
    "SITE_SYMBOL": "assignment_return",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("reports/favicon.svg")},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "reports.dashboard.environment",
    "DASHBOARD_CALLBACK": "reports.dashboard.dashboard",
    "STYLES": [lambda request: static("reports/console.css")],
    "SCRIPTS": [lambda request: static("reports/local-time.js")],
    "BORDER_RADIUS": "4px",
    "COLORS": {
        "base": {
            "50": "oklch(98.2% .003 240)",
            "100": "oklch(96.2% .005 240)",
            "200": "oklch(91.8% .008 240)",
            "300": "oklch(86% .011 240)",
            "400": "oklch(69% .017 240)",
            "500": "oklch(53% .02 240)",
            "600": "oklch(43% .022 240)",
            "700": "oklch(35.5% .022 240)",
            "800": "oklch(27% .02 240)",
            "900": "oklch(20.5% .018 240)",
            "950": "oklch(14% .015 240)",
        },
        "primary": {
            "50": "oklch(97.3% .012 235)",
            "100": "oklch(94% .026 235)",
            "200": "oklch(88.5% .05 235)",
            "300": "oklch(80.5% .08 235)",
            "400": "oklch(70.5% .11 238)",
            "500": "oklch(60% .12 240)",
            "600": "oklch(50% .115 242)",
            "700": "oklch(44% .1 243)",
            "800": "oklch(38.5% .085 244)",
            "900": "oklch(33.5% .07 245)",
            "950": "oklch(25% .055 246)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "",
                "separator": False,
                "items": [
                    _item("Dashboard", "space_dashboard", "admin:index"),
                    _item("Campaigns", "campaign", "admin:campaigns_campaign_changelist", "campaigns.view_campaign"),
                    _item("At risk", "e911_emergency", "reports:board", "campaigns.view_campaign"),
                    _item("Call list", "phone_in_talk", "reports:calls", "campaigns.view_campaign"),
                    _item("Remaining", "pending_actions", "reports:remaining", "campaigns.view_campaign"),
                ],
            },
            {
                "title": "Outward acts",
                "separator": True,
                "items": [
                    _item("Notices", "mail", "admin:notices_notice_changelist", "notices.view_notice"),
                    _item(
                        "What came back",
                        "forward_to_inbox",
                        "admin:notices_inboundmessage_changelist",
                        "notices.view_inboundmessage",
                    ),
                    _item("Routes and mailboxes", "alt_route", "admin:notices_route_changelist", "notices.view_route"),
                    _item("Calls", "call", "admin:notices_call_changelist", "notices.view_call"),
                    _item(
                        "Words of messages",
                        "translate",
                        "admin:notices_noticetemplate_changelist",
                        "notices.view_noticetemplate",
                    ),
                    _item(
                        "Revocations", "block", "admin:revocation_revocation_changelist", "revocation.view_revocation"
                    ),
                    _item(
                        "CRL and OCSP checks",
                        "fact_check",
                        "admin:revocation_statuscheck_changelist",
                        "revocation.view_statuscheck",
                    ),
                    _item(
                        "Escalation policies",
                        "stairs",
                        "admin:campaigns_escalationpolicy_changelist",
                        "campaigns.view_escalationpolicy",
                    ),
                    _item("Exclusions", "gavel", "admin:campaigns_exclusion_changelist", "campaigns.view_exclusion"),
                    _item(
                        "Additions",
                        "playlist_add",
                        "admin:campaigns_scopeaddition_changelist",
                        "campaigns.view_scopeaddition",
                    ),
                ],
            },
            {
                "title": "Register",
                "separator": True,
                "items": [
                    _item("Contact census", "contact_mail", "reports:census", "subscribers.view_contact"),
                    _item(
                        "Subscribers",
                        "domain",
                        "admin:subscribers_subscriber_changelist",
                        "subscribers.view_subscriber",
                    ),
                    _item(
                        "Certificates",
                        "license",
                        "admin:subscribers_certificate_changelist",
                        "subscribers.view_certificate",
                    ),
                    _item(
                        "Issuers", "account_balance", "admin:subscribers_issuer_changelist", "subscribers.view_issuer"
                    ),
                ],
            },
            {
                "title": "Evidence and access",
                "separator": True,
                "items": [
                    _item("Journal", "history_edu", "admin:audit_event_changelist", "audit.view_event"),
                    _item("Seals", "verified", "admin:audit_seal_changelist", "audit.view_seal"),
                    _item("Staff", "badge", "admin:auth_user_changelist", "auth.view_user"),
                    _item("Roles", "key", "admin:auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
