"""The pool when the server ends connections during statements."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.database.connection import UNREACHABLE, Connection, Database, create_database
from service.local.stack import Stack
from tests.conftest import create_database as create_empty

POOL = 4
LOCK = "SELECT 1 FROM pg_advisory_xact_lock(1)"
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


@pytest.mark.parametrize("state", ["53100", "53200", "53300", "53400", "58000", "58030", "28P01", "28000", "3D000"])
async def test_a_server_that_lacks_something_for_a_while_is_an_unreachable_one(database: Database, state: str) -> None:
    with pytest.raises(UNREACHABLE):
        async with database.transaction() as connection:
            await connection.raw_connection.execute(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")

    await expect_every_slot(database)


async def test_a_rollback_that_is_given_up_too_leaves_nothing_open_and_is_no_error_of_the_program(
    database: Database,
) -> None:
    said: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))

    async def wait() -> None:
        async with database.transaction() as connection:
            await connection.fetch_val(LOCK)

    async with database.transaction() as holder:
        await holder.fetch_val(LOCK)
        waiting = asyncio.create_task(wait())
        await until_a_session_waits(holder)
        # The first one starts a rollback, which the second one interrupts.
        waiting.cancel()
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await expect_every_slot(database)
    assert said == []


async def until_a_session_waits(connection: Connection) -> None:
    """Wait until a session waits for a lock."""
    waits = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE datname = current_database() AND NOT granted"
    )
    async with asyncio.timeout(30):
        while not await connection.fetch_val(waits):  # noqa: ASYNC110  (PostgreSQL sends no event)
            await asyncio.sleep(0.01)


async def expect_every_slot(database: Database) -> None:
    """All connections of the pool can be acquired at once."""
    together = asyncio.Barrier(POOL)

    async def take() -> None:
        async with database.connection() as connection:
            await connection.fetch_val("SELECT 1")
            await together.wait()

    async with asyncio.timeout(30):
        await asyncio.gather(*(take() for _ in range(POOL)))
