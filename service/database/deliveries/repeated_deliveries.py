"""One delivery per user, URL and event: a repeated request does not add another one."""

from datetime import timedelta
from uuid import UUID

import msgspec

from service.database.connection import Connection, as_optional
from service.database.deliveries import deliveries
from service.database.deliveries.deliveries import MESSAGE_GRACE
from service.domain.deliveries import DeliveryMessage
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

#: After a success, repeated requests send nothing for this long. Clients poll with the URL of their webhook.
FRESH_FOR = timedelta(hours=1)


class _Known(msgspec.Struct, frozen=True):
    id: UUID
    status: DeliveryStatus
    is_fresh: bool  #: it succeeded within `FRESH_FOR`, or a resend is already requested
    is_newest: bool  #: of the deliveries for this case that this user's requests named


async def schedule(
    connection: Connection,
    number: ProcessNumber,
    *,
    event_id: UUID,
    user_id: UUID,
    url: str,
    request_id: str | None = None,
) -> DeliveryMessage | None:
    """Schedule the delivery of an event that needed no job. The caller holds the lock of the process.

    None: an attempt is already scheduled, or one has succeeded within `FRESH_FOR`. The schedule of a failed or
    cancelled delivery starts again; one that succeeded longer ago is sent once more.
    """
    known = await _find(connection, number, event_id=event_id, user_id=user_id, url=url)
    if known is None:
        new_id = await deliveries.schedule_one(
            connection, number, event_id=event_id, user_id=user_id, url=url, request_id=request_id
        )
        return DeliveryMessage(new_id)
    if not known.is_newest:
        # The status of a case shows the newest delivery that the user's requests named.
        statement = "UPDATE deliveries SET created_at = now(), endpoint_only = false WHERE id = :id"
        await connection.execute(statement, {"id": known.id})
    message: DeliveryMessage | None = None
    if known.status in {DeliveryStatus.FAILED, DeliveryStatus.CANCELLED}:
        message = await _begin_anew(connection, known.id)
    elif known.status is DeliveryStatus.DELIVERED and not known.is_fresh:
        message = await deliveries.resend(connection, known.id)
    if message is not None:
        values = {"id": known.id, "request_id": request_id}
        await connection.execute("UPDATE deliveries SET request_id = :request_id WHERE id = :id", values)
    return message


async def _find(
    connection: Connection, number: ProcessNumber, *, event_id: UUID, user_id: UUID, url: str
) -> _Known | None:
    row = await connection.fetch_one(
        "SELECT id, status,"
        " resend_at IS NOT NULL OR coalesce(completed_at > now() - CAST(:fresh_for AS interval), true) AS is_fresh,"
        " NOT EXISTS (SELECT 1 FROM deliveries AS later WHERE later.process_number = :number"
        " AND later.user_id = :user_id AND NOT later.endpoint_only AND later.created_at > deliveries.created_at)"
        " AND NOT endpoint_only AS is_newest"
        " FROM deliveries WHERE process_number = :number AND user_id = :user_id AND event_id = :event_id AND url = :url"
        " ORDER BY created_at DESC LIMIT 1 FOR UPDATE",
        {"number": number.digits, "user_id": user_id, "event_id": event_id, "url": url, "fresh_for": FRESH_FOR},
    )
    return as_optional(row, _Known)


async def _begin_anew(connection: Connection, delivery_id: UUID) -> DeliveryMessage | None:
    row = await connection.fetch_one(
        "UPDATE deliveries SET status = 'scheduled', attempts = 0, rings = rings + 1, next_attempt_at = now(),"
        " ring_at = now() + :grace, completed_at = NULL, own_fault_since = NULL, alerted_at = NULL"
        " WHERE id = :id AND status IN ('failed', 'cancelled') RETURNING id, 1 AS attempt, rings AS enqueue_count",
        {"id": delivery_id, "grace": MESSAGE_GRACE},
    )
    return as_optional(row, DeliveryMessage)
