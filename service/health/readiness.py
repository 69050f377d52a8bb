"""Checks in parallel whether the API's dependencies answer. Takes at most two seconds, even if one hangs."""

import asyncio
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from redis.exceptions import RedisError

from service.database import dependencies
from service.database.connection import UNREACHABLE, Database
from service.database.portal import portal_state
from service.domain.dependencies import Dependency, Health
from service.health.shared_check import CHECK_TIMEOUT, SharedCheck
from service.queue.redis_faults import refusal
from service.queue.task_queue import TaskQueue
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

OK = "ok"
#: What the checks raise if something is unreachable. A TimeoutError is an OSError.
DEPENDENCY_FAILURES: tuple[type[Exception], ...] = (*UNREACHABLE, RedisError, StorageError)


class Found(msgspec.Struct, frozen=True):
    """The result of each check: `ok`, or the reason why not."""

    database: str
    redis: str
    object_store: str  #: names failures of workers too, if the bucket answers
    portal_token: str
    portal: str
    is_bucket_there: bool
    is_ready: bool  #: whether requests can be accepted


class _Told(msgspec.Struct, frozen=True):
    refused_since: datetime | None
    health: dict[Dependency, Health]


class Readiness:
    """Runs the checks for all concurrent callers, at most one check per dependency at a time."""

    def __init__(self, database: Database, queue: TaskQueue, store: ObjectStore, *, credential: str) -> None:
        """`credential` is that of the portal. The database says whether the portal refuses it."""
        self._pool = database
        self._credential = credential
        self._database = SharedCheck(self._ask_database)
        self._redis = SharedCheck(queue.ping)
        self._store = SharedCheck(store.check)

    async def look(self) -> Found:
        """Run all checks at the same time."""
        (database, told), redis, store = await asyncio.gather(
            self._look_at_database(), outcome(self._redis), outcome(self._store)
        )
        is_bucket_there = store == OK
        is_ready = database == OK and is_bucket_there
        if told is None:
            return Found(database, redis, store, "unknown", "unknown", is_bucket_there, is_ready)
        bucket, asked = told.health[Dependency.BUCKET], told.health[Dependency.PORTAL]
        if store == OK and bucket.trouble:
            store = f"answers, and what workers write {bucket.trouble}"
        token, trouble = _token(told.refused_since), asked.trouble or OK
        return Found(database, redis, store, token, trouble, is_bucket_there, is_ready)

    async def _look_at_database(self) -> tuple[str, _Told | None]:
        try:
            return OK, await self._database.answer()
        except DEPENDENCY_FAILURES as error:
            return in_words(error), None

    async def _ask_database(self) -> _Told:
        await self._pool.ping()
        async with self._pool.connection() as connection:
            refused_since = await portal_state.refused_since(connection, self._credential)
            return _Told(refused_since, await dependencies.look(connection))


def _token(refused_since: datetime | None) -> str:
    if refused_since is None:
        return OK
    return f"refused by the portal since {refused_since:%Y-%m-%dT%H:%M:%SZ}: downloads wait for a new token"


async def outcome(check: SharedCheck[Any]) -> str:
    """Run a check. Return `ok`, or the reason why not."""
    try:
        await check.answer()
    except DEPENDENCY_FAILURES as error:
        return in_words(error)
    return OK


def in_words(error: Exception) -> str:
    """Return the reason of a failure, for operators. Contains no host, and no message that may name one."""
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return "takes no writes"
    if (reason := refusal(error)) is not None:
        return reason
    if isinstance(error, TimeoutError):
        return f"gives no answer within {CHECK_TIMEOUT:g} seconds"
    return f"cannot be reached ({type(error).__name__})"
