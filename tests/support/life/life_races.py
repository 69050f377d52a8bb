"""Two steps at the same time, each stopped in the middle, so that their locks are taken in every order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from service.database.connection import Connection
from tests.support.life.life import Life

_LOCK = {
    "documents": "SELECT 1 FROM documents WHERE id = :id FOR UPDATE",
    "jobs": "SELECT 1 FROM jobs WHERE id = :id FOR UPDATE",
}


async def race(life: Life, held: tuple[str, UUID], *steps: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run steps while another session holds a row: each goes as far as it can, in this order, then the row is free.

    A deadlock is an error of the step that PostgreSQL chooses.
    """
    running: list[asyncio.Future[object]] = []
    async with _holding(life, held) as holder:
        for step in steps:
            running.append(asyncio.ensure_future(step()))
            await _until_all_wait(holder, running)
    await asyncio.wait(running)
    for each in running:
        each.result()


@asynccontextmanager
async def _holding(life: Life, held: tuple[str, UUID]) -> AsyncIterator[Connection]:
    table, row_id = held
    async with life.world.database.transaction() as connection:
        await connection.execute(_LOCK[table], {"id": row_id})
        yield connection


async def _until_all_wait(holder: Connection, running: list[asyncio.Future[object]]) -> None:
    """Wait until each step has ended or waits for a lock."""
    while await _waiting(holder) < sum(not each.done() for each in running):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.001)


async def _waiting(holder: Connection) -> int:
    # Not pg_stat_activity, which stays as it is until the end of a transaction.
    count: int = await holder.fetch_val("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    return count
