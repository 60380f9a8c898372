"""The verbs of campaigns: each checks, changes and records, in one transaction."""

from campaigns.services.additions import (
    Proposal,
    Proposed,
    approve_addition,
    propose_addition,
    withdraw_addition,
)
from campaigns.services.approval import approve_campaign, identities, issuers, scope_digest
from campaigns.services.candidates import Verdict
from campaigns.services.drafting import change_draft, draft_campaign, draft_digest
from campaigns.services.exclusions import approve_exclusion, request_exclusion, withdraw_exclusion
from campaigns.services.launch import (
    cancel_campaign,
    complete_campaign,
    halt_campaign,
    launch_campaign,
    move_deadline_earlier,
    request_cancel,
    resume_campaign,
)
from campaigns.services.outcomes import mark_published
from campaigns.services.policies import (
    bring_back_policy,
    choose_default,
    copy_policy,
    default_policy,
    retire_policy,
    save_policy,
)
from campaigns.services.reading import UNKNOWN, ScopeReport, SetAside
from campaigns.services.replacements import add_replacement, verify_replacements, withdraw_replacement
from campaigns.services.responses import (
    acknowledge,
    confirm_replacement,
    mark_reached,
    mark_unreachable,
    name_contact,
    request_revocation,
)
from campaigns.services.scoping import add_affected, expand_by_key, import_scope, remove_affected
from campaigns.services.snapshots import Counts, counts, latest_counts, take_snapshot
from campaigns.services.views import record_view

__all__ = [
    "UNKNOWN",
    "Counts",
    "Proposal",
    "Proposed",
    "ScopeReport",
    "SetAside",
    "Verdict",
    "acknowledge",
    "add_affected",
    "add_replacement",
    "approve_addition",
    "approve_campaign",
    "approve_exclusion",
    "bring_back_policy",
    "cancel_campaign",
    "change_draft",
    "choose_default",
    "complete_campaign",
    "confirm_replacement",
    "copy_policy",
    "counts",
    "default_policy",
    "draft_campaign",
    "draft_digest",
    "expand_by_key",
    "halt_campaign",
    "identities",
    "import_scope",
    "issuers",
    "latest_counts",
    "launch_campaign",
    "mark_published",
    "mark_reached",
    "mark_unreachable",
    "move_deadline_earlier",
    "name_contact",
    "propose_addition",
    "record_view",
    "remove_affected",
    "request_cancel",
    "request_exclusion",
    "request_revocation",
    "resume_campaign",
    "retire_policy",
    "save_policy",
    "scope_digest",
    "take_snapshot",
    "verify_replacements",
    "withdraw_addition",
    "withdraw_exclusion",
    "withdraw_replacement",
]
