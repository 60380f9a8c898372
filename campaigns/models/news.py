"""What happens after the launch that subscribers have to hear: additions, corrections, revocations; and who looked."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from campaigns.models.affected import AffectedSubscriber
from campaigns.models.campaign import Campaign
from core.due import DueModel
from subscribers.models import Certificate, Contact


class ScopeAdditionQuerySet(models.QuerySet["ScopeAddition"]):
    """The vocabulary of additions."""

    def waiting(self) -> "ScopeAdditionQuerySet":
        """Proposed, neither approved nor withdrawn, in a campaign that runs."""
        return self.filter(approved_at=None, withdrawn_at=None, campaign__in=Campaign.objects.running())


class ScopeAddition(models.Model):
    """Certificates found after the launch: proposed by one person, approved by another, with a clock of their own."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="additions")
    clock_started_at = models.DateTimeField(help_text="When the CA became aware of these (BR 4.9.5).")
    reason = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    approved_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = ScopeAdditionQuerySet.as_manager()

    class Meta:
        ordering = ("-proposed_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by")), name="addition_two_persons"
            ),
        )

    def __str__(self) -> str:
        return f"{self.count} certificates added to {self.campaign}"

    @property
    def deadline(self) -> datetime:
        """When its certificates must be published as revoked (BR 4.9.5)."""
        return self.clock_started_at + self.campaign.window

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.campaign.stream


class AdditionLine(models.Model):
    """One certificate of an addition."""

    addition = models.ForeignKey(ScopeAddition, on_delete=models.CASCADE, related_name="lines")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["addition", "certificate"], name="addition_line_once"),)

    def __str__(self) -> str:
        return str(self.certificate)


class NewsQuerySet(models.QuerySet["News"]):
    """The vocabulary of news."""

    def to_tell(self) -> "NewsQuerySet":
        """News that may be written when they are due; that certificates are revoked also after a completed campaign."""
        completed = Q(kind=News.Kind.REVOKED, affected_subscriber__campaign__state=Campaign.State.COMPLETED)
        acting = Q(affected_subscriber__campaign__in=Campaign.objects.acting().values("pk"))
        return self.filter(acting | completed, told_at=None).select_related(
            "affected_subscriber__campaign", "affected_subscriber__subscriber"
        )


class News(DueModel):
    """Something that a subscriber who has been told has to hear as well: what has changed since a moment."""

    class Kind(models.TextChoices):
        ADDITION = "addition", "further certificates"
        CORRECTION = "correction", "a correction"
        REVOKED = "revoked", "certificates that are now revoked"

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="news")
    kind = models.CharField(max_length=12, choices=Kind)
    since = models.DateTimeField(help_text="What happened from here on is told.")
    happened_at = models.DateTimeField(help_text="When the latest of it happened.")
    told_at = models.DateTimeField(null=True, help_text="When it was written to the subscriber, or found needless.")

    objects = NewsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "news"
        constraints = (
            models.UniqueConstraint(
                fields=["affected_subscriber", "kind"], condition=Q(told_at=None), name="one_open_news"
            ),
        )
        indexes = (models.Index(fields=["due_at", "id"], name="news_due", condition=Q(due_at__isnull=False)),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.affected_subscriber}"


class PageView(models.Model):
    """A link was opened: evidence, and no answer, because mail scanners open links too."""

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="page_views")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    page = models.CharField(max_length=20)
    agent = models.CharField(max_length=200, blank=True, help_text="What the browser calls itself.")

    class Meta:
        indexes = (models.Index(fields=["affected_subscriber", "at"], name="page_view_at"),)

    def __str__(self) -> str:
        return f"{self.contact} at {self.at}"
