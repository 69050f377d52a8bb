"""Cancels deliveries on request: they are no longer sent, and no alert is raised.

An attempt under way keeps its lease and is recorded. If it succeeds, it completes the delivery. No other one follows.
"""

from uuid import UUID

import msgspec

from service.database.connection import Connection

CANCELLED_AT_ONCE = 1000  # deliveries of one transaction

_CANCEL = (
    "UPDATE deliveries SET status = CASE WHEN status IN ('waiting', 'scheduled') THEN 'cancelled' ELSE status END,"
    " completed_at = coalesce(completed_at, change_time()), next_attempt_at = NULL, resend_at = NULL, ring_at = NULL"
    " WHERE (status IN ('waiting', 'scheduled') OR resend_at IS NOT NULL)"
)


class CancelFilter(msgspec.Struct, frozen=True):
    """Which open deliveries to cancel. None means any."""

    user_id: UUID | None = None
    url: str | None = None
    host: str | None = None  #: with its port, if the URL has one
    endpoint_id: UUID | None = None  #: not those that a request asked for too


async def cancel(connection: Connection, delivery_id: UUID) -> bool:
    """Cancel a delivery, or a requested resend that was not made yet. False: there was nothing to send."""
    row = await connection.fetch_one(f"{_CANCEL} AND id = :id RETURNING id", {"id": delivery_id})
    return row is not None


async def cancel_many(connection: Connection, wanted: CancelFilter) -> int:
    """Cancel up to `CANCELLED_AT_ONCE` open deliveries that match. Needs a transaction.

    Returns how many. Fewer than `CANCELLED_AT_ONCE`: these were the last ones.
    """
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    conditions = "".join(f" AND deliveries.{name} = :{name}" for name in values)
    conditions += " AND deliveries.endpoint_only" if wanted.endpoint_id else ""
    rows = await connection.fetch_all(
        # Two indexes: one of deliveries that are due at some time, one of jobs that have not ended.
        "WITH open AS ((SELECT id FROM deliveries WHERE ring_at IS NOT NULL"
        f"{conditions} LIMIT :limit) UNION ALL (SELECT deliveries.id FROM jobs"
        " JOIN deliveries ON deliveries.job_id = jobs.id WHERE jobs.status IN ('pending', 'processing')"
        f" AND deliveries.status = 'waiting'{conditions} LIMIT :limit)"
        " LIMIT :limit),"
        " locked AS (SELECT id FROM deliveries WHERE id IN (SELECT id FROM open) ORDER BY id FOR UPDATE)"
        f" {_CANCEL} AND id IN (SELECT id FROM locked) RETURNING id",
        {**values, "limit": CANCELLED_AT_ONCE},
    )
    return len(rows)
