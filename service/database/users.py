"""Users, their API keys (hashed) and their signing secrets."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_optional, as_struct

Role = Literal["admin", "user"]
PREVIOUS_SECRETS = 5  # that sign beside the current one at most; each makes the signature header longer


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


async def live_keys(connection: Connection, hashes: Collection[bytes]) -> set[bytes]:
    """Those of some keys, given and answered as hashes, that still speak for somebody."""
    rows = await connection.fetch_all(
        "SELECT hash FROM api_keys WHERE hash = ANY(:hashes) AND revoked_at IS NULL", {"hashes": list(hashes)}
    )
    return {row["hash"] for row in rows}


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
    return [each.secret for each in await live_secrets(connection, user_id)]


class SigningSecret(msgspec.Struct, frozen=True):
    """A secret that signs, until it expires where that was decided."""

    secret: str
    expires_at: datetime | None


async def live_secrets(connection: Connection, user_id: UUID) -> list[SigningSecret]:
    """What signs for a user now, the current one first, which does not expire."""
    rows = await connection.fetch_all(
        "SELECT secret, expires_at FROM signing_secrets WHERE user_id = :user_id"
        " AND coalesce(expires_at > now(), true) ORDER BY expires_at DESC NULLS FIRST, created_at DESC",
        {"user_id": user_id},
    )
    return [as_struct(row, SigningSecret) for row in rows]


async def rotate_secret(connection: Connection, user_id: UUID, secret: str, *, grace: timedelta) -> None:
    """Sign with a new secret, and for a while with those before it. Needs a transaction; rotations take turns."""
    await connection.execute("SELECT 1 FROM users WHERE id = :id FOR UPDATE", {"id": user_id})
    await connection.execute(
        "UPDATE signing_secrets SET expires_at = now() + :grace WHERE user_id = :user_id AND expires_at IS NULL",
        {"user_id": user_id, "grace": grace},
    )
    await connection.execute(
        "DELETE FROM signing_secrets WHERE user_id = :user_id AND (expires_at <= now() OR id NOT IN"
        " (SELECT id FROM signing_secrets WHERE user_id = :user_id ORDER BY expires_at DESC LIMIT :kept))",
        {"user_id": user_id, "kept": PREVIOUS_SECRETS},
    )
    await connection.execute(
        "INSERT INTO signing_secrets (id, user_id, secret) VALUES (:id, :user_id, :secret)",
        {"id": uuid4(), "user_id": user_id, "secret": secret},
    )
