"""The acts of the console and a stage with one subject for each, for the tests of who may do what."""

from dataclasses import dataclass

from django.urls import reverse

from campaigns.models import (
    AffectedCertificate,
    AffectedSubscriber,
    Campaign,
    EscalationPolicy,
    Exclusion,
    ScopeAddition,
)
from campaigns.services import halt_campaign, request_cancel, request_exclusion
from notices.models import InboundMessage
from tests import make
from tests.conftest import NOW

CAN: dict[str, set[str]] = {
    "draft": {"operator"},
    "change": {"operator"},
    "ladder": {"operator"},
    "new policy": {"operator"},
    "edit a policy": {"operator"},
    "import": {"operator"},
    "approve": {"approver"},
    "launch": {"operator"},
    "halt": {"operator", "approver"},
    "resume": {"operator", "approver"},
    "ask-to-cancel": {"operator", "approver"},
    "cancel": {"approver"},
    "addition propose": {"operator"},
    "addition approve": {"approver"},
    "addition withdraw": {"operator", "approver"},
    "exclusion ask": {"operator", "approver"},
    "exclusion approve": {"approver"},
    "exclusion withdraw": {"operator", "approver"},
    "call": {"operator", "caller"},
    "contact": {"operator", "caller"},
    "turn": {"operator", "caller"},
    "give back the turn": {"operator", "caller"},
    "deal with a message": {"operator", "caller"},
    "retry notices": {"operator"},
    "edit words": {"operator"},
    "revoke early": {"operator"},
    "retry revocations": {"operator"},
}
ROLES = ("operator", "approver", "caller", "auditor")


@dataclass(frozen=True)
class Stage:
    """One campaign in each state, and where each act is done to it."""

    draft: Campaign
    approved: Campaign
    running: Campaign
    halted: Campaign
    leaving: Campaign
    affected: AffectedSubscriber
    certificate: AffectedCertificate
    exclusion: Exclusion
    addition: ScopeAddition
    policy: EscalationPolicy
    message: InboundMessage

    def urls(self) -> dict[str, str]:
        """The address of each act, on a subject for which it is offered."""
        campaign = {
            "change": self.draft,
            "ladder": self.draft,
            "import": self.draft,
            "approve": self.draft,
            "launch": self.approved,
            "halt": self.running,
            "resume": self.halted,
            "ask-to-cancel": self.running,
            "cancel": self.leaving,
        }
        return {
            "draft": reverse("admin:campaigns_campaign_draft"),
            "new policy": reverse("admin:campaigns_escalationpolicy_new"),
            "edit a policy": reverse("admin:campaigns_escalationpolicy_edit", args=[self.policy.pk]),
            **{act: reverse(f"admin:campaigns_campaign_{act}", args=[subject.pk]) for act, subject in campaign.items()},
            "addition propose": reverse("admin:campaigns_scopeaddition_propose", args=[self.running.pk]),
            "addition approve": reverse("admin:campaigns_scopeaddition_approve", args=[self.addition.pk]),
            "addition withdraw": reverse("admin:campaigns_scopeaddition_withdraw", args=[self.addition.pk]),
            "exclusion ask": reverse("admin:campaigns_exclusion_ask", args=[self.certificate.pk]),
            "exclusion approve": reverse("admin:campaigns_exclusion_approve", args=[self.exclusion.pk]),
            "exclusion withdraw": reverse("admin:campaigns_exclusion_withdraw", args=[self.exclusion.pk]),
            "call": reverse("admin:notices_call_call", args=[self.affected.pk]),
            "contact": reverse("admin:notices_call_contact", args=[self.affected.pk]),
            "turn": reverse("admin:notices_call_turn", args=[self.affected.pk]),
            "give back the turn": reverse("admin:notices_call_give_back", args=[self.affected.pk]),
            "deal with a message": reverse("admin:notices_call_deal_with", args=[self.message.pk]),
            "edit words": reverse("admin:notices_noticetemplate_edit", args=["revocation", "zh-hans"]),
            "retry notices": reverse("admin:notices_call_retry", args=[self.affected.pk]),
            "revoke early": reverse("admin:revocation_revocation_early", args=[self.certificate.pk]),
            "retry revocations": reverse("admin:revocation_revocation_retry", args=[self.running.pk]),
        }


def stage() -> Stage:
    """Set the stage: olga drafts, anton approves, and the exclusion was asked for by olga."""
    running = make.running_campaign(make.certificates_of(3), title="running")
    halted = make.running_campaign(make.certificates_of(1), title="halted")
    halt_campaign(halted, reason="a doubt", actor=make.OPERATOR, now=NOW)
    leaving = make.running_campaign(make.certificates_of(1), title="leaving")
    request_cancel(leaving, ground="a mistake", by=make.user("olga"), now=NOW)
    affected = running.affected_subscribers.select_related("campaign").get()
    first, second, _ = affected.certificates.order_by("pk")
    exclusion = request_exclusion(
        second, ground="not_affected", until=None, justification="It has the extension.", by=make.user("olga"), now=NOW
    )
    return Stage(
        draft=make.campaign(make.certificates_of(2), title="draft"),
        approved=make.campaign(make.certificates_of(1), state="approved", title="approved"),
        running=running,
        halted=halted,
        leaving=leaving,
        affected=affected,
        certificate=first,
        exclusion=exclusion,
        addition=make.addition(running, make.certificates_of(2)),
        policy=EscalationPolicy.objects.get(name="5 days"),
        message=make.answer(affected),
    )
