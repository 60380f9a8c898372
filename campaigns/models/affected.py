"""Who and what is affected: subscribers and certificates of a scope, their replacements, their exclusions."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, Min, OuterRef, Q

from campaigns.models.campaign import Campaign
from core.crl_reason import CRLReason
from core.due import DueModel
from subscribers.models import Certificate, Contact, Subscriber


class AffectedSubscriberQuerySet(models.QuerySet["AffectedSubscriber"]):
    """The vocabulary of affected subscribers."""

    def to_escalate(self) -> "AffectedSubscriberQuerySet":
        """Those whose next notice may be written when it is due."""
        return self.filter(campaign__in=Campaign.objects.acting()).select_related("campaign", "subscriber")

    def outstanding(self, now: datetime) -> "AffectedSubscriberQuerySet":
        """Those with a certificate about which the subscriber still has something to do."""
        return self.filter(
            Exists(AffectedCertificate.objects.outstanding(now).filter(affected_subscriber=OuterRef("pk")))
        )

    def at_risk(self, now: datetime) -> "AffectedSubscriberQuerySet":
        """Outstanding, and unreachable or without an acknowledgement."""
        return self.outstanding(now).filter(Q(acknowledged_at=None) | Q(unreachable_since__isnull=False))


class AffectedSubscriber(DueModel):
    """A subscriber with certificates in a campaign; `next_step` and `due_at` are the plan of its notices."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="affected_subscribers")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="+")
    next_step = models.PositiveSmallIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+", null=True)
    unreachable_since = models.DateTimeField(null=True)
    link_version = models.PositiveSmallIntegerField(default=1)

    objects = AffectedSubscriberQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "subscriber"], name="affected_subscriber_once"),)
        indexes = (
            models.Index(fields=["due_at", "id"], name="affected_subscriber_due", condition=Q(due_at__isnull=False)),
        )

    def __str__(self) -> str:
        return str(self.subscriber)

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.campaign.stream


class Replacement(models.Model):
    """A certificate that a subscriber has shown us, or that the register holds, to replace affected ones."""

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="replacements")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="+", null=True)
    fingerprint_sha256 = models.CharField(max_length=64)
    spki_sha256 = models.CharField(max_length=64)
    issuer_name = models.CharField(max_length=1000)
    serial_number = models.CharField(max_length=40)
    names = models.JSONField(default=list)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    pem = models.TextField(blank=True)
    shown_at = models.DateTimeField()
    shown_by = models.CharField(max_length=200)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["affected_subscriber", "fingerprint_sha256"], name="replacement_once"),
        )
        indexes = (models.Index(fields=["fingerprint_sha256"], name="replacement_fingerprint"),)

    def __str__(self) -> str:
        return self.serial_number


class AffectedCertificateQuerySet(models.QuerySet["AffectedCertificate"]):
    """The vocabulary of affected certificates. revoked + remaining + expired + excluded is always the whole (R18)."""

    def standing_excluded(self, now: datetime) -> Exists:
        """The condition that an exclusion stands at a moment."""
        return Exists(Exclusion.objects.standing(now).filter(affected_certificate=OuterRef("pk")))

    def revoked(self) -> "AffectedCertificateQuerySet":
        """Published as revoked: seen by us on a verified CRL."""
        return self.filter(published_at__isnull=False)

    def excluded(self, now: datetime) -> "AffectedCertificateQuerySet":
        """Not revoked, and held back by a standing exclusion."""
        return self.filter(self.standing_excluded(now), published_at=None)

    def expired(self, now: datetime) -> "AffectedCertificateQuerySet":
        """Not revoked, not excluded, and past its notAfter: there is nothing left to revoke."""
        return self.filter(~self.standing_excluded(now), published_at=None, not_after__lt=now)

    def remaining(self, now: datetime) -> "AffectedCertificateQuerySet":
        """Still to be revoked."""
        return self.filter(~self.standing_excluded(now), published_at=None, not_after__gte=now)

    def outstanding(self, now: datetime) -> "AffectedCertificateQuerySet":
        """Remaining, and its subscriber has neither said that it is replaced nor asked for its revocation."""
        return self.remaining(now).filter(state=AffectedCertificate.State.OUTSTANDING, revocation_requested_at=None)

    def to_verify(self) -> "AffectedCertificateQuerySet":
        """Confirmed, in a campaign that has not ended: is there a replacement? Looking is no outward act."""
        return (
            self.filter(state=AffectedCertificate.State.CONFIRMED, campaign__in=Campaign.objects.running())
            .select_related("campaign", "affected_subscriber", "certificate__issuer")
            .defer("certificate__der")
        )


class AffectedCertificate(DueModel):
    """A certificate in a campaign's scope: what its subscriber has done, until when it must be published as revoked."""

    class State(models.TextChoices):
        OUTSTANDING = "outstanding", "outstanding"
        CONFIRMED = "confirmed", "confirmed"
        REPLACED = "replaced", "replaced"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        State.OUTSTANDING: {State.CONFIRMED, State.REPLACED},
        State.CONFIRMED: {State.REPLACED},
        State.REPLACED: set(),
    }

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="affected_certificates")
    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="certificates")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State, default=State.OUTSTANDING, editable=False)
    not_after = models.DateTimeField(help_text="The certificate's own, repeated here so that counts need one table.")
    clock_started_at = models.DateTimeField()
    added_at = models.DateTimeField(null=True, help_text="When it came into the scope after the launch.")
    deadline_moved_at = models.DateTimeField(null=True, help_text="When its deadline was last moved earlier.")
    publish_by = models.DateTimeField(
        null=True, help_text="The deadline; frozen at launch, and then only ever earlier."
    )
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=200, blank=True)
    revocation_requested_at = models.DateTimeField(null=True, help_text="When the subscriber asked.")
    revocation_requested_for = models.DateTimeField(null=True, help_text="The moment that the subscriber asked for.")
    requested_reason = models.CharField(max_length=32, choices=CRLReason, blank=True)
    replacement = models.ForeignKey(Replacement, on_delete=models.PROTECT, related_name="replaces", null=True)
    replaced_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True, help_text="When we first saw it revoked on a verified CRL.")

    objects = AffectedCertificateQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["campaign", "certificate"], name="affected_certificate_once"),
            models.CheckConstraint(
                condition=Q(state__in=["outstanding", "confirmed", "replaced"]), name="affected_certificate_state"
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="affected_certificate_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["campaign", "published_at"], name="affected_published"),
        )

    def __str__(self) -> str:
        return str(self.certificate)

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.campaign.stream

    @property
    def is_late(self) -> bool:
        """Whether it was published after its deadline: never forgotten once true."""
        return bool(self.published_at and self.publish_by and self.published_at > self.publish_by)


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    """The vocabulary of exclusions."""

    def standing(self, now: datetime) -> "ExclusionQuerySet":
        """Approved by a second person, not withdrawn, and not yet ended."""
        return self.filter(approved_at__isnull=False, withdrawn_at=None).filter(Q(until=None) | Q(until__gt=now))


class Exclusion(models.Model):
    """A certificate-level, two-person, reasoned exception (BR 9.16.3). It always ends, unless never affected."""

    class Ground(models.TextChoices):
        NOT_AFFECTED = "not_affected", "never affected"
        LEGAL_ORDER = "legal_order", "order of a court"

    affected_certificate = models.ForeignKey(AffectedCertificate, on_delete=models.CASCADE, related_name="exclusions")
    ground = models.CharField(max_length=16, choices=Ground)
    until = models.DateTimeField(null=True, blank=True)
    justification = models.TextField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    approved_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["affected_certificate"], condition=Q(withdrawn_at=None), name="one_exclusion_at_a_time"
            ),
            models.CheckConstraint(condition=Q(ground="not_affected") | Q(until__isnull=False), name="exclusion_ends"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")), name="exclusion_two_persons"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_ground_display()}: {self.affected_certificate}"


def earliest_deadline(rows: models.QuerySet[AffectedCertificate]) -> datetime | None:
    """The first deadline among some affected certificates."""
    found: datetime | None = rows.aggregate(first=Min("publish_by"))["first"]
    return found
