"""Users and their signing secrets. The row of a deleted user stays, as the owner of earlier jobs and deliveries."""

import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.users import api_keys, deleted_users
from service.domain.positions import Position
from service.domain.users import Role

PREVIOUS_SECRETS = 5  # at most, that still sign beside the current one; each makes the signature header longer


class User(msgspec.Struct, frozen=True):
    """The owner of an API key."""

    id: UUID
    name: str
    role: Role
    key_id: UUID  #: of the key that was presented


class UserRow(msgspec.Struct, frozen=True):
    """A user as administrators see one."""

    id: UUID
    name: str
    role: Role
    created_at: datetime


class NameTaken(Exception):
    """Another user has this name."""


_USER_ROW = "SELECT id, name, role, created_at FROM users WHERE deleted_at IS NULL"


async def find_by_key_hash(connection: Connection, digest: bytes) -> User | None:
    """Return the owner of a key that is not revoked.

    The time of the index lookup reveals nothing about a random key. The hash is then compared in constant time.
    """
    row = await connection.fetch_one(
        "SELECT users.id, users.name, users.role, api_keys.id AS key_id, api_keys.hash"
        " FROM api_keys JOIN users ON users.id = api_keys.user_id"
        " WHERE api_keys.hash = :hash AND api_keys.revoked_at IS NULL AND users.deleted_at IS NULL",
        {"hash": digest},
    )
    return as_struct(row, User) if row is not None and hmac.compare_digest(row["hash"], digest) else None


async def find(connection: Connection, user_id: UUID) -> UserRow | None:
    """Return a user who is not deleted."""
    return as_optional(await connection.fetch_one(f"{_USER_ROW} AND id = :id", {"id": user_id}), UserRow)


async def find_by_name(connection: Connection, name: str) -> UserRow | None:
    """Return a user who is not deleted."""
    return as_optional(await connection.fetch_one(f"{_USER_ROW} AND name = :name", {"name": name}), UserRow)


async def page(connection: Connection, *, after: Position[UUID] | None, limit: int) -> list[UserRow]:
    """Return the users who are not deleted, newest first, starting after a position."""
    behind = "" if after is None else " AND (created_at, id) < (:moment, :after_key)"
    values = {} if after is None else {"moment": after.moment, "after_key": after.key}
    rows = await connection.fetch_all(
        f"{_USER_ROW}{behind} ORDER BY created_at DESC, id DESC LIMIT :limit", {**values, "limit": limit}
    )
    return [as_struct(row, UserRow) for row in rows]


async def live_keys(connection: Connection, hashes: Collection[bytes]) -> set[bytes]:
    """Return the hashes that belong to keys that are not revoked."""
    rows = await connection.fetch_all(
        "SELECT hash FROM api_keys WHERE hash = ANY(:hashes) AND revoked_at IS NULL", {"hashes": list(hashes)}
    )
    return {row["hash"] for row in rows}


async def create(
    connection: Connection, *, name: str, role: Role, api_key: str, secret: str, key_label: str | None = None
) -> UUID:
    """Add a user with one key and one signing secret, in a transaction. Raises `NameTaken`."""
    user_id = uuid4()
    try:
        await connection.execute(
            "INSERT INTO users (id, name, role) VALUES (:id, :name, :role)",
            {"id": user_id, "name": name, "role": role},
        )
    except asyncpg.UniqueViolationError:
        raise NameTaken from None
    await api_keys.add(connection, user_id, api_key, label=key_label)
    await _add_secret(connection, user_id, secret)
    return user_id


async def delete(connection: Connection, user_id: UUID) -> bool:
    """Delete a user, at once in all processes. False: there is no such user. Raises `LastAdmin`. Needs a transaction.

    Jobs go on, since other users may wait for the same case. Deliveries end: a webhook contains links to documents.
    """
    await api_keys.lock_admins(connection)
    role = await connection.fetch_val(
        "UPDATE users SET deleted_at = now() WHERE id = :id AND deleted_at IS NULL RETURNING role", {"id": user_id}
    )
    if role is None:
        return False
    await api_keys.revoke_all(connection, user_id)
    if role == "admin":
        await api_keys.check_admin_is_left(connection)
    await connection.execute("DELETE FROM signing_secrets WHERE user_id = :user_id", {"user_id": user_id})
    # Their cases' checks end with the next one, if no other user watches them.
    await connection.execute("DELETE FROM monitors WHERE user_id = :user_id", {"user_id": user_id})
    await deleted_users.end_deliveries(connection, user_id)
    # After the deliveries: an attempt that is recorded locks its delivery first too.
    await connection.execute("DELETE FROM webhook_endpoints WHERE user_id = :user_id", {"user_id": user_id})
    return True


async def hold(connection: Connection, user_id: UUID, *, alone: bool = False) -> bool:
    """Keep a user from being deleted until this transaction ends. False: there is no such user.

    `alone`: also wait for other transactions that hold the user alone.
    """
    strength = "NO KEY UPDATE" if alone else "SHARE"
    return (
        await connection.fetch_one(
            f"SELECT 1 FROM users WHERE id = :id AND deleted_at IS NULL FOR {strength}", {"id": user_id}
        )
        is not None
    )


async def create_first_admin(connection: Connection, *, api_key: str, secret: str) -> bool:
    """Create the user `admin` if there is no administrator. Returns whether it did. Safe to run in many processes."""
    await api_keys.lock_admins(connection)
    if await connection.fetch_val("SELECT 1 FROM users WHERE role = 'admin' AND deleted_at IS NULL LIMIT 1"):
        return False
    await create(connection, name="admin", role="admin", api_key=api_key, secret=secret)
    return True


async def signing_secrets(connection: Connection, user_id: UUID) -> list[str]:
    """Return the secrets that sign for a user now, the current one first."""
    return [each.secret for each in await live_secrets(connection, user_id)]


class SigningSecret(msgspec.Struct, frozen=True):
    """A valid signing secret. `expires_at` is None for the current one."""

    secret: str
    expires_at: datetime | None


async def live_secrets(connection: Connection, user_id: UUID) -> list[SigningSecret]:
    """Return the secrets that sign for a user now, the current one first; it does not expire."""
    rows = await connection.fetch_all(
        "SELECT secret, expires_at FROM signing_secrets WHERE user_id = :user_id"
        " AND coalesce(expires_at > now(), true) ORDER BY expires_at DESC NULLS FIRST, created_at DESC",
        {"user_id": user_id},
    )
    return [as_struct(row, SigningSecret) for row in rows]


async def rotate_secret(connection: Connection, user_id: UUID, secret: str, *, grace: timedelta) -> None:
    """Add a new secret; the current one signs for `grace` more. Needs a transaction. Rotations wait for each other."""
    query = "SELECT 1 FROM users WHERE id = :id AND deleted_at IS NULL FOR UPDATE"
    if await connection.fetch_one(query, {"id": user_id}) is None:
        return
    await connection.execute(
        "UPDATE signing_secrets SET expires_at = now() + :grace WHERE user_id = :user_id AND expires_at IS NULL",
        {"user_id": user_id, "grace": grace},
    )
    await connection.execute(
        "DELETE FROM signing_secrets WHERE user_id = :user_id AND (expires_at <= now() OR id NOT IN"
        " (SELECT id FROM signing_secrets WHERE user_id = :user_id ORDER BY expires_at DESC LIMIT :kept))",
        {"user_id": user_id, "kept": PREVIOUS_SECRETS},
    )
    await _add_secret(connection, user_id, secret)


async def _add_secret(connection: Connection, user_id: UUID, secret: str) -> None:
    await connection.execute(
        "INSERT INTO signing_secrets (id, user_id, secret) VALUES (:id, :user_id, :secret)",
        {"id": uuid4(), "user_id": user_id, "secret": secret},
    )
