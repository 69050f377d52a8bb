"""Users and keys in the database: listed, added, deleted, and always with an administrator."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.database.connection import Database
from service.database.users import api_keys, users
from service.domain.api_keys import new_api_key
from service.domain.positions import Position
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database
from tests.support.database.users import add_key, delete, keys_of, owner, revoke
from tests.support.deliveries.deliveries import add_user, open_pool


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_pool(database_url) as pool:
        yield pool


@pytest.fixture
async def empty(stack: Stack) -> AsyncIterator[Database]:
    """A database without users, so that a test decides who is an administrator."""
    async with open_pool(await create_database(stack)) as pool:
        yield pool


async def create(database: Database, name: str) -> UUID:
    async with database.transaction() as connection:
        return await users.create(connection, name=name, role="user", api_key=new_api_key(), secret=new_secret())


async def listed(database: Database, *, after: Position[UUID] | None = None, limit: int = 200) -> list[users.UserRow]:
    async with database.connection() as connection:
        return await users.page(connection, after=after, limit=limit)


async def waits(task: "asyncio.Task[bool]") -> bool:
    """True if a task waits for another transaction."""
    done, _pending = await asyncio.wait([task], timeout=0.3)
    return not done


async def test_pages_of_users_are_stable_while_users_are_added(empty: Database) -> None:
    ids = [(await add_user(empty))[0] for _ in range(5)]
    first = await listed(empty, limit=2)

    await add_user(empty)
    second = await listed(empty, after=Position(first[-1].created_at, first[-1].id), limit=2)
    third = await listed(empty, after=Position(second[-1].created_at, second[-1].id), limit=2)

    assert [each.id for each in (*first, *second, *third)] == ids[::-1]


async def test_a_name_belongs_to_one_user_until_that_one_is_deleted(database: Database) -> None:
    name = f"Cartório {uuid4()}"
    first = await create(database, name)

    with pytest.raises(users.NameTaken):
        await create(database, name)
    assert await delete(database, first)
    second = await create(database, name)

    async with database.connection() as connection:
        found = await users.find_by_name(connection, name)
    assert found is not None
    assert found.id == second != first


async def test_a_deleted_user_is_let_in_with_no_key_and_listed_no_more(database: Database) -> None:
    user_id, first_key = await add_user(database)
    _key_id, second_key = await add_key(database, user_id)

    assert await delete(database, user_id)

    assert await keys_of(database, user_id) == []
    async with database.connection() as connection:
        # Not even if a key was overlooked.
        await connection.execute("UPDATE api_keys SET revoked_at = NULL WHERE user_id = :id", {"id": user_id})
    assert [await owner(database, each) for each in (first_key, second_key)] == [None, None]
    assert user_id not in [each.id for each in await listed(database)]
    async with database.transaction() as connection:
        assert await users.find(connection, user_id) is None
        assert await api_keys.add(connection, user_id, new_api_key()) is None
    assert not await delete(database, user_id)


async def test_a_deleted_user_has_no_signing_secret_and_gets_none(database: Database) -> None:
    user_id, _key = await add_user(database)
    await delete(database, user_id)

    async with database.transaction() as connection:
        await users.rotate_secret(connection, user_id, new_secret(), grace=timedelta(hours=1))
        left = await connection.fetch_all("SELECT 1 FROM signing_secrets WHERE user_id = :id", {"id": user_id})

    assert left == []


async def test_several_keys_live_at_once_and_each_ends_alone(database: Database) -> None:
    user_id, first_key = await add_user(database)
    _second_id, second_key = await add_key(database, user_id)
    newest, oldest = await keys_of(database, user_id)

    assert await revoke(database, oldest.id)

    assert await owner(database, first_key) is None
    found = await owner(database, second_key)
    assert found is not None
    assert found.id == user_id
    assert await keys_of(database, user_id) == [newest]
    assert not await revoke(database, oldest.id)


async def test_pages_of_keys_are_stable_while_keys_are_added(database: Database) -> None:
    user_id, _key = await add_user(database)
    for _ in range(3):
        await add_key(database, user_id)
    everything = await keys_of(database, user_id)

    async with database.connection() as connection:
        first = await api_keys.page(connection, user_id, after=None, limit=2)
        await add_key(database, user_id)
        rest = await api_keys.page(connection, user_id, after=Position(first[-1].created_at, first[-1].id), limit=9)

    assert [*first, *rest] == everything


async def test_a_key_is_kept_as_a_hash_and_four_characters(database: Database) -> None:
    user_id, api_key = await add_user(database)

    (kept,) = await keys_of(database, user_id)
    async with database.connection() as connection:
        row = await connection.fetch_one(
            "SELECT hash, CAST(row_to_json(api_keys) AS text) AS everything FROM api_keys WHERE id = :id",
            {"id": kept.id},
        )

    assert row is not None
    assert kept.hint == api_key[-4:]
    assert len(row["hash"]) == 32
    assert api_key.removeprefix("autos_")[:-4] not in row["everything"]


async def test_the_key_of_another_user_is_not_there_to_be_revoked(database: Database) -> None:
    user_id, api_key = await add_user(database)
    other_id, _key = await add_user(database)
    (kept,) = await keys_of(database, user_id)

    async with database.transaction() as connection:
        assert not await api_keys.revoke(connection, kept.id, user_id=other_id)

    assert await owner(database, api_key) is not None


async def test_a_user_has_so_many_keys_and_not_one_more_whoever_asks_at_once(database: Database) -> None:
    user_id, _key = await add_user(database)

    added = await asyncio.gather(
        *(add_key(database, user_id) for _ in range(api_keys.KEYS_MAX + 3)), return_exceptions=True
    )

    assert len([each for each in added if isinstance(each, api_keys.TooManyKeys)]) == 4
    assert len(await keys_of(database, user_id)) == api_keys.KEYS_MAX


async def test_the_last_administrator_stays(empty: Database) -> None:
    admin_id, api_key = await add_user(empty, role="admin")
    await add_user(empty)

    with pytest.raises(api_keys.LastAdmin):
        await delete(empty, admin_id)

    assert await owner(empty, api_key) is not None
    assert len(await listed(empty)) == 2


async def test_the_last_key_of_the_last_administrator_stays(empty: Database) -> None:
    admin_id, first_key = await add_user(empty, role="admin")
    (first,) = await keys_of(empty, admin_id)
    user_id, _key = await add_user(empty)
    (of_user,) = await keys_of(empty, user_id)

    with pytest.raises(api_keys.LastAdmin):
        await revoke(empty, first.id)
    assert await owner(empty, first_key) is not None
    await add_key(empty, admin_id)

    assert await revoke(empty, first.id)
    assert await revoke(empty, of_user.id)


async def test_an_administrator_without_a_key_counts_for_nothing(empty: Database) -> None:
    first_id, _first_key = await add_user(empty, role="admin")
    second_id, _second_key = await add_user(empty, role="admin")
    (of_first,) = await keys_of(empty, first_id)
    await revoke(empty, of_first.id)

    with pytest.raises(api_keys.LastAdmin):
        await delete(empty, second_id)

    assert await delete(empty, first_id)


async def test_of_two_administrators_deleted_at_once_one_stays(empty: Database) -> None:
    (first_id, _), (second_id, second_key) = [await add_user(empty, role="admin") for _ in range(2)]
    async with empty.transaction() as connection:
        await users.delete(connection, first_id)
        second = asyncio.create_task(delete(empty, second_id))
        assert await waits(second)

    with pytest.raises(api_keys.LastAdmin):
        await second
    assert await owner(empty, second_key) is not None


async def test_of_the_last_two_keys_revoked_at_once_one_stays(empty: Database) -> None:
    admin_id, first_key = await add_user(empty, role="admin")
    second_id, _second_key = await add_key(empty, admin_id)
    (first_id,) = [each.id for each in await keys_of(empty, admin_id) if each.id != second_id]
    async with empty.transaction() as connection:
        await api_keys.revoke(connection, second_id)
        first = asyncio.create_task(revoke(empty, first_id))
        assert await waits(first)

    with pytest.raises(api_keys.LastAdmin):
        await first
    assert await owner(empty, first_key) is not None


async def test_a_key_cannot_be_added_to_a_user_who_is_being_deleted(database: Database) -> None:
    user_id, _key = await add_user(database)
    api_key = new_api_key()

    async def add() -> bool:
        async with database.transaction() as connection:
            return await api_keys.add(connection, user_id, api_key) is not None

    async with database.transaction() as connection:
        await users.delete(connection, user_id)
        adding = asyncio.create_task(add())
        assert await waits(adding)

    assert not await adding
    assert await owner(database, api_key) is None


async def test_a_deleted_administrator_does_not_come_back_with_the_next_start(empty: Database) -> None:
    async def start(api_key: str) -> bool:
        async with empty.transaction() as connection:
            return await users.create_first_admin(connection, api_key=api_key, secret=new_secret())

    configured = new_api_key()
    assert await start(configured)
    (admin,) = await listed(empty)
    await add_user(empty, role="admin")
    await delete(empty, admin.id)

    assert not await start(configured)

    assert await owner(empty, configured) is None
