"""The outbox of notices, what the providers said of them, and the telephone calls."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from campaigns.models import AffectedSubscriber, Campaign, EscalationStep
from core.due import DueModel
from subscribers.models import Contact


class NoticeQuerySet(models.QuerySet["Notice"]):
    """The vocabulary of notices."""

    def sendable(self) -> "NoticeQuerySet":
        """Queued notices of campaigns that may act; they go out when they are due."""
        return self.filter(
            state=Notice.State.QUEUED, affected_subscriber__campaign__in=Campaign.objects.acting()
        ).select_related("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact", "step")

    def in_campaign(self, campaign: Campaign) -> "NoticeQuerySet":
        """The notices of one campaign."""
        return self.filter(affected_subscriber__campaign=campaign)


class Notice(DueModel):
    """One message to one contact for one step. Its text is frozen when it is written."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        SENT = "sent", "sent"
        DELIVERED = "delivered", "delivered"
        BOUNCED = "bounced", "bounced"
        REFUSED = "refused", "refused"
        WITHDRAWN = "withdrawn", "withdrawn"

    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        State.QUEUED: {State.SENT, State.REFUSED, State.WITHDRAWN},
        State.SENT: {State.DELIVERED, State.BOUNCED},
        State.DELIVERED: {State.BOUNCED},
        State.BOUNCED: set[str](),
        State.REFUSED: {State.QUEUED},
        State.WITHDRAWN: set[str](),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="notices")
    step = models.ForeignKey(EscalationStep, on_delete=models.PROTECT, related_name="notices")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="notices")
    address = models.CharField(max_length=254)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED, editable=False)
    written_at = models.DateTimeField()
    cause = models.CharField(max_length=200, blank=True, help_text="Why it was written out of turn, if it was.")
    template_version = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    body_text = models.TextField()
    body_html = models.TextField()
    message_id = models.CharField(
        max_length=255, unique=True, help_text="Ours, the same at every attempt (RFC 5322 3.6.4)."
    )
    provider_id = models.CharField(max_length=255, blank=True, help_text="The mail provider's own identifier.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["affected_subscriber", "step", "contact"], name="notice_once"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "sent", "delivered", "bounced", "refused", "withdrawn"]),
                name="notice_state",
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="notice_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["provider_id"], name="notice_provider", condition=~Q(provider_id="")),
        )

    def __str__(self) -> str:
        return f"{self.subject} to {self.address}"

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.affected_subscriber.campaign.stream


class DeliveryEvent(models.Model):
    """What a mail provider says happened to a notice, in anymail's vocabulary, once per provider's event."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="delivery_events")
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    esp = models.CharField(max_length=40)
    esp_event_id = models.CharField(max_length=255)
    is_permanent = models.BooleanField(default=False)
    detail = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["esp", "esp_event_id"], name="delivery_event_once"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.notice}"


class Call(models.Model):
    """A telephone call to a contact of an affected subscriber, and what came of it."""

    class Outcome(models.TextChoices):
        REACHED = "reached", "reached"
        NO_ANSWER = "no_answer", "no answer"
        WRONG_NUMBER = "wrong_number", "wrong number"
        MESSAGE_LEFT = "message_left", "message left"

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="calls")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="calls", null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome)
    note = models.CharField(max_length=1000, blank=True)
    called_by = models.CharField(max_length=200)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.outcome}: {self.affected_subscriber}"


def first_notice_at(campaign: Campaign) -> datetime | None:
    """When the first notice of a campaign was sent."""
    found: datetime | None = Notice.objects.in_campaign(campaign).aggregate(first=models.Min("sent_at"))["first"]
    return found
