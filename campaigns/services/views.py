"""Who has looked: evidence that a link was opened, which is no answer, because mail scanners open links too."""

from datetime import datetime, timedelta

from campaigns.models import AffectedSubscriber, PageView
from subscribers.models import Contact

ONCE_IN = timedelta(minutes=1)
LONGEST_AGENT = 200


def record_view(
    affected_subscriber: AffectedSubscriber, *, contact: Contact, page: str, agent: str, now: datetime
) -> PageView | None:
    """Write down that a page was opened by this contact's link; None if it was within the minute before.

    Nothing else changes: no acknowledgement, no journal, no due row.
    """
    seen = PageView.objects.filter(affected_subscriber=affected_subscriber, contact=contact, page=page)
    if seen.filter(at__gt=now - ONCE_IN, at__lte=now).exists():
        return None
    said = "".join(each for each in agent if each.isprintable())[:LONGEST_AGENT]
    return seen.create(affected_subscriber=affected_subscriber, contact=contact, page=page, at=now, agent=said)
