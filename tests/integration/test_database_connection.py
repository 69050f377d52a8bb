"""The pool when the server ends connections in the middle of what is asked of them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.database.connection import UNREACHABLE, Database, create_database
from service.local.stack import Stack
from tests.conftest import create_database as create_empty

POOL = 4
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pool under attack'"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = create_database(await create_empty(stack), application_name="pool under attack", max_size=POOL)
    await pool.connect()
    yield pool
    await pool.close()


async def test_a_connection_that_is_lost_in_the_middle_is_always_an_unreachable_database(
    database: Database, stack: Stack
) -> None:
    attacker = await asyncpg.connect(stack.endpoints.database_url)
    failures = 0
    is_over = False

    async def ask() -> None:
        nonlocal failures
        while not is_over:
            try:
                async with database.transaction() as connection:
                    await connection.fetch_val("SELECT count(*) FROM jobs")
            except UNREACHABLE:
                failures += 1

    asking = [asyncio.create_task(ask()) for _ in range(2 * POOL)]
    for _turn in range(100):
        await attacker.fetch(TERMINATE)
        await asyncio.sleep(0.02)
    is_over = True
    await asyncio.gather(*asking)
    await attacker.close()

    assert failures > 0
    await expect_every_slot(database)


async def expect_every_slot(database: Database) -> None:
    """As many can be had at once as the pool holds."""
    together = asyncio.Barrier(POOL)

    async def take() -> None:
        async with database.connection() as connection:
            await connection.fetch_val("SELECT 1")
            await together.wait()

    async with asyncio.timeout(30):
        await asyncio.gather(*(take() for _ in range(POOL)))
