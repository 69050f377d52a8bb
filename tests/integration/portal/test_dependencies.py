"""The state of portal and bucket is shared by all processes, and reporting it delays no caller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import pytest

from service.database import dependencies, schema
from service.database.connection import Database
from service.domain.dependencies import Dependency, Health
from service.health import dependency_notes
from service.health.dependency_notes import DependencyNotes
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool

STEP = "0026.dependencies"
PORTAL = Dependency.PORTAL


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with open_pool(await create_database(stack)) as pool:
        yield pool


async def look(database: Database) -> Health:
    async with database.connection() as connection:
        return (await dependencies.look(connection))[PORTAL]


async def until(database: Database, is_so: Callable[[Health], bool]) -> Health:
    async with asyncio.timeout(20):
        while not is_so(health := await look(database)):  # noqa: ASYNC110  (a write sends no event)
            await asyncio.sleep(0.01)
    return health


async def shift(database: Database, **columns: timedelta) -> None:
    """Move times into the past."""
    async with database.connection() as connection:
        for name, age in columns.items():
            await connection.execute(
                f"UPDATE dependencies SET {name} = now() - CAST(:age AS interval)",  # noqa: S608  (names of ours)
                {"age": age},
            )


async def test_what_was_never_asked_has_no_trouble(database: Database) -> None:
    assert await look(database) == Health(None, None, None, None, 0.0)


async def test_failures_last_from_the_first_to_the_last_without_a_success(database: Database) -> None:
    async with database.connection() as connection:
        await dependencies.note_failure(connection, PORTAL, "the first")
        await shift(database, failing_since=timedelta(minutes=2))
        once = await look(database)
        await dependencies.note_failure(connection, PORTAL, "the last")
        twice = await look(database)
        await dependencies.note_success(connection, PORTAL)
        well = await look(database)

    assert once.trouble is not None
    assert (twice.reason, twice.is_failing) == ("the last", True)
    assert twice.failing_seconds >= 120
    assert (well.trouble, well.failing_seconds, well.reason) == (None, 0.0, "the last")
    assert well.succeeded_at is not None


async def test_a_failure_that_nobody_has_met_for_long_says_nothing_of_the_present(database: Database) -> None:
    async with database.connection() as connection:
        await dependencies.note_failure(connection, PORTAL, "long ago")
        await shift(database, failing_since=timedelta(hours=2), failed_at=timedelta(hours=1))
        old = await look(database)
        await dependencies.note_failure(connection, PORTAL, "now")
        new = await look(database)

    assert (old.trouble, old.is_failing) == (None, False)
    assert (new.reason, new.is_failing) == ("now", False)


async def test_news_are_written_at_once_and_the_same_now_and_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = DependencyNotes(database)
    notes.failed(PORTAL, "status 503")
    first = await until(database, lambda health: health.reason == "status 503")
    notes.failed(PORTAL, "status 503")
    notes.failed(PORTAL, "status 502")
    await until(database, lambda health: health.reason == "status 502")
    notes.succeeded(PORTAL)
    await until(database, lambda health: health.failing_since is None)
    monkeypatch.setattr(dependency_notes, "NOTE_INTERVAL", 0.0)
    notes.failed(PORTAL, "status 502")
    again = await until(database, lambda health: health.failing_since is not None)
    await notes.close()

    assert first.failing_since is not None
    assert again.failing_since is not None
    assert again.failing_since > first.failing_since


async def test_what_lasts_is_in_the_log_once_a_minute_with_its_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = DependencyNotes(database)
    notes.failed(PORTAL, "status 503")
    assert "dependency_fails" not in capsys.readouterr().out
    clock = asyncio.get_running_loop().time
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock() + 61)
    for _ in range(3):
        notes.failed(PORTAL, "status 503")
    notes.succeeded(PORTAL)
    monkeypatch.undo()
    said = capsys.readouterr().out
    await notes.close()

    assert said.count("dependency_fails") == 1
    assert "status 503" in said
    assert said.count("dependency_works_again") == 1


async def test_a_database_that_is_away_holds_nobody_up(database: Database) -> None:
    notes = DependencyNotes(database)
    await database.disconnect()

    notes.failed(PORTAL, "status 503")
    notes.succeeded(PORTAL)
    await notes.close()
    await database.connect()

    assert (await look(database)).reason is None


async def test_the_migration_meets_a_database_of_the_version_before(stack: Stack) -> None:
    url = await create_before(stack, STEP)

    assert STEP in await migrate(url)
    connection = await asyncpg.connect(url)
    names = {row["name"] for row in await connection.fetch("SELECT name FROM dependencies")}
    await connection.execute((schema.DIRECTORY / f"{STEP}.sql").read_text())
    await connection.close()
    await roll_back_to(url, STEP)
    assert STEP in await migrate(url)

    assert names == set(Dependency)
