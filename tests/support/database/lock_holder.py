"""A process with the service's pool that is frozen in a transaction and holds locks that others wait for.

After SIGCONT it goes on, and exits with 0 if it found the database unreachable and lost no slot of its pool.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from service.database.cases import processes
from service.database.connection import UNREACHABLE, Connection, Database, create_database
from service.database.users import api_keys
from service.domain.process_number import ProcessNumber
from tests.support.processes import REPOSITORY

LARGE = "SELECT repeat('x', 1000000) FROM generate_series(1, 200)"  # far more than any socket holds
HOLDS = b"holds\n"
LOCKS = (
    "SELECT pg_advisory_xact_lock(hashtext('autos portal shares'))",
    "SELECT 1 FROM portal_shares FOR UPDATE",
    "SELECT 1 FROM portal_state FOR UPDATE",
)


@asynccontextmanager
async def frozen_holder(url: str, number: str, does: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A holder that is frozen when this returns.

    `does` is `idle` between two statements, `preparing` one, or `reading` a large result.
    """
    command = [sys.executable, "-m", __name__, url, number, does]
    holder = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY)
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == HOLDS
        yield holder
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()


async def _hold(url: str, number: str, does: str) -> bool:
    database = create_database(url, application_name="holder", max_size=1)
    await database.connect()
    try:
        await _stand_still(database, ProcessNumber(number), does)
    except UNREACHABLE:
        async with asyncio.timeout(30), database.connection() as connection:
            await connection.fetch_val("SELECT 1")
        return True
    finally:
        await database.close()
    return False


async def _stand_still(database: Database, number: ProcessNumber, does: str) -> None:
    async with database.transaction() as connection:
        await processes.add_unlisted(connection, number)
        await api_keys.lock_admins(connection)
        for lock in LOCKS:
            await connection.fetch_all(lock)
        asking = asyncio.ensure_future(await _question(connection, does))
        # Lets the statement be sent; nothing of the result is read.
        await asyncio.sleep(0)
        os.write(sys.stdout.fileno(), HOLDS)
        os.kill(os.getpid(), signal.SIGSTOP)
        await asking
        await connection.fetch_val("SELECT 1")


async def _question(connection: Connection, does: str) -> Awaitable[object]:
    if does == "preparing":
        return connection.fetch_all(LARGE)
    if does == "reading":
        prepared = await connection.raw_connection.prepare(LARGE)
        answer: Awaitable[object] = prepared.fetch()
        return answer
    return asyncio.sleep(0)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(_hold(*sys.argv[1:])) else 1)
