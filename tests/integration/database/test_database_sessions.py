"""A frozen process or a read-only server stops the others only for a limited time."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from service.database.cases import processes
from service.database.connection import UNREACHABLE, Database, create_database
from service.database.sessions import KEEPALIVES, LIMITS
from service.database.users import api_keys
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database as create_empty
from tests.integration.database.test_database_connection import expect_every_slot
from tests.support.database.lock_holder import frozen_holder

POOL = 4
NUMBER = "00000013920248260100"
AT_ONCE = "SET idle_in_transaction_session_timeout = '10ms'"


@pytest.fixture
async def url(stack: Stack) -> str:
    return await create_empty(stack)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    pool = create_database(url, application_name="patient", max_size=POOL)
    await pool.connect()
    yield pool
    await pool.close()


async def test_every_session_has_the_limits(database: Database) -> None:
    wanted = {**LIMITS, **KEEPALIVES}
    async with database.connection() as connection:
        found = await connection.fetch_all(
            "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY(:names)",
            {"names": list(wanted)},
        )

    assert {row["name"]: row["value"] for row in found} == wanted


@pytest.mark.long
@pytest.mark.parametrize("does", ["idle", "preparing", "reading"])
async def test_the_locks_of_a_process_that_stands_still_are_free_in_time(
    url: str, database: Database, does: str
) -> None:
    async with frozen_holder(url, NUMBER, does) as holder:
        async with asyncio.timeout(30):
            await take_all_locks(database)
        holder.send_signal(signal.SIGCONT)
        assert await holder.wait() == 0


async def take_all_locks(database: Database) -> None:
    """Take all locks, again and again."""
    while True:
        try:
            async with database.transaction() as connection:
                await processes.lock(connection, ProcessNumber(NUMBER))
                return await api_keys.lock_admins(connection)
        except UNREACHABLE:
            continue


async def test_a_transaction_that_the_server_ended_is_an_unreachable_database_and_keeps_its_slot(
    database: Database,
) -> None:
    for _turn in range(2 * POOL):
        with pytest.raises(UNREACHABLE):
            await stand_still(database)

    await expect_every_slot(database)


async def stand_still(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.fetch_val("SELECT now()")
        await connection.execute(AT_ONCE)
        time.sleep(0.2)  # noqa: ASYNC251  (what the server says meanwhile is read together with the next answer)
        await connection.fetch_val("SELECT 1")


async def test_a_lock_that_is_not_had_in_time_is_an_unreachable_database(database: Database) -> None:
    async def wait_in_vain() -> None:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL lock_timeout = '10ms'")
            await api_keys.lock_admins(connection)

    async with database.transaction() as holder:
        await api_keys.lock_admins(holder)
        with pytest.raises(UNREACHABLE):
            await asyncio.create_task(wait_in_vain())

    await expect_every_slot(database)


async def test_a_server_that_takes_no_writes_is_unreachable_until_it_takes_some(database: Database, url: str) -> None:
    name = url.rpartition("/")[2]
    await expect_every_slot(database)
    async with administrator(url) as other:
        await other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patient'")
        await refused_as_read_only(database)
        with pytest.raises(UNREACHABLE):
            await database.ping()
        await other.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    # Only the first statement after it may still use an old session.
    with contextlib.suppress(*UNREACHABLE):
        await database.ping()
    await database.ping()
    await keep(database)
    await expect_every_slot(database)


async def refused_as_read_only(database: Database) -> None:
    """Write until the new sessions are used."""
    refusal: Exception | None = None
    while not isinstance(refusal, asyncpg.ReadOnlySQLTransactionError):
        with pytest.raises(UNREACHABLE) as refused:
            await keep(database)
        refusal = refused.value


async def keep(database: Database) -> None:
    async with database.transaction() as connection:
        await processes.add_unlisted(connection, ProcessNumber(NUMBER))


@asynccontextmanager
async def administrator(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    await connection.execute("SET default_transaction_read_only = off")
    yield connection
    await connection.close()
