"""The register learns of revocations."""

from datetime import timedelta
from pathlib import Path

import pytest

from audit.models import Event
from core.errors import Refused
from subscribers.models import Certificate
from subscribers.services import mark_revoked
from tests import pki
from tests.conftest import NOW
from tests.subscribers.material import ACTOR, bring, bundle, issuer_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def certificates(tmp_path: Path) -> list[Certificate]:
    bring(tmp_path, issuer_line(), bundle([pki.leaf(), pki.leaf()]))
    Event.objects.all()._raw_delete("default")
    return list(Certificate.objects.order_by("pk"))


def test_revocation_is_kept_with_its_date_and_an_event_each(certificates: list[Certificate]):
    assert mark_revoked(certificates, revoked_at=NOW, reason="superseded", actor=ACTOR, now=NOW) == 2
    found = set(Certificate.objects.values_list("revoked_at", "revocation_reason"))
    assert found == {(NOW, "superseded")}
    assert Event.objects.filter(verb="certificate.revoked").count() == 2


def test_first_date_stands(certificates: list[Certificate]):
    mark_revoked(certificates[:1], revoked_at=NOW, reason="superseded", actor=ACTOR, now=NOW)
    later = NOW + timedelta(days=1)
    assert mark_revoked(certificates, revoked_at=later, reason="privilegeWithdrawn", actor=ACTOR, now=later) == 1
    assert list(Certificate.objects.order_by("pk").values_list("revoked_at", "revocation_reason")) == [
        (NOW, "superseded"),
        (later, "privilegeWithdrawn"),
    ]


def test_reason_may_only_be_raised_to_key_compromise(certificates: list[Certificate]):
    mark_revoked(certificates, revoked_at=NOW, reason="superseded", actor=ACTOR, now=NOW)
    assert mark_revoked(certificates[:1], revoked_at=NOW, reason="keyCompromise", actor=ACTOR, now=NOW) == 0
    mark_revoked(certificates, revoked_at=NOW, reason="unspecified", actor=ACTOR, now=NOW)
    assert list(Certificate.objects.order_by("pk").values_list("revocation_reason", flat=True)) == [
        "keyCompromise",
        "superseded",
    ]
    assert Event.objects.filter(verb="certificate.reason_raised").count() == 1


def test_reason_that_no_leaf_may_have_is_refused(certificates: list[Certificate]):
    with pytest.raises(Refused, match="certificateHold"):
        mark_revoked(certificates, revoked_at=NOW, reason="certificateHold", actor=ACTOR, now=NOW)
    assert not Certificate.objects.exclude(revoked_at=None).exists()
