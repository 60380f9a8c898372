"""The proof of notice of one affected subscriber as a file: HTML that stands alone and prints well, or JSON."""

import json
import re
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string

from audit.actors import staff
from campaigns.models import AffectedSubscriber
from core import clock
from reports.proof import proof

READERS = ("campaigns.view_journal", "campaigns.call_subscriber")
"""It holds what the journal has of this subscriber: for those who read the journal, and for those who speak to it."""
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST = 40


def proof_html(request: HttpRequest, public_id: UUID, subscriber_id: UUID) -> HttpResponseBase:
    """The HTML file: nothing in it runs, and nothing is loaded."""
    affected = _affected(request, public_id, subscriber_id)
    document = proof(affected, by=staff(request.user.get_username()), now=clock.now())
    answer = HttpResponse(render_to_string("reports/proof.html", {"proof": document}))
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return _as_file(answer, affected, "html")


def proof_json(request: HttpRequest, public_id: UUID, subscriber_id: UUID) -> HttpResponseBase:
    """The same as JSON."""
    affected = _affected(request, public_id, subscriber_id)
    document = proof(affected, by=staff(request.user.get_username()), now=clock.now())
    words = json.dumps(document, ensure_ascii=False, indent=1)
    return _as_file(HttpResponse(words, content_type="application/json"), affected, "json")


def file_name(affected: AffectedSubscriber, kind: str) -> str:
    """`proof-of-notice-S-000123-1f0c9a2b.html`: from the reference, without anything that a file system minds."""
    reference = UNSAFE.sub("-", affected.subscriber.reference).strip(".-")[:LONGEST] or "subscriber"
    return f"proof-of-notice-{reference}-{affected.public_id.hex[:8]}.{kind}"


def _affected(request: HttpRequest, public_id: UUID, subscriber_id: UUID) -> AffectedSubscriber:
    if not any(request.user.has_perm(permission) for permission in READERS):
        raise PermissionDenied
    rows = AffectedSubscriber.objects.select_related("campaign", "subscriber", "acknowledged_by")
    return get_object_or_404(rows, campaign__public_id=public_id, public_id=subscriber_id)


def _as_file(answer: HttpResponse, affected: AffectedSubscriber, kind: str) -> HttpResponse:
    answer["Content-Disposition"] = f'attachment; filename="{file_name(affected, kind)}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
