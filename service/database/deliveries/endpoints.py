"""Deliveries to the endpoints of accounts: which ones an event has, and how each is signed.

A delivery that only an endpoint wants is `endpoint_only`: its secret signs alone, and its URL of today is called. If a
request named the same URL, the delivery of the request gets the endpoint's id, and both secrets sign.
"""

from collections.abc import Collection
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_optional, as_struct
from service.database.deliveries.deliveries import MESSAGE_GRACE
from service.database.leases import NO_LEASE, OWNED
from service.domain.deliveries import ClaimedDelivery, DeliveryMessage
from service.domain.process_number import ProcessNumber

TOLD_BESIDE = "Another delivery of this event goes to the new URL of the endpoint."

_WANTED = (
    "SELECT endpoints.id, user_id, url FROM webhook_endpoints AS endpoints"
    " JOIN users ON users.id = user_id AND deleted_at IS NULL WHERE user_id = ANY({users}) AND disabled_at IS NULL"
    " AND events && ARRAY[coalesce(CAST(:type AS text), (SELECT type FROM events WHERE id = :event_id)), '*']"
    " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = :event_id AND endpoint_id = endpoints.id)"
)
_INSERT = (
    "INSERT INTO deliveries (id, process_number, job_id, event_id, user_id, url, endpoint_id, endpoint_only,"
    " request_id, status, created_at, next_attempt_at, ring_at)"
    " SELECT gen_random_uuid(), :number, CAST(:job_id AS uuid), :event_id, user_id, url, id, true, :request_id,"
    " 'scheduled', change_time(), now(), now() + :grace FROM wanted WHERE NOT EXISTS (SELECT 1 FROM own"
    " WHERE own.user_id = wanted.user_id AND own.url = wanted.url) RETURNING id"
)
_FOR_JOB = (
    # One statement, since each job ends with it.
    "WITH own AS (SELECT id, user_id, url, status = 'waiting' AS is_due FROM deliveries"
    " WHERE job_id = :job_id AND event_id IS NULL ORDER BY id FOR UPDATE), wanted AS ("
    + _WANTED.format(users="ARRAY(SELECT user_id FROM job_users WHERE job_id = :job_id AND withdrawn_at IS NULL)")
    + "), asked AS (UPDATE deliveries SET event_id = :event_id, endpoint_id = place.endpoint_id,"
    " status = CASE WHEN is_due THEN 'scheduled' ELSE status END,"
    " next_attempt_at = CASE WHEN is_due THEN now() END, ring_at = CASE WHEN is_due THEN now() + :grace END"
    " FROM (SELECT own.id, is_due, wanted.id AS endpoint_id FROM own LEFT JOIN wanted USING (user_id, url)) AS place"
    f" WHERE deliveries.id = place.id RETURNING deliveries.id, is_due), made AS ({_INSERT})"
    " SELECT id FROM asked WHERE is_due UNION ALL SELECT id FROM made"
)
_FOR_ENDPOINTS = (
    f"WITH wanted AS ({_WANTED.format(users='CAST(:user_ids AS uuid[])')}),"
    " own AS (SELECT id, user_id, url FROM deliveries WHERE event_id = :event_id),"
    " shared AS (UPDATE deliveries SET endpoint_id = wanted.id FROM own JOIN wanted USING (user_id, url)"
    f" WHERE deliveries.id = own.id AND endpoint_id IS NULL) {_INSERT}"
)


async def schedule_for_job(
    connection: Connection, number: ProcessNumber, job_id: UUID, event_id: UUID
) -> tuple[UUID, ...]:
    """Make the deliveries of a job due, and others for the endpoints of the users who wait for it. Returns their ids.

    Cancelled ones get the event too: they may be resent. The caller holds the lock of the process.
    """
    values = {"number": number.digits, "job_id": job_id, "event_id": event_id, "grace": MESSAGE_GRACE}
    rows = await connection.fetch_all(_FOR_JOB, {**values, "type": None, "request_id": None})
    return tuple(row["id"] for row in rows)


async def schedule_for_endpoints(
    connection: Connection,
    number: ProcessNumber,
    *,
    event_id: UUID,
    user_ids: Collection[UUID],
    event_type: str | None = None,
    job_id: UUID | None = None,
    request_id: str | None = None,
) -> tuple[UUID, ...]:
    """Schedule an event for the endpoints of these users that are switched on and want its type: once for each.

    Returns the ids of the deliveries that were made, to enqueue after the commit. Where the user has a delivery of this
    event to the same URL, that one gets the endpoint's id, and none is made. Call it after the deliveries of requests
    have their event. The caller holds the lock of the process. `event_type`: None means the type of the event's row.
    """
    if not user_ids:
        return ()
    values = {
        "number": number.digits,
        "event_id": event_id,
        "type": event_type,
        "user_ids": list(user_ids),
        "job_id": job_id,
        "request_id": request_id,
        "grace": MESSAGE_GRACE,
    }
    return tuple(row["id"] for row in await connection.fetch_all(_FOR_ENDPOINTS, values))


async def is_reachable(connection: Connection, delivery_id: UUID) -> bool:
    """Whether a delivery may be sent: False if only an endpoint wants it that is switched off or was deleted."""
    row = await connection.fetch_one(
        "SELECT 1 FROM deliveries WHERE id = :id AND (NOT endpoint_only OR endpoint_id IN"
        " (SELECT id FROM webhook_endpoints WHERE disabled_at IS NULL))",
        {"id": delivery_id},
    )
    return row is not None


class Target(msgspec.Struct, frozen=True):
    """What an endpoint is today."""

    url: str
    is_enabled: bool
    secrets: list[str]  #: those that sign now, the current one first


async def find_target(connection: Connection, endpoint_id: UUID) -> Target | None:
    """Return the endpoint of a delivery. None: it was deleted."""
    row = await connection.fetch_one(
        "SELECT url, disabled_at IS NULL AS is_enabled, ARRAY(SELECT secret FROM endpoint_secrets"
        " WHERE endpoint_id = endpoints.id AND coalesce(expires_at > now(), true)"
        " ORDER BY expires_at DESC NULLS FIRST, created_at DESC) AS secrets"
        " FROM webhook_endpoints AS endpoints WHERE id = :id",
        {"id": endpoint_id},
    )
    return as_optional(row, Target)


async def follow(connection: Connection, delivery: ClaimedDelivery, url: str) -> DeliveryMessage | None:
    """Give a claimed delivery the URL that its endpoint has today, and release it. Returns its message.

    None: the lease is lost, or the delivery was cancelled; also here, if a request named the new URL: its delivery
    tells the event there.
    """
    values = {"id": delivery.id, "lease": delivery.lease, "url": url}
    row = await connection.fetch_one(
        f"UPDATE deliveries SET url = :url, {NO_LEASE}, rings = rings + 1,"
        " ring_at = CASE WHEN ring_at IS NOT NULL THEN clock_timestamp() + :grace END"
        f" WHERE {OWNED} AND NOT EXISTS (SELECT 1 FROM deliveries AS other WHERE other.event_id = deliveries.event_id"
        " AND other.user_id = deliveries.user_id AND other.url = :url) RETURNING id, attempts + 1 AS attempt,"
        " rings AS enqueue_count, resend_at IS NOT NULL AS is_requested, ring_at IS NOT NULL AS is_due",
        {**values, "grace": MESSAGE_GRACE},
    )
    if row is not None:
        return as_struct(row, DeliveryMessage) if row["is_due"] else None
    await connection.execute(
        f"UPDATE deliveries SET status = CASE WHEN status = 'scheduled' THEN 'cancelled' ELSE status END, {NO_LEASE},"
        " completed_at = coalesce(completed_at, change_time()), next_attempt_at = NULL, resend_at = NULL,"
        f" ring_at = NULL, last_error = :error WHERE {OWNED}",
        {"id": delivery.id, "lease": delivery.lease, "error": TOLD_BESIDE},
    )
    return None
