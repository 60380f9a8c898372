"""Every round begins with the same database and the same sandbox CA: they are kept as copies and put back."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

COPIES = ("bench_rows", "bench_events")
"""Copies of tables on which limits are measured."""


@dataclass(frozen=True)
class Keeper:
    """Keeps the database, and a folder beside it, as they are at a moment."""

    folder: Path

    @property
    def kept_folder(self) -> Path:
        """Where the copy of the folder is."""
        return self.folder.with_name(f"{self.folder.name}.kept")

    def keep(self) -> None:
        """Remember how everything is now."""
        with psycopg.connect(**_address(_name()), autocommit=True) as database:
            for table in COPIES:
                database.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))
            database.execute("VACUUM ANALYZE")
        _copy_database(_name(), f"{_name()}_kept")
        _copy_folder(self.folder, self.kept_folder)

    def put_back(self) -> None:
        """Make everything as it was when it was kept."""
        _copy_database(f"{_name()}_kept", _name())
        _copy_folder(self.kept_folder, self.folder)


def create() -> None:
    """Make the empty database that the settings name."""
    with _server() as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_name())))


def version() -> str:
    """The version of the database server."""
    with _server() as server:
        return str(server.info.parameter_status("server_version"))


@contextmanager
def _server() -> Iterator["psycopg.Connection[Any]"]:
    connections.close_all()
    with psycopg.connect(**_address("postgres"), autocommit=True) as server:
        yield server


def _name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _address(name: str) -> dict[str, Any]:
    default = settings.DATABASES["default"]
    host = default["HOST"] or default.get("OPTIONS", {}).get("host")
    return {"host": host, "user": default["USER"], "dbname": name}


def _copy_database(source: str, target: str) -> None:
    with _server() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source)))


def _copy_folder(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target)
