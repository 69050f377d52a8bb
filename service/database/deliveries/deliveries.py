"""Deliveries: the schedule of every webhook. PostgreSQL knows what is due; messages in Redis only wake a worker.

Statements that wait for the locks of several rows take them in the order of the ids.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from service.database.connection import Connection, as_optional
from service.database.leases import Clock, LeasedTable
from service.domain.deliveries import DeliveryMessage
from service.domain.process_number import ProcessNumber

MESSAGE_GRACE = timedelta(seconds=10)  # how long a message may wait in Redis before the sweep enqueues another one
RECOVERED_AT_ONCE = 2000  # deliveries of one statement
COUNTED_MAX = 10_000  # failed deliveries; a page shows that there are as many or more

LEASED_DELIVERIES = LeasedTable(
    name="deliveries",
    is_due=(
        "(deliveries.resend_at IS NOT NULL OR"
        " (deliveries.status = 'scheduled' AND deliveries.next_attempt_at <= (SELECT clock_timestamp())))"
    ),
    clock=Clock.WALL,  # transactions wait for the lock of a host
    enqueue_at="ring_at",
    enqueue_count="rings",
    at_claim="ring_at = clock_timestamp() + :term",
)


async def subscribe(connection: Connection, number: ProcessNumber, *, job_id: UUID, user_id: UUID, url: str) -> None:
    """Call a URL when the job ends: once, even if it is requested repeatedly.

    One that was cancelled is requested anew, and is the newest again.
    """
    await connection.execute(
        "INSERT INTO deliveries (id, process_number, job_id, user_id, url, status, created_at)"
        " VALUES (:id, :number, :job_id, :user_id, :url, 'waiting', change_time())"
        " ON CONFLICT (job_id, user_id, url) DO UPDATE SET status = 'waiting', completed_at = NULL,"
        " created_at = change_time()"
        " WHERE deliveries.status = 'cancelled' AND deliveries.event_id IS NULL",
        {"id": uuid4(), "number": number.digits, "job_id": job_id, "user_id": user_id, "url": url},
    )


async def subscribe_all(connection: Connection, number: ProcessNumber, *, job_id: UUID, like_job_id: UUID) -> None:
    """Subscribe the URLs of another job's requests to this one, except of deleted users and cancelled ones."""
    await connection.execute(
        "INSERT INTO deliveries (id, process_number, job_id, user_id, url, status, created_at)"
        " SELECT gen_random_uuid(), :number, :job_id, user_id, url, 'waiting', change_time() FROM deliveries"
        " WHERE job_id = :like_job_id AND status <> 'cancelled' AND NOT endpoint_only"
        " AND user_id IN (SELECT id FROM users WHERE deleted_at IS NULL)"
        " ON CONFLICT (job_id, user_id, url) DO NOTHING",
        {"number": number.digits, "job_id": job_id, "like_job_id": like_job_id},
    )


async def schedule_one(
    connection: Connection,
    number: ProcessNumber,
    *,
    event_id: UUID,
    user_id: UUID,
    url: str,
    request_id: str | None = None,
) -> UUID:
    """Add a delivery that is due now, of an event that needed no job."""
    delivery_id = uuid4()
    await connection.execute(
        "INSERT INTO deliveries"
        " (id, process_number, event_id, user_id, url, request_id, status, created_at, next_attempt_at, ring_at)"
        " VALUES (:id, :number, :event_id, :user_id, :url, :request_id, 'scheduled', change_time(), now(),"
        " now() + :grace)",
        {
            "id": delivery_id,
            "number": number.digits,
            "event_id": event_id,
            "user_id": user_id,
            "url": url,
            "request_id": request_id,
            "grace": MESSAGE_GRACE,
        },
    )
    return delivery_id


async def unsubscribe(connection: Connection, job_id: UUID, user_id: UUID) -> None:
    """Delete a user's deliveries of a job that has not ended."""
    await connection.execute(
        "WITH own AS (SELECT id FROM deliveries WHERE job_id = :job_id AND user_id = :user_id AND status = 'waiting'"
        " ORDER BY id FOR UPDATE) DELETE FROM deliveries USING own WHERE deliveries.id = own.id",
        {"job_id": job_id, "user_id": user_id},
    )


async def resend(connection: Connection, delivery_id: UUID) -> DeliveryMessage | None:
    """Request one more attempt now, whatever the delivery's status is. None: its job has not ended."""
    row = await connection.fetch_one(
        # Not now(): a resend must not look older than the one whose attempt is under way.
        "UPDATE deliveries SET resend_at = clock_timestamp(), rings = rings + 1,"
        " ring_at = least(ring_at, clock_timestamp() + :grace)"  # least() ignores NULL
        " WHERE id = :id AND event_id IS NOT NULL"
        " RETURNING id, attempts + 1 AS attempt, rings AS enqueue_count, true AS is_requested",
        {"id": delivery_id, "grace": MESSAGE_GRACE},
    )
    return as_optional(row, DeliveryMessage)


_FAILED = (
    " FROM deliveries WHERE status = 'failed' AND completed_at BETWEEN :since AND :until"
    " AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id)"
    " AND user_id NOT IN (SELECT id FROM users WHERE deleted_at IS NOT NULL)"
    " AND (NOT endpoint_only OR endpoint_id IN (SELECT id FROM webhook_endpoints WHERE disabled_at IS NULL))"
)


async def count_failed(connection: Connection, *, since: datetime, user_id: UUID | None) -> int:
    """Count what `recover` would restart, up to `COUNTED_MAX`, which means as many or more."""
    scope = {"since": since, "until": datetime.max.replace(tzinfo=UTC), "user_id": user_id}
    found: int = await connection.fetch_val(
        f"SELECT count(*) FROM (SELECT 1{_FAILED} LIMIT {COUNTED_MAX}) AS counted", scope
    )
    return found


async def recover(connection: Connection, *, since: datetime, user_id: UUID | None) -> int:
    """Restart the schedule of every delivery that has failed since `since`, of one user or of all.

    Those of endpoints that are switched off or were deleted stay as they are. Returns how many. The first batch is
    restarted now, the others by `go_on_recovering`; the sweep enqueues them.
    """
    until: datetime = await connection.fetch_val("SELECT clock_timestamp()")
    scope = {"since": since, "until": until, "user_id": user_id}
    done, visited, _last = await _recover_batch(connection, scope)
    if visited < RECOVERED_AT_ONCE:
        return done
    rest: int = await connection.fetch_val(f"SELECT count(*){_FAILED}", scope)
    if rest:
        await connection.execute(
            "INSERT INTO delivery_recoveries (id, user_id, since, until) VALUES (:id, :user_id, :since, :until)",
            {"id": uuid4(), **scope},
        )
    return done + rest


async def go_on_recovering(connection: Connection) -> int:
    """Restart the next batch of a recovery that no other worker has. Needs a transaction. Returns how many."""
    row = await connection.fetch_one(
        "SELECT id, user_id, since, until FROM delivery_recoveries ORDER BY until, id LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    if row is None:
        return 0
    scope = {name: row[name] for name in ("since", "until", "user_id")}
    done, visited, last = await _recover_batch(connection, scope)
    if visited < RECOVERED_AT_ONCE:
        await connection.execute("DELETE FROM delivery_recoveries WHERE id = :id", {"id": row["id"]})
    else:
        statement = "UPDATE delivery_recoveries SET since = :last WHERE id = :id"
        await connection.execute(statement, {"id": row["id"], "last": last})
    return done


async def _recover_batch(connection: Connection, scope: Mapping[str, Any]) -> tuple[int, int, datetime | None]:
    """Restart the oldest failures. Returns how many were restarted, how many visited, and when the last one failed."""
    row = await connection.fetch_one(
        f"WITH batch AS (SELECT id, completed_at{_FAILED} ORDER BY completed_at LIMIT :limit),"
        " locked AS (SELECT id FROM deliveries WHERE id IN (SELECT id FROM batch) AND status = 'failed'"
        " ORDER BY id FOR UPDATE),"
        " done AS (UPDATE deliveries SET status = 'scheduled', attempts = 0, next_attempt_at = clock_timestamp(),"
        " ring_at = clock_timestamp(), completed_at = NULL, own_fault_since = NULL, alerted_at = NULL"
        " WHERE id IN (SELECT id FROM locked) RETURNING 1)"
        " SELECT (SELECT count(*) FROM done) AS done, count(*) AS visited, max(completed_at) AS last FROM batch",
        {**scope, "limit": RECOVERED_AT_ONCE},
    )
    return (0, 0, None) if row is None else (row["done"], row["visited"], row["last"])
