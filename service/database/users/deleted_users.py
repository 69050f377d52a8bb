"""Ends the deliveries of deleted users in batches, without an alert.

A delivery that waits for its batch is not sent either: a deleted user has no signing secret.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_struct
from service.database.leases import NO_LEASE

DELETION_BATCH = 1000  # deliveries that one transaction looks at
USER_DELETED = "The user was deleted."


class _Place(msgspec.Struct, frozen=True):
    """A delivery's position among those of its user, in the order of creation."""

    created_at: datetime
    id: UUID


_START = _Place(datetime.fromisoformat("0001-01-01T00:00:00+00:00"), UUID(int=0))


async def end_deliveries(connection: Connection, user_id: UUID) -> None:
    """End the oldest deliveries of a user who is deleted; the sweep ends the others."""
    last = await _end_batch(connection, user_id, _START)
    if last is not None:
        await connection.execute(
            "INSERT INTO deleted_user_deliveries (user_id, passed_at, passed_id) VALUES (:user_id, :at, :id)"
            " ON CONFLICT DO NOTHING",
            {"user_id": user_id, "at": last.created_at, "id": last.id},
        )


async def go_on_ending(connection: Connection) -> bool:
    """End the next batch of a deleted user whom no other worker has locked. Needs a transaction. False: no batch."""
    row = await connection.fetch_one(
        "SELECT user_id, passed_at, passed_id FROM deleted_user_deliveries LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    if row is None:
        return False
    last = await _end_batch(connection, row["user_id"], _Place(row["passed_at"], row["passed_id"]))
    if last is None:
        statement, passed = "DELETE FROM deleted_user_deliveries WHERE user_id = :user_id", {}
    else:
        statement = "UPDATE deleted_user_deliveries SET passed_at = :at, passed_id = :id WHERE user_id = :user_id"
        passed = {"at": last.created_at, "id": last.id}
    await connection.execute(statement, {"user_id": row["user_id"], **passed})
    return True


async def _end_batch(connection: Connection, user_id: UUID, after: _Place) -> _Place | None:
    """End the next deliveries of the user. Returns the position of the last one, or None if no more are left."""
    rows = await connection.fetch_all(
        "SELECT created_at, id FROM deliveries WHERE user_id = :user_id AND (created_at, id) > (:at, :id)"
        f" ORDER BY created_at, id LIMIT {DELETION_BATCH}",
        {"user_id": user_id, "at": after.created_at, "id": after.id},
    )
    if not rows:
        return None
    last = as_struct(rows[-1], _Place)
    await _end(connection, await _lock_open(connection, user_id, after, last))
    return last if len(rows) == DELETION_BATCH else None


async def _lock_open(connection: Connection, user_id: UUID, after: _Place, last: _Place) -> list[UUID]:
    """Lock what is open up to `last`. In a statement of its own: the next ones see what was committed before."""
    rows = await connection.fetch_all(
        # The range again and not the ids: they lie all over the index of the primary key.
        "SELECT id FROM deliveries WHERE user_id = :user_id AND (created_at, id) > (:at, :id)"
        " AND (created_at, id) <= (:last_at, :last_id)"
        " AND (status IN ('waiting', 'scheduled') OR resend_at IS NOT NULL) ORDER BY id FOR UPDATE",
        {"user_id": user_id, "at": after.created_at, "id": after.id, "last_at": last.created_at, "last_id": last.id},
    )
    return [row["id"] for row in rows]


async def _end(connection: Connection, ids: list[UUID]) -> None:
    """Fail scheduled deliveries, clear requested resends, and delete deliveries whose job has not ended."""
    await connection.execute("DELETE FROM deliveries WHERE id = ANY(:ids) AND status = 'waiting'", {"ids": ids})
    await connection.execute(
        "UPDATE deliveries SET status = CASE WHEN status = 'scheduled' THEN 'failed' ELSE status END,"
        " last_error = CASE WHEN status = 'scheduled' THEN :error ELSE last_error END,"
        " completed_at = coalesce(completed_at, now()), alerted_at = coalesce(alerted_at, now()),"
        f" next_attempt_at = NULL, resend_at = NULL, ring_at = NULL, {NO_LEASE}"
        " WHERE id = ANY(:ids) AND (status = 'scheduled' OR resend_at IS NOT NULL)",
        {"ids": ids, "error": USER_DELETED},
    )
