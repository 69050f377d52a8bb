"""How many requests this process may have open at the portal, and whether it has to hold its breath."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Admits at most `limit` requests at a time, and none while the portal asked for a pause."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._resume_at = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for a place, then hold it."""
        await self._enter()
        try:
            yield
        finally:
            self.in_flight -= 1
            await asyncio.shield(self._wake())

    async def set_limit(self, limit: int) -> None:
        """Change the number of places; requests in flight beyond it are left to end."""
        self.limit = limit
        await self._wake()

    def pause(self, seconds: float) -> None:
        """Admit nobody for a while; a longer pause that is already on stays."""
        self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + seconds)

    async def _enter(self) -> None:
        async with self._changed:
            while True:
                await self._changed.wait_for(lambda: self.in_flight < self.limit)
                delay = self._resume_at - asyncio.get_running_loop().time()
                if delay <= 0:
                    break
                await self._sleep(delay)
            self.in_flight += 1

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
