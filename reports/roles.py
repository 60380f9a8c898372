"""The four roles and what each may do. Made, and brought up to date, after every migration."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEWS = (
    "campaigns.view_campaign",
    "campaigns.view_exclusion",
    "campaigns.view_escalationpolicy",
    "campaigns.view_affectedsubscriber",
    "campaigns.view_affectedcertificate",
    "campaigns.view_scopeaddition",
    "notices.view_notice",
    "notices.view_call",
    "notices.view_inboundmessage",
    "notices.view_noticetemplate",
    "notices.view_route",
    "revocation.view_revocation",
    "revocation.view_statuscheck",
    "revocation.view_gate",
    "subscribers.view_subscriber",
    "subscribers.view_contact",
    "subscribers.view_commitment",
    "subscribers.view_issuer",
    "subscribers.view_certificate",
)
JOURNAL = ("campaigns.view_journal", "audit.view_event", "audit.view_seal")
REGISTER = (
    "subscribers.add_subscriber",
    "subscribers.change_subscriber",
    "subscribers.add_contact",
    "subscribers.change_contact",
    "subscribers.add_commitment",
    "subscribers.change_commitment",
    "subscribers.change_issuer",
    "subscribers.add_checkround",
)
ROLES: dict[str, tuple[str, ...]] = {
    "operator": (
        *VIEWS,
        *JOURNAL,
        *REGISTER,
        "campaigns.draft_campaign",
        "campaigns.launch_campaign",
        "campaigns.halt_campaign",
        "campaigns.call_subscriber",
        "notices.change_noticetemplate",
    ),
    "approver": (
        *VIEWS,
        *JOURNAL,
        "campaigns.approve_campaign",
        "campaigns.exclude_certificate",
        "campaigns.halt_campaign",
    ),
    "caller": (*VIEWS, "campaigns.call_subscriber"),
    "auditor": (*VIEWS, *JOURNAL, "auth.view_user", "auth.view_group"),
}


def make_roles(sender: AppConfig, using: str, **_signal: Any) -> None:
    """Create the groups and give them exactly these permissions; other groups are left alone."""
    for name, permissions in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        wanted = Q()
        for permission in permissions:
            app, codename = permission.split(".")
            wanted |= Q(content_type__app_label=app, codename=codename)
        group.permissions.set(Permission.objects.using(using).filter(wanted))
