"""What every model promises: states that the database checks, and moments that are written on purpose."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.models import Event
from config.celery import app
from core.due import DueModel
from tests.architecture.source import PRODUCT

OURS = [model for model in apps.get_models() if model.__module__.split(".")[0] in PRODUCT]
STATEFUL = [model for model in OURS if any(field.name == "state" for field in model._meta.get_fields())]
DUE = [model for model in OURS if issubclass(model, DueModel)]


def name(model: type[models.Model]) -> str:
    return model._meta.label


def test_the_models_are_found():
    assert Event in OURS
    assert {name(model) for model in STATEFUL} >= {
        "campaigns.Campaign",
        "campaigns.AffectedCertificate",
        "notices.Notice",
        "revocation.Revocation",
    }
    assert len(DUE) >= 4


@pytest.mark.parametrize("model", STATEFUL, ids=name)
def test_the_transition_table_covers_every_state(model: Any):
    table, states = model.TRANSITIONS, set(model.State.values)
    assert set(table) == states
    assert all(set(targets) <= states for targets in table.values())


@pytest.mark.parametrize("model", STATEFUL, ids=name)
def test_the_database_admits_the_states_of_the_table_and_no_other(model: Any):
    checked = [
        set(condition[1])
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, Q)
        for condition in constraint.condition.children
        if isinstance(condition, tuple) and condition[0] == "state__in"
    ]
    assert checked == [set(model.State.values)]


@pytest.mark.parametrize("model", STATEFUL, ids=name)
def test_a_row_with_a_state_says_which_stream_of_the_journal_it_belongs_to(model: type[models.Model]):
    assert hasattr(model, "stream")


@pytest.mark.parametrize("model", DUE, ids=name)
def test_due_rows_are_found_by_a_partial_index_in_the_order_of_claims(model: type[models.Model]):
    assert any(
        index.fields == ["due_at", "id"] and index.condition == Q(due_at__isnull=False) for index in model._meta.indexes
    )


@pytest.mark.parametrize("model", OURS, ids=name)
def test_no_moment_is_written_by_itself(model: type[models.Model]):
    fields = model._meta.get_fields()
    assert not [
        field.name for field in fields if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ]


def test_a_worker_is_dead_before_its_rows_come_back():
    assert timedelta(seconds=settings.TASK_TIME_LIMIT) < settings.LEASE
    assert app.conf.task_time_limit == settings.TASK_TIME_LIMIT
