"""API keys: add, list and revoke. Of a key itself, only its hash and its last characters are stored."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.domain.api_keys import key_hash, key_hint
from service.domain.positions import Position

KEYS_MAX = 20  # valid keys of one user: each has its own rate limit


class KeyRow(msgspec.Struct, frozen=True):
    """A key that was not revoked."""

    id: UUID
    hint: str | None  #: its last characters; None for keys that are older than the column
    label: str | None  #: what its owner calls it
    created_at: datetime
    last_used_at: datetime | None  #: to about a minute


class LastAdmin(Exception):
    """No administrator with a valid key would be left."""


class TooManyKeys(Exception):
    """The user has `KEYS_MAX` keys already."""


_KEY_ROW = "id, hint, label, created_at, last_used_at"


async def add(connection: Connection, user_id: UUID, api_key: str, *, label: str | None = None) -> KeyRow | None:
    """Add an API key to a user's existing keys. None: there is no such user. Raises `TooManyKeys`.

    Needs a transaction.
    """
    # The lock keeps keys from being added to a user who is being deleted, or beyond the limit.
    if not await connection.fetch_one(
        "SELECT 1 FROM users WHERE id = :id AND deleted_at IS NULL FOR NO KEY UPDATE", {"id": user_id}
    ):
        return None
    query = "SELECT count(*) FROM api_keys WHERE user_id = :user_id AND revoked_at IS NULL"
    if await connection.fetch_val(query, {"user_id": user_id}) >= KEYS_MAX:
        raise TooManyKeys
    row = await connection.fetch_one(
        "INSERT INTO api_keys (id, user_id, hash, hint, label) VALUES (:id, :user_id, :hash, :hint, :label)"
        f" RETURNING {_KEY_ROW}",
        {"id": uuid4(), "user_id": user_id, "hash": key_hash(api_key), "hint": key_hint(api_key), "label": label},
    )
    return as_optional(row, KeyRow)


async def hash_of(connection: Connection, key_id: UUID) -> bytes | None:
    """Return the hash of a key that is not revoked."""
    digest: bytes | None = await connection.fetch_val(
        "SELECT hash FROM api_keys WHERE id = :id AND revoked_at IS NULL", {"id": key_id}
    )
    return digest


async def page(connection: Connection, user_id: UUID, *, after: Position[UUID] | None, limit: int) -> list[KeyRow]:
    """Return the keys of a user that are not revoked, newest first, starting after a position."""
    behind = "" if after is None else " AND (created_at, id) < (:moment, :after_key)"
    values = {} if after is None else {"moment": after.moment, "after_key": after.key}
    rows = await connection.fetch_all(
        f"SELECT {_KEY_ROW} FROM api_keys WHERE user_id = :user_id AND revoked_at IS NULL{behind}"
        " ORDER BY created_at DESC, id DESC LIMIT :limit",
        {**values, "user_id": user_id, "limit": limit},
    )
    return [as_struct(row, KeyRow) for row in rows]


async def revoke(connection: Connection, key_id: UUID, *, user_id: UUID | None = None) -> bool:
    """Revoke a key, at once in all processes. False: there is no such valid key, or it is not this user's.

    Needs a transaction. Raises `LastAdmin`.
    """
    await lock_admins(connection)
    row = await connection.fetch_one(
        "SELECT role = 'admin' AS is_admin FROM api_keys JOIN users ON users.id = api_keys.user_id"
        " WHERE api_keys.id = :id AND revoked_at IS NULL AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)",
        {"id": key_id, "user_id": user_id},
    )
    if row is None:
        return False
    await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE id = :id", {"id": key_id})
    if row["is_admin"]:
        await check_admin_is_left(connection)
    return True


async def revoke_all(connection: Connection, user_id: UUID) -> None:
    """Revoke every key of a user, without a check that an administrator is left."""
    await connection.execute(
        "UPDATE api_keys SET revoked_at = now() WHERE user_id = :user_id AND revoked_at IS NULL",
        {"user_id": user_id},
    )


async def lock_admins(connection: Connection) -> None:
    """Until this transaction ends, block others that revoke a key, delete a user or create the first administrator."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('autos administrators'))")


async def check_admin_is_left(connection: Connection) -> None:
    """Raise `LastAdmin`, and so roll back, if no administrator with a valid key is left."""
    is_left = await connection.fetch_one(
        "SELECT 1 FROM users JOIN api_keys ON api_keys.user_id = users.id"
        " WHERE role = 'admin' AND deleted_at IS NULL AND revoked_at IS NULL LIMIT 1"
    )
    if is_left is None:
        raise LastAdmin
