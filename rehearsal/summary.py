"""How a rehearsal ended, in numbers."""

from typing import Any

from django.db.models import F, Q

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign
from campaigns.services import counts
from core import clock
from notices.models import Call, InboundMessage, Notice, first_notice_at
from revocation.models import Revocation
from subscribers.models import Channel, Contact


def summary(campaign: Campaign) -> dict[str, Any]:
    """The figures of `var/rehearsal.json`; times in UTC, durations in seconds of the rehearsal's clock."""
    now = campaign.ended_at or clock.now()
    counted = counts(campaign, now)
    certificates = AffectedCertificate.objects.filter(campaign=campaign)
    subscribers = AffectedSubscriber.objects.filter(campaign=campaign)
    notices = Notice.objects.in_campaign(campaign)
    published = Revocation.objects.filter(affected_certificate__campaign=campaign, state=Revocation.State.PUBLISHED)
    returned = InboundMessage.objects.filter(affected_subscriber__campaign=campaign)
    calls = Call.objects.filter(affected_subscriber__campaign=campaign)
    first = first_notice_at(campaign)
    launched = campaign.launched_at or now
    return {
        "certificates": counted.scope,
        "published": counted.revoked,
        "expired": counted.expired,
        "excluded": counted.excluded,
        "remaining": counted.remaining,
        "late": certificates.filter(Q(published_at__gt=F("publish_by")) | _overdue(now)).count(),
        "replaced_early": published.filter(trigger=Revocation.Trigger.REPLACED).count(),
        "requested": published.filter(trigger=Revocation.Trigger.SUBSCRIBER).count(),
        "forced": published.filter(trigger=Revocation.Trigger.DEADLINE).count(),
        "subscribers": subscribers.count(),
        "acknowledged": subscribers.exclude(acknowledged_at=None).count(),
        "reached_through_backup": subscribers.filter(acknowledged_by__role=Contact.Role.BACKUP).count(),
        "unreachable": subscribers.exclude(unreachable_since=None).count(),
        "reached_by_phone": calls.filter(outcome__in=Call.TOLD).values("affected_subscriber").distinct().count(),
        "calls": calls.count(),
        "auto_replies": returned.filter(kind=InboundMessage.Kind.AUTO_REPLY).count(),
        "answers": returned.filter(kind=InboundMessage.Kind.ANSWER).count(),
        "texts_sent": notices.exclude(sent_at=None).exclude(channel=Channel.MAIL).count(),
        "notices_sent": notices.exclude(sent_at=None).count(),
        "bounced": notices.filter(state__in=[Notice.State.BOUNCED, Notice.State.REFUSED]).count(),
        "first_notice_seconds": (first - launched).total_seconds() if first else None,
        "launched_at": launched.isoformat(),
        "finished_at": campaign.ended_at.isoformat() if campaign.ended_at else None,
        "deadline": campaign.deadline.isoformat(),
    }


def _overdue(now: Any) -> Q:
    """Not published, neither expired by then nor held back, although the deadline has passed."""
    return Q(published_at=None, publish_by__lt=now, not_after__gte=F("publish_by"), exclusions=None)
