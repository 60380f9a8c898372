"""Campaigns and their escalation steps."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.crl_reason import CRLReason
from subscribers.models import Channel


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """The vocabulary of campaigns."""

    def running(self) -> "CampaignQuerySet":
        """Launched and not yet completed, halted or not."""
        return self.filter(state=Campaign.State.RUNNING)

    def acting(self) -> "CampaignQuerySet":
        """Running, and not halted: the only ones that may act outward."""
        return self.running().filter(halted_at=None)


class Campaign(models.Model):
    """One cause, one approved scope, one rule; live or drill."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        APPROVED = "approved", "approved"
        RUNNING = "running", "running"
        COMPLETED = "completed", "completed"
        CANCELLED = "cancelled", "cancelled"

    class Kind(models.TextChoices):
        LIVE = "live", "live"
        DRILL = "drill", "drill"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        State.DRAFT: {State.APPROVED, State.CANCELLED},
        State.APPROVED: {State.DRAFT, State.RUNNING, State.CANCELLED},
        State.RUNNING: {State.COMPLETED, State.CANCELLED},
        State.COMPLETED: set(),
        State.CANCELLED: set(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.LIVE)
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT, editable=False)
    rule_pack = models.CharField(max_length=40)
    rule = models.CharField("rule item", max_length=8)
    window = models.DurationField(editable=False)
    crl_reason = models.CharField("CRLReason", max_length=32, choices=CRLReason, editable=False)
    explanation = models.TextField(
        help_text="What is wrong with these certificates, and whose fault it is: printed in notices."
    )
    explanation_url = models.URLField(blank=True, help_text="The public page of the incident.")
    clock_started_at = models.DateTimeField(
        help_text="Receipt of the report, evidence or awareness, whichever was first."
    )
    fixed_at = models.DateTimeField(
        null=True, blank=True, help_text="Issued after this, a certificate no longer has the fault."
    )
    policy = models.CharField(max_length=120, blank=True, editable=False, help_text="Where its ladder comes from.")
    revokes_replaced_early = models.BooleanField(default=True)
    scope_version = models.PositiveIntegerField(default=0, editable=False)
    scope_digest = models.CharField(max_length=64, blank=True, editable=False)
    scope_count = models.PositiveIntegerField(default=0, editable=False)
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    drafted_at = models.DateTimeField(editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_digest = models.CharField(max_length=64, blank=True, editable=False)
    launched_at = models.DateTimeField(null=True, editable=False)
    halted_at = models.DateTimeField(null=True, editable=False)
    halt_reason = models.CharField(max_length=500, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    cancel_ground = models.CharField(max_length=500, blank=True, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-drafted_at", "-pk")
        permissions = (
            ("draft_campaign", "Can draft campaigns and import scopes"),
            ("approve_campaign", "Can approve the scope that another person has drafted"),
            ("launch_campaign", "Can launch approved campaigns"),
            ("halt_campaign", "Can halt and resume campaigns"),
            ("exclude_certificate", "Can ask for and approve exclusions"),
            ("call_subscriber", "Can record telephone calls"),
            ("view_journal", "Can read the journal"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["draft", "approved", "running", "completed", "cancelled"]), name="campaign_state"
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("drafted_by")), name="campaign_two_persons"
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def stream(self) -> str:
        """The stream of the journal that tells of this campaign."""
        return f"campaign/{self.public_id}"

    @property
    def deadline(self) -> datetime:
        """When the last certificate with the campaign's own clock must be published as revoked (BR 4.9.5)."""
        return self.clock_started_at + self.window

    @property
    def is_drill(self) -> bool:
        """Whether it may only ever touch the sandbox CA and the mail sink."""
        return self.kind == self.Kind.DRILL


class Audience(models.TextChoices):
    """Whom a step addresses."""

    PRIMARY = "primary", "the primary contact"
    NEXT_BACKUP = "next_backup", "the next backup by rank"
    BACKUPS = "backups", "all backup contacts"
    ALL = "all", "every contact"
    ACCOUNT_MANAGER = "account_manager", "the CA's account manager"


def mail_only() -> list[str]:
    """The channels of a step that says nothing of them."""
    return [str(Channel.MAIL)]


class Step(models.Model):
    """When something goes out, to whom, by which channels, in which words."""

    order = models.PositiveSmallIntegerField()
    share = models.FloatField(null=True, blank=True, help_text="Of the time from launch to deadline: 0 is the launch.")
    before_deadline = models.DurationField(null=True, blank=True, help_text="Or so long before the deadline.")
    audience = models.CharField(max_length=16, choices=Audience, default=Audience.PRIMARY)
    channels = models.JSONField(default=mail_only, help_text="In order: the next is for those the first cannot reach.")
    on_every_channel = models.BooleanField(default=False, help_text="By all of these channels at once.")
    template = models.CharField(max_length=40, default="revocation")
    lapses_after = models.DurationField(
        null=True, blank=True, help_text="Later than this after its time it is skipped; empty: when the next is due."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"step {self.order + 1}"


def _timed_once(name: str) -> tuple[models.CheckConstraint, ...]:
    return (
        models.CheckConstraint(
            condition=Q(share__gte=0, share__lt=1, before_deadline=None)
            | Q(share=None, before_deadline__gt=timedelta(0)),
            name=f"{name}_timed_once",
        ),
    )


class EscalationPolicy(models.Model):
    """A ladder of steps that campaigns take over when they are drafted."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=500, blank=True)
    window = models.DurationField(help_text="The window that it is made for.")
    is_default = models.BooleanField(default=False, help_text="Drafts with this window begin with it.")
    is_retired = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ("window", "name")
        verbose_name_plural = "escalation policies"
        constraints = (
            models.UniqueConstraint(fields=["window"], condition=Q(is_default=True), name="one_default_policy"),
        )

    def __str__(self) -> str:
        return self.name


class PolicyStep(Step):
    """One step of a policy."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")

    class Meta:
        ordering = ("policy", "order")
        constraints = (
            models.UniqueConstraint(fields=["policy", "order"], name="policy_step_once"),
            *_timed_once("policy_step"),
        )


class EscalationStep(Step):
    """One step of a campaign's own ladder: a copy that no later edit of a policy changes."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="steps")

    class Meta:
        ordering = ("campaign", "order")
        constraints = (
            models.UniqueConstraint(fields=["campaign", "order"], name="step_order_once"),
            *_timed_once("step"),
        )
