"""The end of what is kept of webhooks: settled deliveries, their attempts, and the events that no delivery needs.

Each function deletes one batch in a short transaction and skips rows that others have locked, so it may run in any
number of workers, and goes on after a crash.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct

BATCH = 500  # rows of one statement


class Position(msgspec.Struct, frozen=True):
    """The event behind which a walk goes on."""

    occurred_at: datetime
    id: UUID


async def remove_deliveries(connection: Connection, *, older_than: timedelta) -> int:
    """Delete deliveries that were delivered or given up so long ago, with their attempts; returns how many.

    One that a user wants to be sent again, or that is being sent, stays.
    """
    rows = await connection.fetch_all(
        "DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM deliveries"
        " WHERE completed_at < now() - CAST(:age AS interval) AND resend_at IS NULL AND lease_token IS NULL"
        # Written out: a plan that has to fit every number reads the whole table.
        f" ORDER BY completed_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)) RETURNING 1",
        {"age": older_than},
    )
    return len(rows)


async def remove_events(
    connection: Connection, *, older_than: timedelta, after: Position | None
) -> tuple[int, Position | None]:
    """Delete events of so long ago that no delivery names, of the next batch of old ones. Needs a transaction.

    Returns how many, and where the next batch begins; None after the last one.
    """
    start = after or Position(datetime.fromisoformat("0001-01-01T00:00:00+00:00"), UUID(int=0))
    rows = await connection.fetch_all(
        "SELECT id, occurred_at FROM events WHERE occurred_at < now() - CAST(:age AS interval)"
        " AND (occurred_at, id) > (:moment, :id) ORDER BY occurred_at, id LIMIT :limit",
        {"age": older_than, "moment": start.occurred_at, "id": start.id, "limit": BATCH},
    )
    visited = [as_struct(row, Position) for row in rows]
    # Locked first: a delivery that is being scheduled for one holds it, and the next statement sees what was committed.
    locked = await connection.fetch_all(
        "SELECT id FROM events WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE SKIP LOCKED",
        {"ids": [each.id for each in visited]},
    )
    removed = await connection.fetch_all(
        "DELETE FROM events WHERE id = ANY(CAST(:ids AS uuid[]))"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event_id = events.id) RETURNING 1",
        {"ids": [row["id"] for row in locked]},
    )
    return len(removed), visited[-1] if len(visited) == BATCH else None


async def forget_hosts(connection: Connection, *, older_than: timedelta) -> int:
    """Delete what is known of hosts that were called so long ago and for which nothing is open; returns how many."""
    rows = await connection.fetch_all(
        "DELETE FROM delivery_hosts WHERE (host, user_id) IN (SELECT host, user_id FROM delivery_hosts AS old"
        " WHERE attempted_at < now() - CAST(:age AS interval) AND NOT EXISTS (SELECT 1 FROM deliveries"
        " WHERE deliveries.host = old.host AND deliveries.user_id = old.user_id AND ring_at IS NOT NULL)"
        " ORDER BY attempted_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1",
        {"age": older_than, "limit": BATCH},
    )
    return len(rows)
