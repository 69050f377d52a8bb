"""How `autos migrate` changes the schema before a release."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
import yoyo
from psycopg.pq import TransactionStatus
from yoyo.backends import DatabaseBackend, get_backend_class
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, default_migration_table

from service.database.schema import DIRECTORY
from service.database.url import DatabaseUrl, DatabaseUrlError, parse_database_url

LOCK_ID = 4_207_849_481  # of the advisory lock; any number that no other program uses
APPLICATION_NAME = "autos migrate"
MIGRATION_CONNECT_TIMEOUT = "10"  # seconds for each server
LOCK_TIMEOUT = 60.0  # seconds to wait for another `autos migrate`

#: Milliseconds that a statement waits for the lock of a table. Every other statement on that table waits behind it.
TABLE_LOCK_WAIT = 3000
#: The same for statements that run beside others. They wait for every older transaction, and nothing waits for them.
CONCURRENT_WAIT = 600_000
TRIES_FOR = 60.0  # seconds for which a migration that gets no lock is tried again
TRY_PAUSE = 1.0  # seconds between two tries, in which the others go on
_COMMENT = re.compile(r"--[^\n]*")
_OLDEST_TRANSACTION = (
    "SELECT pid, application_name, CAST(extract(epoch FROM clock_timestamp() - xact_start) AS integer)"
    " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND xact_start IS NOT NULL AND backend_type = 'client backend' ORDER BY xact_start LIMIT 1"
)


class MigrationError(Exception):
    """The schema could not be changed."""


class _BoundedCursor(psycopg.Cursor[Any]):
    """Bounds how long each statement waits for locks."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute the query. Raises `LockNotAvailable` if it gets no lock in time."""
        if self.connection.info.transaction_status is not TransactionStatus.INERROR:
            is_concurrent = "CONCURRENTLY" in _COMMENT.sub("", str(query))
            super().execute(f"SET lock_timeout = {CONCURRENT_WAIT if is_concurrent else TABLE_LOCK_WAIT:d}")
        return super().execute(query, params, **options)


def apply(database_url: str) -> list[str]:
    """Apply the missing migrations and return their ids. Concurrent calls wait. Raises `MigrationError`."""
    # yoyo looks the user's name up between applying a file and marking it; containers often have none.
    os.environ.setdefault("USER", "autos")
    try:
        url = parse_database_url(database_url)
        with _locked(url):
            backend = _open_backend(url)
            try:
                return _apply_missing(backend)
            finally:
                backend.connection.close()
    # UnicodeError: a host name that no resolver accepts.
    except (psycopg.Error, UnicodeError, DatabaseUrlError) as error:
        # The driver's first line says what is wrong and never holds the password.
        raise MigrationError(str(error).strip().splitlines()[0]) from error


def _apply_missing(backend: DatabaseBackend) -> list[str]:
    todo = list(backend.to_apply(yoyo.read_migrations(str(DIRECTORY))))
    for migration in todo:
        _apply_patiently(backend, migration)
    return [migration.id for migration in todo]


def _apply_patiently(backend: DatabaseBackend, migration: Migration) -> None:
    """Apply a migration. Try again if another transaction holds a lock that it needs, so that others never wait long.

    One without a transaction of its own begins anew too: each of them can be run again.
    """
    started = time.monotonic()
    while True:
        try:
            backend.apply_one(migration)
        except psycopg.errors.LockNotAvailable as error:
            waited = time.monotonic() - started
            if waited >= TRIES_FOR:
                raise MigrationError(_no_lock(backend, migration, waited)) from error
            time.sleep(TRY_PAUSE)
        else:
            return


def _no_lock(backend: DatabaseBackend, migration: Migration, waited: float) -> str:
    row = backend.connection.execute(_OLDEST_TRANSACTION).fetchone()
    holder = f" (the oldest is that of {row[1] or 'a client'}, pid {row[0]}, open for {row[2]} seconds)" if row else ""
    return (
        f"{migration.id} got no lock within {waited:.0f} seconds: a transaction holds it{holder}."
        " End that one, or wait for it, and run this again"
    )


def _open_backend(url: DatabaseUrl) -> DatabaseBackend:
    scheme = "postgresql+psycopg"
    given = _parameters(url)
    place = (given.pop("user"), given.pop("password"), given.pop("host"), given.pop("port"), given.pop("dbname"))
    given["cursor_factory"] = _BoundedCursor
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
