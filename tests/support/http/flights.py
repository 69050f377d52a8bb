"""The parts of API processes that fetch listings, with a portal that responds when the test says so."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from unittest.mock import AsyncMock
from uuid import UUID, uuid4

from service.actions.shared_listings import Asking, SharedListings
from service.database.connection import Database
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.portal.client import PortalClient
from service.portal.gate import Gate, Pass


@dataclass
class HeldPortal:
    """Returns no listing before `answer`."""

    asked: int = 0
    passes: list[Pass] = field(default_factory=list)
    _waiting: list["asyncio.Future[Listing]"] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def with_pass(self, passing: Pass) -> "HeldPortal":
        """For the requests of one user."""
        self.passes.append(passing)
        return self

    async def list_process(self, number: ProcessNumber, *, timeout: float) -> Listing:  # noqa: ARG002
        """As `PortalClient`."""
        self.asked += 1
        waiting: asyncio.Future[Listing] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._came.set()
        return await waiting

    async def came(self) -> None:
        """Wait for the next request."""
        await self._came.wait()
        self._came.clear()

    def answer(self, answer: Listing | Exception) -> None:
        """Respond to all requests."""
        for waiting in self._waiting:
            if not waiting.done() and isinstance(answer, Exception):
                waiting.set_exception(answer)
            elif not waiting.done() and isinstance(answer, Listing):
                waiting.set_result(answer)
        self._waiting.clear()


@dataclass
class ApiProcess:
    """One API process."""

    listings: SharedListings
    queue: AsyncMock

    def ask(
        self,
        number: ProcessNumber,
        *,
        forced: bool = False,
        timeout: float = 30,
        age: float = 0,
        user_id: UUID | None = None,
    ) -> "asyncio.Task[None]":
        """Handle a request that arrived `age` seconds ago."""
        asking = Asking(number, user_id or uuid4(), 0, time.perf_counter() - age, forced)
        return asyncio.ensure_future(self.listings.listed(asking, timeout=timeout))

    async def looked_at(self, number: ProcessNumber) -> None:
        """Wait until it fetches a listing, or has seen that another process does."""
        while getattr(self.listings._flights.get(number), "asked", None) is None:  # noqa: ASYNC110, SLF001
            await asyncio.sleep(0.01)


@asynccontextmanager
async def api_process(database: Database, portal: HeldPortal) -> AsyncIterator[ApiProcess]:
    """Open one. Several on one database share what processes share."""
    queue = AsyncMock()
    listings = SharedListings(database, cast("PortalClient", portal), Gate(2), queue, limited=database)
    try:
        yield ApiProcess(listings, queue)
    finally:
        await listings.close()
