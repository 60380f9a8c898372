"""The beat of the tests: claim what is due and act on it, as the tasks do, at a moment of the test's choosing."""

from datetime import datetime

from campaigns.models import AffectedSubscriber, News
from core.due import claim
from notices.models import Notice
from notices.services import send_notices, tell_news, write_notices


def escalate(now: datetime) -> list[Notice]:
    """Write what is due at a moment."""
    rows = claim(AffectedSubscriber.objects.to_escalate(), now=now, limit=500)
    return write_notices(rows, now=now) if rows else []


def send(now: datetime) -> int:
    """Send what is due at a moment; how many went out."""
    rows = claim(Notice.objects.sendable(), now=now, limit=500)
    return send_notices(rows, now=now) if rows else 0


def tell(now: datetime) -> list[Notice]:
    """Write the news that is due at a moment."""
    rows = claim(News.objects.to_tell(), now=now, limit=500)
    return tell_news(rows, now=now) if rows else []
