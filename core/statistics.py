"""Telling the database how large its tables have become."""

from django.db import connection, models


def refresh(*tables: type[models.Model]) -> None:
    """Let PostgreSQL look at some tables anew, after many rows were written at once; other databases need no telling.

    Until then its planner takes a table that has just been filled for an empty one, and compares each row of a
    campaign with each row of the register. Autovacuum would look too, but up to a minute later, and a tick comes
    sooner. It reads a sample, so its cost does not grow with the table; it may be called inside a transaction.
    """
    if connection.vendor == "postgresql":
        names = ", ".join(connection.ops.quote_name(table._meta.db_table) for table in tables)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")
