"""Endpoints of accounts in the database, and what became due for them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from service.database.connection import Database
from service.database.deliveries import endpoint_list
from service.webhooks.signature import new_secret


async def add_endpoint(database: Database, user_id: UUID, url: str, *events: str, secret: str | None = None) -> UUID:
    """Register an endpoint; without `events`, for all types."""
    async with database.transaction() as connection:
        added = await endpoint_list.add(
            connection, user_id, url=url, events=events or ("*",), description=None, secret=secret or new_secret()
        )
    assert added is not None
    return added


async def endpoint_row(database: Database, endpoint_id: UUID) -> dict[str, Any] | None:
    """Its columns; None if it was deleted."""
    async with database.connection() as connection:
        found = await connection.fetch_one("SELECT * FROM webhook_endpoints WHERE id = :id", {"id": endpoint_id})
    return None if found is None else dict(found)


async def age_endpoint(database: Database, endpoint_id: UUID, by: timedelta) -> None:
    """Move its failures back, as if that time had passed."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE webhook_endpoints SET failing_since = failing_since - CAST(:by AS interval),"
            " burst_since = burst_since - CAST(:by AS interval), failed_at = failed_at - CAST(:by AS interval)"
            " WHERE id = :id",
            {"id": endpoint_id, "by": by},
        )


async def deliveries_of(database: Database, endpoint_id: UUID) -> list[dict[str, Any]]:
    """Its deliveries, the oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch_all(
            "SELECT * FROM deliveries WHERE endpoint_id = :id ORDER BY created_at, id", {"id": endpoint_id}
        )
    return [dict(row) for row in rows]
