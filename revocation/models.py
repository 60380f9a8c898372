"""What the CA has been asked, what it answered, and what the world can see."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from campaigns.models import AffectedCertificate, Campaign, Exclusion
from core.crl_reason import CRLReason
from core.due import DueModel
from subscribers.models import Issuer


class RevocationQuerySet(models.QuerySet["Revocation"]):
    """The vocabulary of revocations."""

    def with_parts(self) -> "RevocationQuerySet":
        """With everything at hand that an order or a look at a CRL needs, and without the bulky rest."""
        return self.select_related("affected_certificate__campaign", "affected_certificate__certificate__issuer").defer(
            "affected_certificate__certificate__der", "affected_certificate__campaign__explanation"
        )

    def submittable(self) -> "RevocationQuerySet":
        """Scheduled and released, of a campaign that may act: to be handed to the CA when due."""
        acting = Campaign.objects.acting()
        return self.filter(state=Revocation.State.SCHEDULED, affected_certificate__campaign__in=acting).with_parts()

    def unverified(self) -> "RevocationQuerySet":
        """Accepted by the CA and not yet seen on a CRL. Looking is no outward act: a halt does not stop it."""
        return self.filter(state=Revocation.State.ACCEPTED).with_parts()

    def behind(self, gate: "Gate") -> "RevocationQuerySet":
        """Those of the gate's issuer in the gate's campaign."""
        return self.filter(affected_certificate__campaign=gate.campaign_id, issuer=gate.issuer_id)

    def unreleased(self) -> "RevocationQuerySet":
        """Scheduled and not yet let through the gate."""
        return self.filter(state=Revocation.State.SCHEDULED, wave=None, due_at=None)

    def unheld(self, now: datetime) -> "RevocationQuerySet":
        """Those whose certificate no standing exclusion holds back."""
        return self.exclude(affected_certificate__in=Exclusion.objects.standing(now).values("affected_certificate"))


class Revocation(DueModel):
    """The revocation of one affected certificate: when it is planned, when it is released, what became of it."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "scheduled"
        ACCEPTED = "accepted", "accepted"
        PUBLISHED = "published", "published"
        REJECTED = "rejected", "rejected"
        CANCELLED = "cancelled", "cancelled"

    class Trigger(models.TextChoices):
        DEADLINE = "deadline", "deadline"
        REPLACED = "replaced", "replaced"
        SUBSCRIBER = "subscriber", "subscriber's request"
        OPERATOR = "operator", "operator"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        State.SCHEDULED: {State.ACCEPTED, State.REJECTED, State.CANCELLED},
        State.ACCEPTED: {State.PUBLISHED, State.REJECTED},
        State.REJECTED: {State.SCHEDULED, State.CANCELLED},
        State.CANCELLED: {State.SCHEDULED},
        State.PUBLISHED: set[str](),
    }

    affected_certificate = models.OneToOneField(
        AffectedCertificate, on_delete=models.CASCADE, related_name="revocation"
    )
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State, default=State.SCHEDULED, editable=False)
    trigger = models.CharField(max_length=12, choices=Trigger, default=Trigger.DEADLINE)
    crl_reason = models.CharField("CRLReason", max_length=32, choices=CRLReason)
    planned_at = models.DateTimeField(help_text="When it is to be handed to the CA; only ever moved earlier.")
    wave = models.PositiveSmallIntegerField(null=True, help_text="1 and 2 are the canaries; null until released.")
    accepted_at = models.DateTimeField(null=True, help_text="When the CA said yes.")
    revoked_at = models.DateTimeField(null=True, help_text="The CA's date of revocation.")
    was_revoked_before = models.BooleanField(default=False, help_text="The CA had revoked it before we asked.")
    published_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects = RevocationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["scheduled", "accepted", "published", "rejected", "cancelled"]),
                name="revocation_state",
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="revocation_due", condition=Q(due_at__isnull=False)),
            models.Index(
                fields=["planned_at"], name="revocation_unreleased", condition=Q(state="scheduled", due_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return str(self.affected_certificate)

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.affected_certificate.campaign.stream


class StatusCheck(models.Model):
    """One CRL shard or OCSP answer that was fetched and verified: the evidence behind `published`."""

    class Method(models.TextChoices):
        CRL = "crl", "CRL"
        OCSP = "ocsp", "OCSP"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="status_checks")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=4, choices=Method)
    url = models.CharField(max_length=500)
    at = models.DateTimeField()
    is_valid = models.BooleanField()
    problem = models.CharField(max_length=500, blank=True)
    crl_number = models.CharField(max_length=64, blank=True)
    this_update = models.DateTimeField(null=True)
    next_update = models.DateTimeField(null=True)
    found = models.PositiveIntegerField(default=0, help_text="How many revocations this answer proved.")
    response_sha256 = models.CharField(max_length=64, blank=True)
    response = models.BinaryField(null=True, help_text="The bytes, kept when they proved something new.")

    class Meta:
        indexes = (models.Index(fields=["issuer", "url", "-at"], name="status_check_latest"),)
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"{self.url} at {self.at}"


class Gate(models.Model):
    """How far the revocations of one issuer in a campaign have been let through: canary of 1, of 10, then the rest."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gates")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    wave = models.PositiveSmallIntegerField(default=1)
    opened_at = models.DateTimeField()
    scheduled_at = models.DateTimeField(
        null=True, help_text="When its plans were last brought up to date, and what was due let through."
    )
    entered = models.PositiveIntegerField(default=0, help_text="How many revocations have been put into the books.")
    compared = models.PositiveIntegerField(
        default=0, help_text="How many were in the books when the scope was last compared with the approved one."
    )
    refusals_in_a_row = models.PositiveIntegerField(default=0)
    proofs_per_second = models.FloatField(
        null=True, help_text="How many can be proven in a second of the clock, measured."
    )
    unavailable_since = models.DateTimeField(null=True, help_text="Since when the CA has answered nothing.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "issuer"], name="gate_once"),)

    def __str__(self) -> str:
        return f"{self.issuer}: wave {self.wave}"
