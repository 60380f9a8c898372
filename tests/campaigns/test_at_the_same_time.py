"""Several people answer at the same moment: each answer counts once, and nobody is told off."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, connections

from campaigns.models import AffectedSubscriber
from campaigns.services import acknowledge, add_replacement, confirm_replacement, mark_published, request_revocation
from tests import make, pki
from tests.asserts import events
from tests.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 4


def all_at_once(owner: AffectedSubscriber, act: Callable[[AffectedSubscriber], object]) -> None:
    """Let several threads, each with a connection and an object of its own, do the same at the same moment.

    SQLite in memory has one connection for all: there the acts are one after the other, with objects read before any.
    """
    rows = [AffectedSubscriber.objects.select_related("campaign", "subscriber").get(pk=owner.pk) for _ in range(PEOPLE)]
    if connection.vendor == "sqlite":
        for row in rows:
            act(row)
        return
    failures: list[BaseException] = []
    barrier = threading.Barrier(PEOPLE)

    def run(row: AffectedSubscriber) -> None:
        try:
            barrier.wait(10)
            act(row)
        except BaseException as failure:  # noqa: BLE001 - whatever it is belongs to the test
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_all_acknowledge_at_once():
    owner, _ = make.affected()
    all_at_once(owner, lambda row: acknowledge(row, contact=None, actor="contact:1", now=NOW))
    assert len(events("affectedsubscriber.acknowledged")) == 1


def test_all_confirm_at_once():
    owner, rows = make.affected(20)
    keys = [row.pk for row in rows]
    all_at_once(owner, lambda row: confirm_replacement(row, certificates=keys, actor="contact:1", now=NOW))
    assert len(events("affectedcertificate.confirmed")) == 20


def test_all_ask_for_revocation_at_once():
    owner, rows = make.affected(20)
    keys = [row.pk for row in rows]
    all_at_once(
        owner,
        lambda row: request_revocation(
            row, certificates=keys, at=None, reason="unspecified", actor="contact:1", now=NOW
        ),
    )
    assert len(events("affectedcertificate.revocation_requested")) == 20


def test_all_upload_the_same_replacement_at_once():
    owner, (row,) = make.affected()
    pem = pki.pem(make.leaf(names=row.certificate.names, not_before=NOW - timedelta(seconds=1)))
    all_at_once(owner, lambda each: add_replacement(each, pem=pem, actor="contact:1", now=NOW))
    assert len(events("affectedcertificate.replaced")) == 1


def test_all_see_it_published_at_once():
    owner, rows = make.affected(20)
    all_at_once(owner, lambda _: mark_published(rows, at=NOW, now=NOW))
    assert len(events("affectedcertificate.published")) == 20
