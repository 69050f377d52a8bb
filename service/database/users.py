"""Users, their API keys (hashed) and their signing secrets."""

import hashlib
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_optional

Role = Literal["admin", "user"]


class User(msgspec.Struct, frozen=True):
    """Somebody with an API key."""

    id: UUID
    name: str
    role: Role


def key_hash(api_key: str) -> bytes:
    """What the database keeps of a key."""
    return hashlib.sha256(api_key.encode()).digest()


async def find_by_key(connection: Connection, api_key: str) -> User | None:
    """The owner of a key that was not revoked."""
    row = await connection.fetch_one(
        "SELECT users.id, users.name, users.role FROM api_keys JOIN users ON users.id = api_keys.user_id"
        " WHERE api_keys.hash = :hash AND api_keys.revoked_at IS NULL",
        {"hash": key_hash(api_key)},
    )
    return as_optional(row, User)


async def create(connection: Connection, *, name: str, role: Role, api_key: str, secret: str) -> UUID:
    """Add a user with one key and one signing secret. Raises asyncpg's UniqueViolationError on a taken name."""
    user_id = uuid4()
    await connection.execute(
        "INSERT INTO users (id, name, role) VALUES (:id, :name, :role)",
        {"id": user_id, "name": name, "role": role},
    )
    await add_key(connection, user_id, api_key)
    await connection.execute(
        "INSERT INTO signing_secrets (id, user_id, secret) VALUES (:id, :user_id, :secret)",
        {"id": uuid4(), "user_id": user_id, "secret": secret},
    )
    return user_id


async def add_key(connection: Connection, user_id: UUID, api_key: str) -> None:
    """Let a key speak for a user. A key that already does is left as it is."""
    await connection.execute(
        "INSERT INTO api_keys (id, user_id, hash) VALUES (:id, :user_id, :hash) ON CONFLICT (hash) DO NOTHING",
        {"id": uuid4(), "user_id": user_id, "hash": key_hash(api_key)},
    )


async def create_first_admin(connection: Connection, *, api_key: str, secret: str) -> bool:
    """Make the user `admin` where there is no admin yet; says whether it did. Safe to run in many processes."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('autos first admin'))")
    if await connection.fetch_val("SELECT 1 FROM users WHERE role = 'admin' LIMIT 1"):
        return False
    await create(connection, name="admin", role="admin", api_key=api_key, secret=secret)
    return True


async def signing_secrets(connection: Connection, user_id: UUID) -> list[str]:
    """The secrets that sign for a user now, the current one first."""
    rows = await connection.fetch_all(
        "SELECT secret FROM signing_secrets WHERE user_id = :user_id AND coalesce(expires_at > now(), true)"
        " ORDER BY created_at DESC",
        {"user_id": user_id},
    )
    return [row["secret"] for row in rows]
