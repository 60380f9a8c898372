"""Questions to a house, answered as JSON by a process of its own."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db.models import Count, F  # noqa: E402

from audit.models import Event  # noqa: E402
from campaigns.models import AffectedCertificate, Campaign  # noqa: E402
from campaigns.services import counts  # noqa: E402
from core import clock  # noqa: E402
from notices.models import Letter, Notice  # noqa: E402
from rehearsal.incident import SLUG  # noqa: E402
from revocation.models import Revocation  # noqa: E402
from revocation.sandbox import open_ca  # noqa: E402


def notices() -> dict[str, Any]:
    """The notices by state, and their Message-IDs; and those of letters, which go out when no notice is due."""
    by_state = dict(Notice.objects.order_by().values_list("state").annotate(count=Count("pk")))
    return {
        "by_state": by_state,
        "message_ids": sorted(Notice.objects.values_list("message_id", flat=True)),
        "letter_ids": sorted(Letter.objects.values_list("message_id", flat=True)),
    }


def revocations() -> dict[str, Any]:
    """The revocations by state, the events that say so, and what the CA has in its books."""
    serials = list(AffectedCertificate.objects.values_list("certificate__serial_number", flat=True))
    booked = open_ca(Path(settings.SANDBOX_ROOT), SLUG).lookup(serials)
    published = Event.objects.filter(verb="revocation.published")
    return {
        "by_state": dict(Revocation.objects.order_by().values_list("state").annotate(count=Count("pk"))),
        "published_events": published.count(),
        "published_objects": published.values("object_id").distinct().count(),
        "revoked_by_ca": sum(1 for record in booked.values() if record.revoked_at),
        "late": AffectedCertificate.objects.filter(published_at__gt=F("publish_by")).count(),
        "dates_agree": all(
            booked[serial].revoked_at == revoked_at
            for serial, revoked_at in Revocation.objects.filter(state="published").values_list(
                "affected_certificate__certificate__serial_number", "revoked_at"
            )
        ),
    }


def campaign() -> dict[str, Any]:
    """Where the campaign stands."""
    found = Campaign.objects.get()
    counted = counts(found, clock.now())
    return {
        "state": found.state, "halted": bool(found.halted_at), "deadline": found.deadline.isoformat(),
        "scope": counted.scope, "revoked": counted.revoked, "remaining": counted.remaining,
        "expired": counted.expired, "excluded": counted.excluded,
    }  # fmt: skip


QUESTIONS: dict[str, Callable[[], dict[str, Any]]] = {each.__name__: each for each in (notices, revocations, campaign)}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(QUESTIONS[sys.argv[1]]()) + "\n")
