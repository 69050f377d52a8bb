"""A list by time of change misses no case, in whatever order transactions begin, write and commit."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import yoyo

import service
from service.database import migrations, schema
from service.database.cases import process_lists, processes
from service.database.cases.process_lists import ProcessFilter
from service.database.connection import Connection, Database, PooledConnection, create_database
from service.database.horizon import horizon
from service.domain.positions import Position
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database as create_empty

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    pool = create_database(await create_empty(stack), application_name="tests", max_size=4)
    await pool.connect()
    yield pool
    await pool.close()


class Client:
    """Polls as the documentation says: to the end, and then from the last `updated_at`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.since = datetime.now(UTC)

    async def poll(self) -> list[str]:
        """The cases that the client got."""
        seen: list[str] = []
        after: Position[str] | None = None
        wanted = ProcessFilter(updated_since=self.since)
        while True:
            async with self._database.connection() as connection:
                rows = await process_lists.page(connection, wanted, after=after, limit=1)
            if not rows:
                return seen
            seen += [row.number for row in rows]
            self.since = rows[-1].updated_at
            after = Position(rows[-1].updated_at, rows[-1].number)


@pytest.fixture
def client(database: Database) -> Client:
    return Client(database)


@asynccontextmanager
async def writer(database: Database) -> AsyncIterator[Connection]:
    """A transaction on a connection of its own, concurrent with others of the test."""
    connection = PooledConnection(database, database._backend)  # noqa: SLF001  (databases gives a task one connection only)
    async with connection, connection.raw_connection.transaction():
        yield connection


async def change(connection: Connection, number: str) -> None:
    await processes.add_unlisted(connection, ProcessNumber.parse(number))


def digits(number: str) -> str:
    return ProcessNumber.parse(number).digits


async def test_what_began_earlier_and_commits_later_is_not_missed(
    database: Database, client: Client, supply: Iterator[str]
) -> None:
    early, late = next(supply), next(supply)
    async with writer(database) as first:
        await change(first, early)
        async with writer(database) as second:
            await change(second, late)
        seen = await client.poll()

    seen += await client.poll()

    assert seen == [digits(early), digits(late)]


async def test_what_began_earlier_and_writes_later_is_not_missed(
    database: Database, client: Client, supply: Iterator[str]
) -> None:
    early, late = next(supply), next(supply)
    async with writer(database) as first:
        await first.fetch_val("SELECT now()")
        async with writer(database) as second:
            await change(second, late)
        seen = await client.poll()
        # Nothing that the client could miss was written yet, so nothing is held back.
        assert seen == [digits(late)]
        await change(first, early)
        seen += await client.poll()

    seen += await client.poll()

    assert digits(early) in seen


async def test_a_change_that_waited_for_the_lock_of_its_case_is_not_missed(
    database: Database, client: Client, supply: Iterator[str]
) -> None:
    number, other = next(supply), next(supply)
    async with writer(database) as connection:
        await change(connection, number)
    async with writer(database) as waiting:
        await processes.lock(waiting, ProcessNumber.parse(number))
        async with writer(database) as connection:
            await change(connection, other)
        await client.poll()
        await processes.refresh_state(waiting, ProcessNumber.parse(number))

    assert digits(number) in await client.poll()


async def test_changes_of_the_same_moment_all_come(database: Database, client: Client, supply: Iterator[str]) -> None:
    numbers = sorted(digits(next(supply)) for _ in range(3))
    async with writer(database) as connection:
        moment = await connection.fetch_val("SELECT change_time()")
        await connection.execute(
            "INSERT INTO processes (number, updated_at) SELECT unnest(CAST(:numbers AS text[])), :moment",
            {"numbers": numbers, "moment": moment},
        )

    assert await client.poll() == numbers
    # From the last time on: cases may come again.
    assert await client.poll() == numbers


async def test_a_change_that_is_rolled_back_holds_nothing_back(
    database: Database, client: Client, supply: Iterator[str]
) -> None:
    refused, number = next(supply), next(supply)
    with contextlib.suppress(asyncpg.DivisionByZeroError):
        async with writer(database) as connection:
            await change(connection, refused)
            await connection.fetch_val("SELECT 1 / 0")
    async with writer(database) as connection:
        await change(connection, number)

    assert await client.poll() == [digits(number)]


async def test_the_horizon_is_seen_by_a_role_that_sees_no_other_sessions(
    database: Database, supply: Iterator[str]
) -> None:
    async with writer(database) as connection:
        await connection.execute("CREATE ROLE horizon_reader")
    async with writer(database) as first:
        begin = await first.fetch_val("SELECT now()")
        await change(first, next(supply))
        async with writer(database) as second:
            await second.execute("SET LOCAL ROLE horizon_reader")
            seen = await horizon(second)

    async with writer(database) as connection:
        await connection.execute("DROP ROLE horizon_reader")
    assert begin - MILLISECOND < seen <= begin


@pytest.mark.parametrize(
    "age", [timedelta(days=20), timedelta(hours=1), timedelta(0)], ids=["20 days", "an hour", "none"]
)
async def test_the_start_of_a_transaction_is_read_from_its_key(database: Database, age: timedelta) -> None:
    async with writer(database) as connection:
        begin: datetime = await connection.fetch_val("SELECT now()") - age
        await announce(connection, begin)
        seen = await horizon(connection)

    assert begin - MILLISECOND < seen <= begin


async def test_a_transaction_that_began_after_the_question_holds_nothing_back(database: Database) -> None:
    async with writer(database) as connection:
        now: datetime = await connection.fetch_val("SELECT clock_timestamp()")
        await announce(connection, now + timedelta(hours=1))

        assert now <= await horizon(connection) < now + timedelta(minutes=10)


async def announce(connection: Connection, begin: datetime) -> None:
    milliseconds = int(begin.timestamp() * 1000)
    key = milliseconds % 2**32 - 2**31
    await connection.fetch_val("SELECT pg_advisory_xact_lock_shared(1700, :key)", {"key": key})


async def test_a_new_case_and_each_change_have_the_time_of_the_statement(
    database: Database, supply: Iterator[str]
) -> None:
    number = next(supply)
    async with writer(database) as connection:
        moments = [await connection.fetch_val("SELECT now()")]
        for _ in range(2):
            await change(connection, number)
            overview: Any = await processes.overview(connection, ProcessNumber.parse(number), uuid4())
            moments.append(overview.process.updated_at)

    assert moments == sorted(set(moments))


async def test_the_migration_leaves_the_times_of_older_changes_as_they_are(stack: Stack, supply: Iterator[str]) -> None:
    url = await create_empty(stack)
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    step = yoyo.read_migrations(str(schema.DIRECTORY)).filter(lambda each: each.id == "0017.changes")
    backend.rollback_migrations(backend.to_rollback(step))
    connection = await asyncpg.connect(url)
    before = await connection.fetchval(
        "INSERT INTO processes (number) VALUES ($1) RETURNING updated_at", digits(next(supply))
    )

    assert migrations.apply(url) == ["0017.changes"]

    rows = "SELECT updated_at FROM processes"
    assert [row["updated_at"] for row in await connection.fetch(rows)] == [before]
    await connection.execute("INSERT INTO processes (number) VALUES ($1)", digits(next(supply)))
    assert before < await connection.fetchval("SELECT change_horizon()")
    await connection.close()
    backend.connection.close()


def test_every_statement_writes_the_time_of_a_change_by_the_one_function() -> None:
    sources = [path.read_text() for path in Path(service.__path__[0]).rglob("*.py")]
    written = [found for source in sources for found in re.findall(r"updated_at = (\S+?\))", source)]

    assert set(written) == {"change_time()"}
