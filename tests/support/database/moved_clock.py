"""A database whose clock a test moves: `now()` and `clock_timestamp()` are functions of the test's own schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from service.database.connection import Connection
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import name_of, open_pool

_NOW = "$$ SELECT CAST(current_setting('clock.now') AS timestamptz) $$"
_CLOCK = (
    "CREATE SCHEMA clock",
    f"CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS {_NOW}",
    "CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT clock.now()'",
)


class MovedClock:
    """One connection, and the time that it sees."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now

    async def move(self, moment: datetime) -> None:
        """Set the time of the statements that follow."""
        self.now = moment
        await self.connection.execute("SELECT set_config('clock.now', :now, false)", {"now": moment.isoformat()})


@asynccontextmanager
async def moved_clock(stack: Stack, start: datetime) -> AsyncIterator[MovedClock]:
    """A new database whose clock stands at `start`."""
    url = await create_database(stack)
    async with open_pool(url, size=1) as database, database.connection() as connection:
        for statement in _CLOCK:
            await connection.execute(statement)
        name = await name_of(database)
        # Looked up before `pg_catalog`, whose functions have the same names.
        await connection.execute(f'ALTER DATABASE "{name}" SET search_path = clock, public, pg_catalog')
    async with open_pool(url, size=1) as database, database.connection() as connection:
        clock = MovedClock(connection, start)
        await clock.move(start)
        yield clock
