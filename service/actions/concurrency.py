"""What starts downloads comes in crowds: a firm asks for all of its cases at once. A few of them at a time are let
at the database and at Redis, so that the answers to everybody else, who follow their cases, do not wait behind them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.database.connection import ACQUIRE_TIMEOUT


class Turns:
    """So many requests of a crowd at a time, in the order in which they came."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn and have it for the block, in which nobody else is waited for but PostgreSQL and Redis.

        Raises `TimeoutError` after as long as one would wait for a connection, and is answered like that.
        """
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()
