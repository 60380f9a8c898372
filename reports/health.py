"""For outside watchers: `/healthz` says whether the work is being done, `/metrics` how much of it there is."""

import logging
from collections.abc import Iterator

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from campaigns.models import Campaign
from campaigns.services import latest_counts
from core import clock
from reports.access import metrics_reader
from reports.lateness import ages

log = logging.getLogger(__name__)
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
COUNTED = ("scope", "revoked", "remaining", "expired", "excluded", "late", "overdue")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when nothing is late; 503 with the reason when something is, when the beat is silent or the database away.

    Strangers may ask: it names kinds of work and ages in seconds, nothing else.
    """
    try:
        found = ages(now=clock.now())
    except DatabaseError:
        log.exception("The database is away.")
        return JsonResponse({"status": "down", "reasons": ["database"], "ages": {}}, status=503)
    late = [age.kind for age in found if age.is_late]
    return JsonResponse(
        {
            "status": "late" if late else "ok",
            "reasons": late,
            "ages": {age.kind: round(age.age.total_seconds(), 1) if age.age else None for age in found},
            "limit": found[0].limit.total_seconds(),
        },
        status=503 if late else 200,
    )


@metrics_reader
def metrics(request: HttpRequest) -> HttpResponse:
    """The counts of the running campaigns and the ages of due work, for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now())
    return HttpResponse(generate_latest(registry), content_type=PLAIN)


class _Now(Collector):
    """Collects at the moment of asking; nothing is kept between requests."""

    def collect(self) -> Iterator[Metric]:
        now = clock.now()
        certificates = GaugeMetricFamily(
            "recall_certificates", "Certificates of a running campaign", labels=["campaign", "kind", "part"]
        )
        deadline = GaugeMetricFamily("recall_deadline_seconds", "Time to the deadline", labels=["campaign", "kind"])
        halted = GaugeMetricFamily("recall_halted", "1 while a running campaign is halted", labels=["campaign", "kind"])
        for campaign in Campaign.objects.running():
            labels = [str(campaign.public_id), campaign.kind]
            counted, _ = latest_counts(campaign, now)
            for part in COUNTED:
                certificates.add_metric([*labels, part], getattr(counted, part))
            deadline.add_metric(labels, (campaign.deadline - now).total_seconds())
            halted.add_metric(labels, int(campaign.halted_at is not None))
        due = GaugeMetricFamily("recall_due_age_seconds", "Age of the oldest due row of a kind", labels=["kind"])
        late = GaugeMetricFamily("recall_late", "1 while the work of a kind is late", labels=["kind"])
        for age in ages(now=now):
            due.add_metric([age.kind], age.age.total_seconds() if age.age else 0)
            late.add_metric([age.kind], int(age.is_late))
        yield from (certificates, deadline, halted, due, late)
