"""Deletes old webhook data: ended deliveries, their attempts, and events that no delivery needs.

Each function deletes one batch in a short transaction and skips locked rows, so it may run in any number of workers,
and continues after a crash.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct

RETENTION_BATCH = 500  # rows of one statement


class Position(msgspec.Struct, frozen=True):
    """The event after which the next batch begins."""

    occurred_at: datetime
    id: UUID


async def remove_deliveries(connection: Connection, *, older_than: timedelta) -> int:
    """Delete deliveries that ended longer than `older_than` ago, with their attempts. Returns how many.

    A delivery stays if a resend is requested or an attempt is under way.
    """
    rows = await connection.fetch_all(
        "DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM deliveries"
        " WHERE completed_at < now() - CAST(:age AS interval) AND resend_at IS NULL AND lease_token IS NULL"
        # A literal limit: with a parameter, PostgreSQL would plan to read the whole table.
        f" ORDER BY completed_at LIMIT {RETENTION_BATCH} FOR UPDATE SKIP LOCKED)) RETURNING 1",
        {"age": older_than},
    )
    return len(rows)


async def remove_events(
    connection: Connection, *, older_than: timedelta, after: Position | None
) -> tuple[int, Position | None]:
    """Delete, from the next batch of events older than `older_than`, those without a delivery. Needs a transaction.

    Returns how many, and the `after` of the next batch; None after the last batch.
    """
    start = after or Position(datetime.fromisoformat("0001-01-01T00:00:00+00:00"), UUID(int=0))
    rows = await connection.fetch_all(
        "SELECT id, occurred_at FROM events WHERE occurred_at < now() - CAST(:age AS interval)"
        " AND (occurred_at, id) > (:moment, :id) ORDER BY occurred_at, id LIMIT :limit",
        {"age": older_than, "moment": start.occurred_at, "id": start.id, "limit": RETENTION_BATCH},
    )
    visited = [as_struct(row, Position) for row in rows]
    # Locked first: a transaction that schedules a delivery holds its event. The next statement sees what is committed.
    locked = await connection.fetch_all(
        "SELECT id FROM events WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE SKIP LOCKED",
        {"ids": [each.id for each in visited]},
    )
    removed = await connection.fetch_all(
        "DELETE FROM events WHERE id = ANY(CAST(:ids AS uuid[]))"
        " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event_id = events.id) RETURNING 1",
        {"ids": [row["id"] for row in locked]},
    )
    return len(removed), visited[-1] if len(visited) == RETENTION_BATCH else None


async def forget_hosts(connection: Connection, *, older_than: timedelta) -> int:
    """Delete the state of hosts last called longer than `older_than` ago, without open deliveries. Returns how many."""
    rows = await connection.fetch_all(
        "DELETE FROM delivery_hosts WHERE (host, user_id) IN (SELECT host, user_id FROM delivery_hosts AS old"
        " WHERE attempted_at < now() - CAST(:age AS interval) AND NOT EXISTS (SELECT 1 FROM deliveries"
        " WHERE deliveries.host = old.host AND deliveries.user_id = old.user_id AND ring_at IS NOT NULL)"
        " ORDER BY attempted_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1",
        {"age": older_than, "limit": RETENTION_BATCH},
    )
    return len(rows)
