"""The outbox: notices of campaigns, letters of the register; what became of them, and what came back."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from campaigns.models import AffectedSubscriber, Campaign, EscalationStep
from core import clock
from core.due import DueModel
from notices.addresses import without_key, without_link
from subscribers.models import Channel, Commitment, Contact, ContactCheck, Subscriber


class Message(DueModel):
    """Words for one address by one channel, frozen when they are written."""

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
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.MAIL)
    address = models.CharField(max_length=500)
    language = models.CharField(max_length=16, default="en")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED, editable=False)
    written_at = models.DateTimeField()
    template_version = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    body_text = models.TextField(help_text="The document; of a text message or a call, all of it.")
    body_html = models.TextField(blank=True)
    message_id = models.CharField(
        max_length=255, unique=True, help_text="Ours, the same at every attempt (RFC 5322 3.6.4)."
    )
    route = models.CharField(max_length=40, blank=True, help_text="The provider that took it.")
    provider_id = models.CharField(max_length=255, blank=True, help_text="The provider's own identifier.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.subject} to {self.shown_address}"

    @property
    def shown_address(self) -> str:
        """The address without what can be a password; for pages, the journal and whatever leaves the house."""
        return without_key(self.channel, self.address)


def _states(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(state__in=["queued", "sent", "delivered", "bounced", "refused", "withdrawn"]), name=name
    )


class NoticeQuerySet(models.QuerySet["Notice"]):
    """The vocabulary of notices."""

    def sendable(self) -> "NoticeQuerySet":
        """Queued notices of campaigns that may act; they go out when they are due."""
        may_act = Campaign.objects.acting().values("pk")
        ended = Q(kind=Notice.Kind.REVOKED, affected_subscriber__campaign__state=Campaign.State.COMPLETED)
        return self.filter(
            Q(affected_subscriber__campaign__in=may_act) | ended, state=Notice.State.QUEUED, carried_by=None
        ).select_related("affected_subscriber__campaign", "affected_subscriber__subscriber", "contact", "step")

    def left_over(self) -> "NoticeQuerySet":
        """Still queued although their campaign has ended: they are withdrawn."""
        ended = Campaign.objects.filter(ended_at__isnull=False).values("pk")
        queued = self.filter(affected_subscriber__campaign__in=ended, state=Notice.State.QUEUED, carried_by=None)
        completed = Q(kind=Notice.Kind.REVOKED, affected_subscriber__campaign__state=Campaign.State.COMPLETED)
        return queued.exclude(completed).select_related(
            "affected_subscriber__campaign", "affected_subscriber__subscriber", "contact", "step"
        )

    def in_campaign(self, campaign: Campaign) -> "NoticeQuerySet":
        """The notices of one campaign."""
        return self.filter(affected_subscriber__campaign=campaign)


class Notice(Message):
    """One message to one contact of an affected subscriber: for one step, or with news.

    Where several subscribers have one address, one notice carries the words for all of them: the others are
    `carried_by` it, are not sent themselves, and share its fate.
    """

    class Kind(models.TextChoices):
        STEP = "step", "step"
        ADDITION = "addition", "further certificates"
        CORRECTION = "correction", "correction"
        REVOKED = "revoked", "now revoked"

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.STEP)
    step = models.ForeignKey(EscalationStep, on_delete=models.PROTECT, related_name="notices", null=True)
    news = models.ForeignKey("campaigns.News", on_delete=models.PROTECT, related_name="notices", null=True)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="notices")
    carried_by = models.ForeignKey("self", on_delete=models.PROTECT, related_name="carries", null=True)
    cause = models.CharField(max_length=200, blank=True, help_text="Why it was written out of turn, if it was.")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["affected_subscriber", "step", "contact", "channel"], name="notice_once"),
            models.UniqueConstraint(fields=["news", "contact", "channel"], name="news_notice_once"),
            models.CheckConstraint(
                condition=Q(kind="step", step__isnull=False, news=None)
                | (~Q(kind="step") & Q(step=None, news__isnull=False)),
                name="notice_step_or_news",
            ),
            _states("notice_state"),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="notice_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["provider_id"], name="notice_provider", condition=~Q(provider_id="")),
        )

    @property
    def tells_of_contact(self) -> bool:
        """Whether what becomes of it says anything of the contact: the sink of a drill says nothing of real mailboxes,
        unless the register is a rehearsal's too."""
        return clock.is_rehearsed() or not self.affected_subscriber.campaign.is_drill

    @property
    def stream(self) -> str:
        """The stream of the campaign's journal."""
        return self.affected_subscriber.campaign.stream

    @property
    def carrier(self) -> "Notice":
        """The notice that has the words and goes out: this one, or the one that carries it."""
        return self.carried_by or self


class LetterQuerySet(models.QuerySet["Letter"]):
    """The vocabulary of letters."""

    def sendable(self) -> "LetterQuerySet":
        """Queued letters; they wait while any notice of a campaign is due."""
        return self.filter(state=Letter.State.QUEUED).select_related(
            "contact__subscriber", "contact_check", "commitment"
        )


class Letter(Message):
    """Routine mail outside campaigns: it never goes ahead of a notice."""

    class Kind(models.TextChoices):
        CHECK = "contact_check", "is this still the right contact?"
        COMMITMENT = "commitment_reminder", "a commitment ends"
        RECEIVED = "answer_received", "we have your answer"
        TEST = "test", "test of a template"

    kind = models.CharField(max_length=24, choices=Kind)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="letters", null=True)
    contact_check = models.ForeignKey(ContactCheck, on_delete=models.PROTECT, related_name="letters", null=True)
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="letters", null=True)
    number = models.PositiveSmallIntegerField(default=0, help_text="0 is the first, 1 its first reminder.")
    in_reply_to = models.CharField(
        max_length=998, blank=True, default="", help_text="The Message-ID of what this answers (RFC 5322 3.6.4)."
    )

    objects = LetterQuerySet.as_manager()
    tells_of_contact = True
    stream = "register"

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["contact_check", "number"], name="check_letter_once"),
            models.UniqueConstraint(fields=["commitment", "contact", "number"], name="commitment_letter_once"),
            _states("letter_state"),
        )
        indexes = (models.Index(fields=["due_at", "id"], name="letter_due", condition=Q(due_at__isnull=False)),)


class DeliveryEvent(models.Model):
    """What is said to have happened to a message, in anymail's vocabulary, once per provider's event."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="delivery_events", null=True)
    letter = models.ForeignKey(Letter, on_delete=models.CASCADE, related_name="delivery_events", null=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    esp = models.CharField(max_length=40)
    esp_event_id = models.CharField(max_length=255)
    is_permanent = models.BooleanField(default=False)
    detail = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["esp", "esp_event_id"], name="delivery_event_once"),
            models.CheckConstraint(
                condition=Q(notice__isnull=False, letter=None) | Q(notice=None, letter__isnull=False),
                name="delivery_event_of_one",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}: {self.notice or self.letter}"


class InboundMessage(models.Model):
    """A message that came back to us: a bounce, an automatic reply, or what a person wrote."""

    class Kind(models.TextChoices):
        BOUNCE = "bounce", "bounce"
        AUTO_REPLY = "auto_reply", "automatic reply"
        ANSWER = "answer", "answer"

    source = models.CharField(max_length=100, help_text="The mailbox or the provider that it came through.")
    sha256 = models.CharField(max_length=64, unique=True, help_text="Of the message as it came: each counts once.")
    received_at = models.DateTimeField(help_text="When the mail server took it, as far as it is known.")
    read_at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind)
    is_permanent = models.BooleanField(null=True)
    sender = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True, help_text="What can be read of it, shortened.")
    raw = models.BinaryField(null=True, help_text="The message itself, unless it is too large to keep.")
    size = models.PositiveIntegerField()
    detail = models.CharField(max_length=1000, blank=True)
    return_date = models.CharField(max_length=40, blank=True, help_text="When the absent person is back, as they say.")
    substitutes = models.JSONField(default=list, blank=True, help_text="Addresses that an automatic reply names.")
    notice = models.ForeignKey(Notice, on_delete=models.SET_NULL, related_name="inbound", null=True)
    letter = models.ForeignKey(Letter, on_delete=models.SET_NULL, related_name="inbound", null=True)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="inbound", null=True)
    affected_subscriber = models.ForeignKey(
        AffectedSubscriber, on_delete=models.CASCADE, related_name="inbound", null=True
    )
    seen_at = models.DateTimeField(null=True, help_text="When a person of the CA has dealt with it.")
    seen_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-received_at", "-pk")
        indexes = (
            models.Index(fields=["affected_subscriber", "kind"], name="inbound_affected"),
            models.Index(fields=["received_at"], name="inbound_open", condition=Q(kind="answer", seen_at=None)),
        )

    def __str__(self) -> str:
        return f"{self.kind} from {self.sender or 'nobody'}"

    @property
    def shown_text(self) -> str:
        """The text without the personal links of ours that it quotes."""
        return without_link(self.text)


class CallQuerySet(models.QuerySet["Call"]):
    """The vocabulary of calls."""

    def most_recent(self) -> "CallQuerySet":
        """The last call about each affected subscriber: what it agreed on holds, what came before is history."""
        later = Call.objects.filter(affected_subscriber=OuterRef("affected_subscriber"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(later))

    def wrong(self) -> "CallQuerySet":
        """Calls that found a number wrong, unless a later one to the same number was answered after all."""
        right = Call.objects.filter(
            affected_subscriber__subscriber=OuterRef("affected_subscriber__subscriber"),
            number=OuterRef("number"),
            outcome__in=[*Call.TOLD, Call.Outcome.MESSAGE_LEFT],
            pk__gt=OuterRef("pk"),
        )
        return self.filter(~Exists(right), outcome=Call.Outcome.WRONG_NUMBER).exclude(number="")


class Call(models.Model):
    """A telephone call to a contact of an affected subscriber, and what came of it."""

    class Outcome(models.TextChoices):
        REACHED = "reached", "reached"
        PROMISED = "promised", "promised by a moment"
        REFUSES = "refuses", "refuses"
        MESSAGE_LEFT = "message_left", "voice mail"
        NO_ANSWER = "no_answer", "no answer"
        WRONG_NUMBER = "wrong_number", "wrong number"

    TOLD: ClassVar[tuple[str, ...]] = (Outcome.REACHED, Outcome.PROMISED, Outcome.REFUSES)
    """After these the subscriber has been told, and the caller is the witness."""

    affected_subscriber = models.ForeignKey(AffectedSubscriber, on_delete=models.CASCADE, related_name="calls")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="calls", null=True, blank=True)
    number = models.CharField(max_length=40, blank=True, help_text="The number that was rung, as it was then.")
    outcome = models.CharField(max_length=16, choices=Outcome)
    note = models.CharField(max_length=1000, blank=True)
    called_by = models.CharField(max_length=200)
    at = models.DateTimeField()
    promised_for = models.DateTimeField(null=True, help_text="By when they say that everything is replaced.")
    next_at = models.DateTimeField(null=True, help_text="When to ring again.")

    objects = CallQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["affected_subscriber", "at"], name="call_at"),)

    def __str__(self) -> str:
        return f"{self.outcome}: {self.affected_subscriber}"


class CallTurn(models.Model):
    """Who is ringing a subscriber at the moment: one person at a time, in all campaigns."""

    subscriber = models.OneToOneField(Subscriber, on_delete=models.CASCADE, related_name="call_turn")
    caller = models.CharField(max_length=200)
    taken_at = models.DateTimeField()
    until = models.DateTimeField(help_text="Afterwards anybody may take it over.")

    def __str__(self) -> str:
        return f"{self.caller} rings {self.subscriber}"


class Route(models.Model):
    """One way out for mail or another channel: how it does, and how much of its ceiling is used up."""

    name = models.CharField(max_length=40, unique=True)
    resting_until = models.DateTimeField(null=True, help_text="Not used until then, because it refused or was slow.")
    trouble = models.CharField(max_length=500, blank=True)
    used = models.JSONField(default=list, help_text="Messages of the last minute: second of the epoch, how many.")
    turns = models.PositiveBigIntegerField(default=0, help_text="Counts the changes of `used`, so that none is lost.")
    messages_per_minute = models.FloatField(null=True, help_text="Measured over the latest batches.")
    measured_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class NoticeTemplate(models.Model):
    """A version of the words of a template in one language, as it was saved in the console; the latest is in force."""

    name = models.CharField(max_length=40)
    language = models.CharField(max_length=16)
    version = models.PositiveIntegerField()
    subject = models.CharField(max_length=500)
    body = models.TextField()
    short = models.TextField(help_text="For text messages, calls and chats.")
    saved_by = models.CharField(max_length=200)
    saved_at = models.DateTimeField()
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("name", "language", "-version")
        constraints = (models.UniqueConstraint(fields=["name", "language", "version"], name="template_version_once"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.language}), version {self.version}"


def first_notice_at(campaign: Campaign) -> datetime | None:
    """When the first notice of a campaign was sent."""
    found: datetime | None = Notice.objects.in_campaign(campaign).aggregate(first=models.Min("sent_at"))["first"]
    return found
