"""Deliveries to the endpoints of accounts: which ones an event has, and how each is signed.

A delivery that only an endpoint wants is `endpoint_only`: its secret signs alone, and its URL of today is called. If a
request named the same URL, the delivery of the request gets the endpoint's id, and both secrets sign.
"""

from collections.abc import Collection
from uuid import UUID

from service.database.connection import Connection
from service.database.deliveries.deliveries import MESSAGE_GRACE
from service.domain.process_number import ProcessNumber

_SCHEDULE = (
    "WITH wanted AS (SELECT endpoints.id, user_id, url FROM webhook_endpoints AS endpoints"
    " JOIN users ON users.id = user_id AND deleted_at IS NULL"
    " WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND disabled_at IS NULL"
    " AND events && ARRAY[coalesce(CAST(:type AS text), (SELECT type FROM events WHERE id = :event_id)), '*']"
    " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = :event_id AND endpoint_id = endpoints.id)),"
    " shared AS (UPDATE deliveries SET endpoint_id = wanted.id FROM wanted WHERE deliveries.event_id = :event_id"
    " AND deliveries.user_id = wanted.user_id AND deliveries.url = wanted.url AND endpoint_id IS NULL)"
    " INSERT INTO deliveries (id, process_number, job_id, event_id, user_id, url, endpoint_id, endpoint_only,"
    " request_id, status, created_at, next_attempt_at, ring_at)"
    " SELECT gen_random_uuid(), :number, CAST(:job_id AS uuid), :event_id, user_id, url, id, true, :request_id,"
    " 'scheduled', change_time(), now(), now() + :grace FROM wanted"
    " WHERE NOT EXISTS (SELECT 1 FROM deliveries AS own WHERE own.event_id = :event_id"
    " AND own.user_id = wanted.user_id AND own.url = wanted.url) RETURNING id"
)


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
    return tuple(row["id"] for row in await connection.fetch_all(_SCHEDULE, values))
