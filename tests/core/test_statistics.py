"""What the planner knows of tables that have just been filled."""

import pytest
from django.db import connection, transaction

from core import statistics
from subscribers.models import Subscriber


@pytest.mark.django_db(transaction=True)
def test_a_table_that_was_filled_at_once_is_known_to_be_full():
    with transaction.atomic():
        Subscriber.objects.bulk_create(Subscriber(reference=f"S{n}", name=f"S{n}") for n in range(5000))
        statistics.refresh(Subscriber)

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [Subscriber._meta.db_table])
        else:  # nothing to tell here: the call costs nothing and breaks nothing
            cursor.execute("SELECT count(*) FROM subscribers_subscriber")
        assert cursor.fetchone()[0] == 5000
