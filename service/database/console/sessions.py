"""Sessions of the console, and the single-use tokens that open one. Both end with the API key that they belong to."""

from datetime import timedelta
from uuid import UUID

from service.database.connection import Connection, as_optional
from service.database.users.users import User

SESSION_LIFE = timedelta(hours=12)
TOKEN_LIFE = timedelta(minutes=15)
EXPIRED_BATCH = 1000  # expired rows that one log-in deletes


async def find(connection: Connection, digest: bytes) -> User | None:
    """Return the user of a session. None if it has ended, or if its key or its user has."""
    row = await connection.fetch_one(
        "SELECT users.id, users.name, users.role, api_keys.id AS key_id FROM console_sessions"
        " JOIN api_keys ON api_keys.id = console_sessions.key_id JOIN users ON users.id = api_keys.user_id"
        " WHERE console_sessions.hash = :hash AND console_sessions.expires_at > now()"
        " AND api_keys.revoked_at IS NULL AND users.deleted_at IS NULL",
        {"hash": digest},
    )
    return as_optional(row, User)


async def begin(connection: Connection, digest: bytes, key_id: UUID) -> None:
    """Add a session, and delete some of those that have expired. Needs a transaction."""
    await connection.execute(
        "DELETE FROM console_sessions WHERE hash IN (SELECT hash FROM console_sessions WHERE expires_at <= now()"
        f" ORDER BY expires_at LIMIT {EXPIRED_BATCH} FOR UPDATE SKIP LOCKED)"
    )
    await connection.execute(
        "INSERT INTO console_sessions (hash, key_id, expires_at) VALUES (:hash, :key_id, now() + :life)",
        {"hash": digest, "key_id": key_id, "life": SESSION_LIFE},
    )


async def end(connection: Connection, digest: bytes) -> None:
    await connection.execute("DELETE FROM console_sessions WHERE hash = :hash", {"hash": digest})


async def end_all(connection: Connection, user_id: UUID) -> None:
    """End every session of a user, whichever of the user's keys it belongs to."""
    await connection.execute(
        "DELETE FROM console_sessions WHERE key_id IN (SELECT id FROM api_keys WHERE user_id = :user_id)",
        {"user_id": user_id},
    )


async def add_token(connection: Connection, digest: bytes, key_id: UUID) -> None:
    """Add a token that opens one session within `TOKEN_LIFE`. Tokens that have expired are deleted."""
    await connection.execute(
        "WITH gone AS (DELETE FROM console_tokens WHERE expires_at <= now())"
        " INSERT INTO console_tokens (hash, key_id, expires_at) VALUES (:hash, :key_id, now() + :life)",
        {"hash": digest, "key_id": key_id, "life": TOKEN_LIFE},
    )


async def use_token(connection: Connection, digest: bytes) -> UUID | None:
    """Delete a token and return its key. None if it was used, has expired, or if its key or its user has ended."""
    key_id: UUID | None = await connection.fetch_val(
        "DELETE FROM console_tokens USING api_keys, users WHERE console_tokens.hash = :hash"
        " AND console_tokens.expires_at > now() AND api_keys.id = console_tokens.key_id"
        " AND users.id = api_keys.user_id AND api_keys.revoked_at IS NULL AND users.deleted_at IS NULL"
        " RETURNING console_tokens.key_id",
        {"hash": digest},
    )
    return key_id


async def newest_key(connection: Connection, user_id: UUID) -> UUID | None:
    """Return the newest key of a user that is not revoked."""
    key_id: UUID | None = await connection.fetch_val(
        "SELECT id FROM api_keys WHERE user_id = :user_id AND revoked_at IS NULL ORDER BY created_at DESC LIMIT 1",
        {"user_id": user_id},
    )
    return key_id
