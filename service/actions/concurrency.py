"""Limits how many requests that start downloads use the database and Redis at the same time.

Firms request all their cases in one burst; without a limit, status requests would queue behind them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.database.connection import ACQUIRE_TIMEOUT


class Turns:
    """Download slots, given to requests in the order in which they arrive."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a download slot and hold it in the block, which must wait only for PostgreSQL and Redis.

        Raises `TimeoutError` after `ACQUIRE_TIMEOUT`, as if no database connection were free.
        """
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()
