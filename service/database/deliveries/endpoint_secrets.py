"""The signing secrets of endpoints. Each endpoint has its own; a rotation lets the old one sign for a while."""

from datetime import timedelta
from uuid import UUID, uuid4

from service.database.connection import Connection, as_struct
from service.database.users.users import PREVIOUS_SECRETS, SigningSecret


async def add(connection: Connection, endpoint_id: UUID, secret: str) -> None:
    """Add the current secret of an endpoint that has none."""
    await connection.execute(
        "INSERT INTO endpoint_secrets (id, endpoint_id, secret) VALUES (:id, :endpoint_id, :secret)",
        {"id": uuid4(), "endpoint_id": endpoint_id, "secret": secret},
    )


async def live(connection: Connection, endpoint_id: UUID, *, user_id: UUID | None) -> list[SigningSecret]:
    """Return the secrets that sign for an endpoint now, the current one first. Empty: there is no such endpoint.

    With `user_id`, only if it is this user's.
    """
    rows = await connection.fetch_all(
        "SELECT secret, expires_at FROM endpoint_secrets"
        " JOIN webhook_endpoints AS endpoints ON endpoints.id = endpoint_id"
        " WHERE endpoint_id = :id AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)"
        " AND coalesce(expires_at > now(), true)"
        " ORDER BY expires_at DESC NULLS FIRST, endpoint_secrets.created_at DESC",
        {"id": endpoint_id, "user_id": user_id},
    )
    return [as_struct(row, SigningSecret) for row in rows]


async def of_user(connection: Connection, user_id: UUID) -> list[str]:
    """Return all secrets that sign for endpoints of a user now."""
    rows = await connection.fetch_all(
        "SELECT secret FROM endpoint_secrets JOIN webhook_endpoints AS endpoints ON endpoints.id = endpoint_id"
        " WHERE user_id = :user_id AND coalesce(expires_at > now(), true)",
        {"user_id": user_id},
    )
    return [row["secret"] for row in rows]


async def rotate(connection: Connection, endpoint_id: UUID, secret: str, *, user_id: UUID, grace: timedelta) -> None:
    """Add a new secret; the current one signs for `grace` more. Needs a transaction. Rotations wait for each other."""
    query = "SELECT 1 FROM webhook_endpoints WHERE id = :id AND user_id = :user_id FOR UPDATE"
    if await connection.fetch_one(query, {"id": endpoint_id, "user_id": user_id}) is None:
        return
    await connection.execute(
        "UPDATE endpoint_secrets SET expires_at = now() + :grace WHERE endpoint_id = :id AND expires_at IS NULL",
        {"id": endpoint_id, "grace": grace},
    )
    await connection.execute(
        "DELETE FROM endpoint_secrets WHERE endpoint_id = :id AND (expires_at <= now() OR id NOT IN"
        " (SELECT id FROM endpoint_secrets WHERE endpoint_id = :id ORDER BY expires_at DESC LIMIT :kept))",
        {"id": endpoint_id, "kept": PREVIOUS_SECRETS},
    )
    await add(connection, endpoint_id, secret)
