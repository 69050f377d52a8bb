"""Limits how many requests that start downloads use the database and Redis at the same time.

Firms request all their cases in one burst; without a limit, status requests would queue behind them. An operation that
is declared `limited` gets a database and a limiter that wait for a slot before each use, so neither handlers nor
actions take one. The portal, name servers and the client are waited for without a slot.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypedDict, TypeVar

from limits import RateLimitItem

from service.database.access import DatabaseAccess
from service.database.connection import ACQUIRE_TIMEOUT, Connection
from service.http.rate_limits import Budget

T = TypeVar("T")


class DownloadSlots:
    """Download slots, given to requests in the order in which they ask."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it in the block, which must not acquire another one.

        Raises `TimeoutError` after `ACQUIRE_TIMEOUT`, as if no database connection were free.
        """
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()


class LimitedDatabase:
    """A database that is used in download slots. The methods are those of `Database`."""

    def __init__(self, database: DatabaseAccess, slots: DownloadSlots) -> None:
        self._database = database
        self._slots = slots

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Return a connection, without a transaction."""
        async with self._slots.acquire(), self._database.connection() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[Connection]:
        """Commit at the end, roll back on any exception."""
        async with self._slots.acquire(), self._database.transaction(**options) as connection:
            yield connection

    async def run(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `step` in a transaction, which is repeated after a conflict."""
        async with self._slots.acquire():
            return await self._database.run(step)

    async def ask(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a single statement, which is repeated after a conflict."""
        async with self._slots.acquire():
            return await self._database.ask(step)


class Limiter(Protocol):
    """A `RateLimiter`, or one that is used in download slots."""

    async def take(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> Budget:
        """Count a request of a client, and return what is left."""

    async def look(self, item: RateLimitItem, *identifiers: str) -> Budget:
        """Return what is left, without counting anything."""


class LimitedLimiter:
    """A rate limiter that is used in download slots."""

    def __init__(self, limiter: Limiter, slots: DownloadSlots) -> None:
        self._limiter = limiter
        self._slots = slots

    async def take(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> Budget:
        """Count a request of a client, and return what is left."""
        async with self._slots.acquire():
            return await self._limiter.take(item, *identifiers, cost=cost)

    async def look(self, item: RateLimitItem, *identifiers: str) -> Budget:
        """Return what is left, without counting anything."""
        async with self._slots.acquire():
            return await self._limiter.look(item, *identifiers)


class Limited(TypedDict):
    """What replaces the members of the state in a limited operation."""

    database: DatabaseAccess
    limiter: Limiter


def limited(database: DatabaseAccess, limiter: Limiter, *, slots: int) -> Limited:
    """Return the database and the limiter of limited operations. All of them share the slots of this process."""
    shared = DownloadSlots(slots)
    return Limited(database=LimitedDatabase(database, shared), limiter=LimitedLimiter(limiter, shared))
