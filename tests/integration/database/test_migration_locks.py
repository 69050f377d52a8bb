"""A migration that waits for a lock blocks other sessions for seconds at most, and says what to do if it times out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.database import migrations
from service.database.migrations import MigrationError
from service.local.stack import Stack
from tests.conftest import create_database

COLUMN = "0001.column"
INDEX = "0002.index"
FILES = {
    COLUMN: "ALTER TABLE things ADD COLUMN color text;",
    # The comment is about another statement: this one stops others.
    "0001b.constraint": (
        "-- Not CONCURRENTLY.\n-- transactional: false\n"
        "ALTER TABLE things DROP CONSTRAINT IF EXISTS positive;\n"
        "ALTER TABLE things ADD CONSTRAINT positive CHECK (id > 0);"
    ),
    INDEX: (
        "-- transactional: false\nDROP INDEX CONCURRENTLY IF EXISTS things_by_id;\n"
        "CREATE INDEX CONCURRENTLY things_by_id ON things (id);"
    ),
}
WAIT = 200  # milliseconds
WAITS = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
    " AND application_name = 'autos migrate' AND datname = current_database()"
    " AND waitstart <= clock_timestamp() - $1 * interval '1 millisecond'"
)


@pytest.fixture
async def url(stack: Stack) -> str:
    return await create_database(stack, migrated=False)


@pytest.fixture
async def connections(url: str) -> AsyncIterator[Sequence[Any]]:
    """Two, to a database with a table."""
    opened = [await asyncpg.connect(url, server_settings={"application_name": "a report"}) for _ in range(2)]
    await opened[0].execute("CREATE TABLE things (id integer); INSERT INTO things VALUES (1)")
    yield opened
    for each in opened:
        await each.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Migrations of their own, and short waits."""
    for name, statements in FILES.items():
        (tmp_path / f"{name}.sql").write_text(statements)
    monkeypatch.setattr(migrations, "DIRECTORY", tmp_path)
    monkeypatch.setattr(migrations, "TABLE_LOCK_WAIT", WAIT)
    monkeypatch.setattr(migrations, "TRY_PAUSE", 0.05)


async def migrate(url: str) -> list[str]:
    return await asyncio.to_thread(migrations.apply, url)


async def until_it_waits(connection: Any, milliseconds: int) -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval(WAITS, milliseconds):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.01)


async def test_a_lock_that_is_never_free_ends_in_one_line_that_says_what_to_do(
    url: str, connections: Sequence[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "TRIES_FOR", 0.5)
    holder, other = connections
    async with holder.transaction():
        await holder.fetch("SELECT * FROM things")
        with pytest.raises(MigrationError) as caught:
            await migrate(url)
        assert await other.fetch("SELECT * FROM things")
        pid = await holder.fetchval("SELECT pg_backend_pid()")

    message = str(caught.value)
    assert message.startswith(f"{COLUMN} got no lock within ")
    assert f"the oldest is that of a report, pid {pid}, open for " in message
    assert message.endswith("End that one, or wait for it, and run this again")
    assert "\n" not in message
    assert await migrate(url) == list(FILES)


@pytest.mark.parametrize("names", [list(FILES), ["0001b.constraint"]])
async def test_others_go_on_while_a_migration_gets_no_lock(
    url: str, connections: Sequence[Any], tmp_path: Path, names: list[str]
) -> None:
    for left_out in FILES.keys() - set(names):
        (tmp_path / f"{left_out}.sql").unlink()
    holder, other = connections
    async with holder.transaction():
        await holder.fetch("SELECT * FROM things")
        migrating = asyncio.create_task(migrate(url))
        for _ in range(3):
            await until_it_waits(other, 0)
            # It waits behind the migration, which waits for a transaction that does not end.
            async with asyncio.timeout(30):
                assert await other.fetch("SELECT * FROM things")
    assert await migrating == names


async def test_an_index_that_is_built_beside_the_others_waits_for_as_long_as_it_takes(
    url: str, connections: Sequence[Any], tmp_path: Path
) -> None:
    for left_out in FILES.keys() - {INDEX}:
        (tmp_path / f"{left_out}.sql").unlink()
    holder, other = connections
    async with holder.transaction():
        await holder.execute("INSERT INTO things VALUES (2)")
        migrating = asyncio.create_task(migrate(url))
        await until_it_waits(other, 3 * WAIT)
        await other.execute("INSERT INTO things VALUES (3)")

    assert await migrating == [INDEX]
    assert await other.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = CAST('things_by_id' AS regclass)")
