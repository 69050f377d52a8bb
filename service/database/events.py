"""Events: what happened, as every subscriber is told it."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_json
from service.domain.events import Event, EventBody


async def record(
    connection: Connection, body: EventBody, *, number: str, event_type: str, occurred_at: datetime
) -> UUID:
    """Write an event. A job has at most one: a second one violates a unique constraint."""
    event_id = uuid4()
    await connection.execute(
        "INSERT INTO events (id, process_number, job_id, type, occurred_at, body)"
        " VALUES (:id, :number, :job_id, :type, :occurred_at, CAST(:body AS jsonb))",
        {
            "id": event_id,
            "number": number,
            "job_id": body.job_id,
            "type": event_type,
            "occurred_at": occurred_at,
            "body": as_json(body),
        },
    )
    return event_id


async def find(connection: Connection, event_id: UUID) -> Event:
    """Read an event that exists."""
    row = await connection.fetch_one("SELECT type, occurred_at, body FROM events WHERE id = :id", {"id": event_id})
    if row is None:
        raise LookupError("an event that a delivery names does not exist")
    return Event(
        type=row["type"],
        occurred_at=row["occurred_at"],
        body=msgspec.json.decode(row["body"], type=EventBody),
    )
