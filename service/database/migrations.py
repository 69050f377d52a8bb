"""How `autos migrate` changes the schema before a release."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import yoyo
from yoyo.backends import DatabaseBackend, get_backend_class
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from service.database.schema import DIRECTORY
from service.database.url import DatabaseUrl, DatabaseUrlError, parse_database_url

LOCK_ID = 4_207_849_481  # of the advisory lock; any number that no other program uses
APPLICATION_NAME = "autos migrate"
MIGRATION_CONNECT_TIMEOUT = "10"  # seconds for each server
LOCK_TIMEOUT = 60.0  # seconds to wait for another `autos migrate`


class MigrationError(Exception):
    """The schema could not be changed."""


def apply(database_url: str) -> list[str]:
    """Apply the missing migrations and return their ids. Concurrent calls wait. Raises `MigrationError`."""
    # yoyo looks the user's name up between applying a file and marking it; containers often have none.
    os.environ.setdefault("USER", "autos")
    try:
        url = parse_database_url(database_url)
        with _locked(url):
            backend = _open_backend(url)
            try:
                todo = backend.to_apply(yoyo.read_migrations(str(DIRECTORY)))
                backend.apply_migrations(todo)
                return [migration.id for migration in todo]
            finally:
                backend.connection.close()
    # UnicodeError: a host name that no resolver accepts.
    except (psycopg.Error, UnicodeError, DatabaseUrlError) as error:
        # The driver's first line says what is wrong and never holds the password.
        raise MigrationError(str(error).strip().splitlines()[0]) from error


def _open_backend(url: DatabaseUrl) -> DatabaseBackend:
    scheme = "postgresql+psycopg"
    given = _parameters(url)
    place = (given.pop("user"), given.pop("password"), given.pop("host"), given.pop("port"), given.pop("dbname"))
    backend: DatabaseBackend = get_backend_class(scheme)(DatabaseURI(scheme, *place, given), default_migration_table)
    backend.init_database()
    return backend


def _parameters(url: DatabaseUrl) -> dict[str, Any]:
    return {
        "user": url.user,
        "password": url.password or None,
        "host": ",".join(url.hosts) or None,
        "port": ",".join(map(str, url.ports)) or None,
        "dbname": url.database,
        "connect_timeout": MIGRATION_CONNECT_TIMEOUT,
        **url.for_psycopg(application_name=APPLICATION_NAME),
    }


@contextmanager
def _locked(url: DatabaseUrl) -> Iterator[None]:
    # yoyo's own lock is a row, which a killed run leaves behind for ever. PostgreSQL releases this one by itself.
    # Polled: a session that waits for the lock would hold a snapshot, which CREATE INDEX CONCURRENTLY waits for.
    with psycopg.connect(**_parameters(url), autocommit=True) as connection:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(connection):
            if time.monotonic() > deadline:
                raise MigrationError("another `autos migrate` is running")
            time.sleep(0.2)
        yield


def _try_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_ID,)).fetchone()
    return bool(row and row[0])
