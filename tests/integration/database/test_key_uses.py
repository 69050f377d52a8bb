"""The last use of a key: written outside of the requests, at most once a minute, without a new index entry."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from service.api.framework.key_uses import KeyUses
from service.database.connection import Database
from service.database.users import key_uses
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.database.users import keys_of
from tests.support.deliveries.deliveries import add_user, open_pool

NOW = timedelta(0)


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_pool(database_url) as pool:
        yield pool


@pytest.fixture
async def key(database: Database) -> tuple[UUID, UUID]:
    """A user and the user's key."""
    user_id, _api_key = await add_user(database)
    (found,) = await keys_of(database, user_id)
    assert found.last_used_at is None
    return user_id, found.id


async def note(database: Database, key_id: UUID, ago: timedelta) -> None:
    async with database.connection() as connection:
        await key_uses.note(connection, {key_id: ago})


async def last_use(database: Database, user_id: UUID) -> datetime | None:
    (found,) = await keys_of(database, user_id)
    return found.last_used_at


async def test_a_use_is_written_with_its_time_unless_one_of_the_same_minute_is(
    database: Database, key: tuple[UUID, UUID]
) -> None:
    user_id, key_id = key

    await note(database, key_id, timedelta(hours=1))
    first = await last_use(database, user_id)
    assert first is not None
    assert timedelta(minutes=59) < datetime.now(UTC) - first < timedelta(minutes=61)
    for ago in (timedelta(hours=2), timedelta(minutes=59, seconds=30)):
        await note(database, key_id, ago)
    assert await last_use(database, user_id) == first
    await note(database, key_id, NOW)

    latest = await last_use(database, user_id)
    assert latest is not None
    assert latest > first


async def test_a_key_that_another_process_writes_is_not_waited_for(database: Database, key: tuple[UUID, UUID]) -> None:
    user_id, key_id = key
    async with database.transaction() as other:
        await other.execute("SELECT 1 FROM api_keys WHERE id = :id FOR UPDATE", {"id": key_id})

        # In a task of its own, which has a connection of its own.
        await asyncio.create_task(note(database, key_id, NOW))

    assert await last_use(database, user_id) is None


async def test_the_row_stays_on_its_page(database: Database, key: tuple[UUID, UUID]) -> None:
    _user_id, key_id = key
    counters = (
        "SELECT pg_stat_get_xact_tuples_updated(CAST('api_keys' AS regclass)) AS updated,"
        " pg_stat_get_xact_tuples_hot_updated(CAST('api_keys' AS regclass)) AS hot"
    )
    async with database.transaction() as connection:
        before = await connection.fetch_one(counters)
        await key_uses.note(connection, {key_id: NOW})
        after = await connection.fetch_one(counters)

    assert before is not None
    assert after is not None
    assert (after["updated"] - before["updated"], after["hot"] - before["hot"]) == (1, 1)


@pytest.fixture
async def statements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many keys each statement was about."""
    seen: list[int] = []
    real = key_uses.note

    async def counted(connection: object, used: dict[UUID, timedelta]) -> None:
        seen.append(len(used))
        await real(connection, used)  # type: ignore[arg-type]  # the connection of the pool

    monkeypatch.setattr(key_uses, "note", counted)
    return seen


async def test_many_requests_are_one_statement_which_a_stopping_process_still_makes(
    database: Database, key: tuple[UUID, UUID], statements: list[int]
) -> None:
    user_id, key_id = key
    other_user, _api_key = await add_user(database)
    (other,) = await keys_of(database, other_user)
    uses = KeyUses(database, delay=3600)

    for each in (key_id, other.id, key_id, key_id):
        uses.note(each)
    assert statements == []
    await uses.close()

    assert statements == [2]
    assert await last_use(database, user_id) is not None


async def test_a_database_that_is_away_fails_no_request(key: tuple[UUID, UUID], stack: Stack) -> None:
    _user_id, key_id = key
    async with open_pool(await create_database(stack, migrated=False)) as gone:
        await gone.disconnect()
        uses = KeyUses(gone, delay=0)

        uses.note(key_id)
        await uses.close()


async def test_keys_of_the_version_before_have_neither_label_nor_use(stack: Stack) -> None:
    url = await create_before(stack, "0021")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "WITH owner AS (INSERT INTO users (id, name, role) VALUES (gen_random_uuid(), 'old', 'user') RETURNING id)"
            " INSERT INTO api_keys (id, user_id, hash, hint)"
            " SELECT gen_random_uuid(), id, sha256('key'), 'abcd' FROM owner"
        )
        await migrate(url)
        found = await connection.fetchrow("SELECT hint, label, last_used_at FROM api_keys")
        await roll_back_to(url, "0021")

        assert tuple(found) == ("abcd", None, None)
        assert await connection.fetchval("SELECT count(*) FROM api_keys") == 1
        assert "0021.key_uses" in await migrate(url)
    finally:
        await connection.close()
