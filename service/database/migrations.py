"""How `autos migrate` changes the schema before a release."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import yoyo

from service.database.schema import DIRECTORY

LOCK_ID = 4_207_849_481  # of the advisory lock, any number that nobody else uses
LOCK_TIMEOUT = 60.0  # seconds to wait for another `autos migrate`


class MigrationError(Exception):
    """The schema could not be changed."""


def apply(database_url: str) -> list[str]:
    """Apply what is missing and answer it. Several may run at once: one works, the others wait."""
    # yoyo looks the user's name up between applying a file and marking it; containers often have none.
    os.environ.setdefault("USER", "autos")
    try:
        with _locked(database_url):
            backend = yoyo.get_backend(_driver_url(database_url))
            try:
                todo = backend.to_apply(yoyo.read_migrations(str(DIRECTORY)))
                backend.apply_migrations(todo)
                return [migration.id for migration in todo]
            finally:
                backend.connection.close()
    except psycopg.Error as error:
        # The driver's first line says what is wrong and never holds the password.
        raise MigrationError(str(error).strip().splitlines()[0]) from error


def _driver_url(database_url: str) -> str:
    return urlunsplit(urlsplit(database_url)._replace(scheme="postgresql+psycopg"))


@contextmanager
def _locked(database_url: str) -> Iterator[None]:
    # yoyo's own lock is a row, which a killed run leaves behind for ever. This one PostgreSQL gives up itself.
    # Polled: a session that waits in the lock would hold a snapshot, which CREATE INDEX CONCURRENTLY waits for.
    with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(connection):
            if time.monotonic() > deadline:
                raise MigrationError("another `autos migrate` is running")
            time.sleep(0.2)
        yield


def _try_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_ID,)).fetchone()
    return bool(row and row[0])
