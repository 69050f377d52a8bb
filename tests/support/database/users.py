"""Users and keys, created and deleted without the API."""

from uuid import UUID

from service.database.connection import Database
from service.database.users import api_keys, users
from service.database.users.api_keys import KeyRow
from service.database.users.users import User
from service.domain.api_keys import key_hash, new_api_key


async def add_key(database: Database, user_id: UUID) -> tuple[UUID, str]:
    """Add a key to a user, and return its id and the key."""
    api_key = new_api_key()
    async with database.transaction() as connection:
        added = await api_keys.add(connection, user_id, api_key)
    assert added is not None
    return added.id, api_key


async def keys_of(database: Database, user_id: UUID) -> list[KeyRow]:
    """The user's keys that are not revoked."""
    async with database.connection() as connection:
        return await api_keys.page(connection, user_id, after=None, limit=200)


async def revoke(database: Database, key_id: UUID) -> bool:
    async with database.transaction() as connection:
        return await api_keys.revoke(connection, key_id)


async def delete(database: Database, user_id: UUID) -> bool:
    async with database.transaction() as connection:
        return await users.delete(connection, user_id)


async def owner(database: Database, api_key: str) -> User | None:
    """The user that a key belongs to."""
    async with database.connection() as connection:
        return await users.find_by_key_hash(connection, key_hash(api_key))
