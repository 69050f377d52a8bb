"""What both processes open first, with one clear line for whatever is not there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from botocore.exceptions import ClientError

from service.database import migrations
from service.database.connection import Database, create_database
from service.object_store import ObjectStore, StorageError, StoreSettings, open_object_store

CONNECT_TIMEOUT = 15.0  # seconds


class StartupError(Exception):
    """The process cannot work. The message is one line that says which setting to look at."""


@asynccontextmanager
async def open_database(url: str, *, application_name: str, max_size: int) -> AsyncIterator[Database]:
    """Connect the pool and make sure that the schema is the one this version needs. Raises `StartupError`."""
    async with connected_database(url, application_name=application_name, max_size=max_size) as database:
        async with database.connection() as connection:
            lacking = await migrations.missing(connection)
        if lacking:
            raise StartupError(f"migration {lacking[0]} was not applied: run `autos migrate`")
        yield database


@asynccontextmanager
async def connected_database(url: str, *, application_name: str, max_size: int) -> AsyncIterator[Database]:
    """Connect the pool, whatever the schema is. Raises `StartupError`."""
    database = create_database(url, application_name=application_name, max_size=max_size)
    await _connect(database)
    try:
        yield database
    finally:
        await database.close()


async def _connect(database: Database) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await database.connect()
    except asyncpg.InvalidPasswordError:
        raise StartupError("DATABASE_URL: the user or the password is wrong") from None
    except asyncpg.InvalidCatalogNameError:
        raise StartupError("DATABASE_URL: there is no such database") from None
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise StartupError(f"DATABASE_URL: PostgreSQL cannot be reached ({type(error).__name__})") from None


@asynccontextmanager
async def open_store(settings: StoreSettings, *, create_bucket: bool) -> AsyncIterator[ObjectStore]:
    """Open the bucket and ask for it; make it where that is allowed and it is missing."""
    async with open_object_store(settings) as store:
        try:
            await _check(store, create_bucket=create_bucket)
        except StorageError as error:
            raise StartupError(f"S3_BUCKET: {_reason(error)}") from None
        yield store


async def _check(store: ObjectStore, *, create_bucket: bool) -> None:
    try:
        await store.check()
    except StorageError as error:
        if not create_bucket or _status(error) != 404:
            raise
        await _create(store)


async def _create(store: ObjectStore) -> None:
    try:
        await store.create_bucket()
    except StorageError:
        # Another process may have been faster.
        await store.check()


def _reason(error: StorageError) -> str:
    status = _status(error)
    if status == 404:
        return "the bucket does not exist"
    if status in {400, 401, 403}:
        return "the object store refuses the credentials or denies the bucket"
    return f"the object store cannot be reached ({type(error.__cause__).__name__})"


def _status(error: StorageError) -> int | None:
    cause = error.__cause__
    return cause.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(cause, ClientError) else None
