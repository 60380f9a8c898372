"""What is kept of a campaign's course: the files of its scope, and its counts over time."""

from django.db import models
from django.db.models import F, Q

from campaigns.models.campaign import Campaign


class ScopeImport(models.Model):
    """One file that was read into a scope: every line of it is in exactly one of the counts."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="scope_imports")
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64)
    lines = models.PositiveIntegerField()
    counts = models.JSONField(help_text="Lines by classification; their sum is `lines`.")
    imported_by = models.CharField(max_length=200)
    imported_at = models.DateTimeField()
    scope_version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.file_name


class ScopeLine(models.Model):
    """A line of a scope file that did not become an affected certificate, and why (R15, R17)."""

    class Classification(models.TextChoices):
        AFFECTED = "affected", "affected"
        REPEATED = "repeated", "already in the scope"
        EXPIRED = "expired", "expired"
        REVOKED = "already_revoked", "already revoked"
        SHORT_LIVED = "short_lived", "short-lived"
        NOT_OURS = "not_ours", "not in the register"
        UNREADABLE = "unreadable", "unreadable"

    scope_import = models.ForeignKey(ScopeImport, on_delete=models.CASCADE, related_name="set_aside")
    line = models.PositiveIntegerField()
    text = models.CharField(max_length=300)
    classification = models.CharField(max_length=16, choices=Classification)
    note = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"line {self.line}: {self.classification}"


class Snapshot(models.Model):
    """The counts of a campaign at a moment, for the burn-down chart; the certificates' four always add up to scope."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="snapshots")
    at = models.DateTimeField()
    scope = models.PositiveIntegerField()
    revoked = models.PositiveIntegerField()
    remaining = models.PositiveIntegerField()
    expired = models.PositiveIntegerField()
    excluded = models.PositiveIntegerField()
    outstanding = models.PositiveIntegerField()
    confirmed = models.PositiveIntegerField()
    replaced = models.PositiveIntegerField()
    late = models.PositiveIntegerField()
    overdue = models.PositiveIntegerField()
    subscribers = models.PositiveIntegerField()
    acknowledged = models.PositiveIntegerField()
    unreachable = models.PositiveIntegerField()
    at_risk = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["campaign", "at"], name="snapshot_once"),
            models.CheckConstraint(
                condition=Q(scope=F("revoked") + F("remaining") + F("expired") + F("excluded")), name="snapshot_adds_up"
            ),
        )
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"{self.campaign} at {self.at}"
