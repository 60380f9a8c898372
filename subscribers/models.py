"""The register: who holds which certificates, who issued them, and whom to tell."""

import uuid

from django.db import models
from django.db.models import Q

from core.due import DueModel


class SubscriberClass(models.TextChoices):
    """Who is behind a subscriber, for priorities and reports."""

    STANDARD = "standard", "standard"
    FINANCE = "finance", "finance"
    GOVERNMENT = "government", "government"
    CRITICAL = "critical", "critical infrastructure"


class Channel(models.TextChoices):
    """By which way a contact is told."""

    MAIL = "mail", "mail"
    SMS = "sms", "SMS"
    VOICE = "voice", "automatic voice call"
    CHAT = "chat", "chat"
    WEBHOOK = "webhook", "webhook"


class Subscriber(models.Model):
    """A natural person or legal entity to whom certificates are issued (BR 1.6.1)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=64, unique=True, help_text="The CA's own number for this subscriber.")
    name = models.CharField(max_length=200)
    subscriber_class = models.CharField(
        "class", max_length=16, choices=SubscriberClass, default=SubscriberClass.STANDARD
    )
    language = models.CharField(max_length=16, default="en", help_text="BCP 47 tag of the language of notices.")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA name, such as Asia/Shanghai.")

    class Meta:
        ordering = ("name", "pk")
        indexes = (models.Index(fields=["name"], name="subscriber_name"),)

    def __str__(self) -> str:
        return self.name


class ContactQuerySet(models.QuerySet["Contact"]):
    """The vocabulary of contacts."""

    def own(self) -> "ContactQuerySet":
        """People of the subscriber itself: not the CA's account manager, and nobody who has left."""
        return self.filter(left_at=None).exclude(role=Contact.Role.ACCOUNT_MANAGER)

    def reachable(self) -> "ContactQuerySet":
        """People of the subscriber to whom mail can still be sent, or who have given another channel."""
        mail = Q(bounced_at=None) & ~Q(email="")
        phone = ~Q(phone="") & (Q(takes_sms=True) | Q(takes_voice=True))
        return self.own().filter(mail | phone | ~Q(chat_url="") | ~Q(webhook_url=""))


class Contact(models.Model):
    """A person or mailbox of a subscriber to be told; the primary has rank 0, backups follow by rank (BR 5.7.1.2)."""

    class Role(models.TextChoices):
        PRIMARY = "primary", "primary"
        BACKUP = "backup", "backup"
        ACCOUNT_MANAGER = "account_manager", "account manager (of the CA)"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True, help_text="Lower-case; one per subscriber.")
    phone = models.CharField(max_length=40, blank=True)
    takes_sms = models.BooleanField(default=False, db_default=False, help_text="The number takes text messages.")
    takes_voice = models.BooleanField(default=False, db_default=False, help_text="The number may be rung by a machine.")
    chat_url = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Where chat messages go, as an Apprise URL such as msteams://…",
    )
    webhook_url = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="An https address that takes signed notices."
    )
    language = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="BCP 47 tag; empty: the subscriber's."
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="IANA name; empty: the subscriber's."
    )
    role = models.CharField(max_length=16, choices=Role, default=Role.PRIMARY)
    rank = models.PositiveSmallIntegerField(default=0)
    source = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="Where this contact comes from."
    )
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When it last proved to be right.")
    bounced_at = models.DateTimeField(null=True, blank=True)
    bounce_note = models.CharField(max_length=500, blank=True)
    left_at = models.DateTimeField(null=True, blank=True, help_text="When we heard that this is no longer the person.")
    left_note = models.CharField(max_length=500, blank=True, default="", db_default="")
    added_at = models.DateTimeField(
        null=True, editable=False, help_text="When a person named this contact; empty for one from an import."
    )
    link_version = models.PositiveIntegerField(
        default=1, db_default=1, editable=False, help_text="Raised to cut off the links of this contact."
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ("rank", "pk")
        constraints = (
            models.UniqueConstraint(fields=["subscriber", "email"], condition=~Q(email=""), name="contact_email_once"),
        )
        indexes = (models.Index(fields=["email"], name="contact_email"),)

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name and self.email else self.email or self.name or self.phone

    def address_for(self, channel: str) -> str:
        """Where a message on a channel goes; empty when this contact has not given it, or mail to it bounces."""
        return {
            Channel.MAIL: "" if self.bounced_at else self.email,
            Channel.SMS: self.phone if self.takes_sms else "",
            Channel.VOICE: self.phone if self.takes_voice else "",
            Channel.CHAT: self.chat_url,
            Channel.WEBHOOK: self.webhook_url,
        }[Channel(channel)]


class CheckRound(models.Model):
    """A time at which contacts are asked whether they are still the right ones (BR 5.7.1.2 item 2)."""

    title = models.CharField(max_length=200)
    started_by = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at", "-pk")

    def __str__(self) -> str:
        return self.title


class ContactCheckQuerySet(models.QuerySet["ContactCheck"]):
    """The vocabulary of checks."""

    def open(self) -> "ContactCheckQuerySet":
        """Those that wait for an answer in a round that is going on."""
        return self.filter(answered_at=None, round__ended_at=None)

    def to_write(self) -> "ContactCheckQuerySet":
        """Those for which a letter is written when they are due."""
        return self.open().select_related("round", "contact__subscriber")


class ContactCheck(DueModel):
    """One contact asked in one round; due while a letter is to be written: the question, then reminders."""

    class Answer(models.TextChoices):
        STILL = "still", "still the right person"
        LEFT = "left", "no longer the right person"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    round = models.ForeignKey(CheckRound, on_delete=models.CASCADE, related_name="checks")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="checks")
    asked = models.PositiveSmallIntegerField(default=0, help_text="How many letters have been written.")
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    answered_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)

    objects = ContactCheckQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["round", "contact"], name="contact_check_once"),)
        indexes = (models.Index(fields=["due_at", "id"], name="contact_check_due", condition=Q(due_at__isnull=False)),)

    def __str__(self) -> str:
        return f"{self.contact} in {self.round}"


class Commitment(models.Model):
    """A subscriber's written word that it can replace its certificates within a window."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="commitments")
    window = models.DurationField(help_text="24 hours or 5 days.")
    given_by = models.CharField(max_length=200)
    given_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, editable=False, help_text="When we last asked to renew it.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["subscriber", "window", "given_at"], name="commitment_once"),)

    def __str__(self) -> str:
        return f"{self.subscriber}: within {self.window}"


class Issuer(models.Model):
    """An issuing CA certificate, where it publishes, and how it is asked to revoke."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200, unique=True)
    certificate_pem = models.TextField()
    key_id = models.CharField(
        max_length=64,
        unique=True,
        help_text="The subjectKeyIdentifier in hex: with a serial number, the identity of a certificate.",
    )
    crl_urls = models.JSONField(default=list, blank=True, help_text="URLs of all CRL shards.")
    ocsp_url = models.CharField(max_length=500, blank=True)
    backend = models.CharField(max_length=40, help_text="The dialect in which this CA is asked to revoke.")
    backend_options = models.JSONField(default=dict, blank=True, help_text="Address and such; never a secret.")
    crl_interval = models.DurationField(help_text="The longest time from a revocation to the CRL that lists it.")
    revocations_per_second = models.FloatField(default=1.0, help_text="Measured, or given until it has been measured.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class CertificateQuerySet(models.QuerySet["Certificate"]):
    """The vocabulary of certificates."""

    def with_issuer(self) -> "CertificateQuerySet":
        """Certificates with their issuer and subscriber at hand, without the bytes."""
        return self.select_related("issuer", "subscriber").defer("der")


class Certificate(models.Model):
    """A certificate of the register; its identity is the issuer's key and the serial number (RFC 5280 4.1.2.2)."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="certificates")
    serial_number = models.CharField(max_length=40, help_text="Lower-case hex without leading zeros.")
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="certificates", null=True, blank=True
    )
    fingerprint_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the DER; empty if never seen.")
    precert_sha256 = models.CharField(max_length=64, blank=True)
    spki_sha256 = models.CharField(max_length=64, blank=True)
    subject = models.CharField(max_length=1000, blank=True)
    names = models.JSONField(default=list, help_text="dNSNames and IP addresses, as in the certificate.")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    policy = models.CharField(max_length=64, blank=True, help_text="DV, OV, EV, IV or the policy OID.")
    crl_url = models.CharField(max_length=500, blank=True)
    ocsp_url = models.CharField(max_length=500, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revocation_reason = models.CharField(max_length=32, blank=True)
    der = models.BinaryField(null=True, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["issuer", "serial_number"], name="certificate_identity"),)
        indexes = (
            models.Index(fields=["fingerprint_sha256"], name="certificate_fingerprint"),
            models.Index(fields=["spki_sha256"], name="certificate_spki"),
        )

    def __str__(self) -> str:
        return self.serial_number
