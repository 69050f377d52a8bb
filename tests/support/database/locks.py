"""Transactions that stay open while others wait for their locks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from service.database.connection import Connection
from tests.support.database.case_steps import CaseSteps


@asynccontextmanager
async def holding(steps: CaseSteps, step: Callable[[Connection], Awaitable[object]]) -> AsyncIterator[None]:
    """Hold the locks of a step during the block, then commit it."""
    done, release = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await step(connection)
        done.set()
        await release.wait()

    held = asyncio.create_task(steps.run(hold))
    await done.wait()
    try:
        yield
    finally:
        release.set()
        await held


async def until_somebody_waits(steps: CaseSteps) -> None:
    """Wait until a session waits for a lock."""
    async with asyncio.timeout(30):
        while not await steps.fetch(  # noqa: ASYNC110  (PostgreSQL sends no event)
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND :number <> ''"
        ):
            await asyncio.sleep(0.01)
