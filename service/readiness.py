"""Whether what the API needs answers, side by side and within two seconds whatever hangs."""

import asyncio
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from redis.exceptions import RedisError

from service.database import portal
from service.database.connection import UNREACHABLE, Database
from service.object_store import ObjectStore
from service.queue import Bell
from service.redis_faults import refusal
from service.shared_check import PATIENCE, SharedCheck
from service.store_errors import StorageError

OK = "ok"
#: What the questions raise where something is away. A TimeoutError is an OSError.
FAILURES: tuple[type[Exception], ...] = (*UNREACHABLE, RedisError, StorageError)


class Found(msgspec.Struct, frozen=True):
    """What was found, each `ok` or why not."""

    database: str
    redis: str
    object_store: str
    portal_token: str


class Readiness:
    """Asks on behalf of all who want to know, one question at a time to each."""

    def __init__(self, database: Database, bell: Bell, store: ObjectStore, *, credential: str) -> None:
        """`credential` is that of the portal: whether the portal refuses it is in the database."""
        self._pool = database
        self._credential = credential
        self._database = SharedCheck(self._ask_database)
        self._redis = SharedCheck(bell.ping)
        self._store = SharedCheck(store.check)

    async def look(self) -> Found:
        """Ask everything at the same time."""
        (database, token), redis, store = await asyncio.gather(
            self._look_at_database(), outcome(self._redis), outcome(self._store)
        )
        return Found(database, redis, store, token)

    async def _look_at_database(self) -> tuple[str, str]:
        try:
            refused_since = await self._database.answer()
        except FAILURES as error:
            return in_words(error), "unknown"
        if refused_since is None:
            return OK, OK
        since = f"{refused_since:%Y-%m-%dT%H:%M:%SZ}"
        return OK, f"refused by the portal since {since}: downloads wait for a new token"

    async def _ask_database(self) -> datetime | None:
        await self._pool.ping()
        async with self._pool.connection() as connection:
            return await portal.refused_since(connection, self._credential)


async def outcome(check: SharedCheck[Any]) -> str:
    """`ok`, or why not."""
    try:
        await check.answer()
    except FAILURES as error:
        return in_words(error)
    return OK


def in_words(error: Exception) -> str:
    """Why something did not answer, for operators. Names no host, and nothing of a message that may."""
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return "takes no writes"
    if (reason := refusal(error)) is not None:
        return reason
    if isinstance(error, TimeoutError):
        return f"gives no answer within {PATIENCE:g} seconds"
    return f"cannot be reached ({type(error).__name__})"
