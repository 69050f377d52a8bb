"""Events: what happened, as it is sent to every subscriber."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_json
from service.domain.case_facts import with_names
from service.domain.events import Event, EventBody


async def record(
    connection: Connection,
    body: EventBody,
    *,
    number: str,
    event_type: str,
    occurred_at: datetime,
    fingerprint: bytes | None = None,
) -> UUID:
    """Write an event. A job has at most one: a second one violates a unique constraint.

    `fingerprint`: of the content of an event without a job, to recognize an equal one.
    """
    event_id = uuid4()
    await connection.execute(
        "INSERT INTO events (id, process_number, job_id, type, occurred_at, body, fingerprint)"
        " VALUES (:id, :number, :job_id, :type, :occurred_at, CAST(:body AS jsonb), :fingerprint)",
        {
            "id": event_id,
            "number": number,
            "job_id": body.job_id,
            "type": event_type,
            "occurred_at": occurred_at,
            "body": as_json(body),
            "fingerprint": fingerprint,
        },
    )
    return event_id


async def newest_with(connection: Connection, number: str, fingerprint: bytes) -> UUID | None:
    """Return the newest event of a case if it has this fingerprint. It is not deleted before the transaction ends."""
    event_id: UUID | None = await connection.fetch_val(
        "SELECT id FROM (SELECT id, fingerprint FROM events WHERE process_number = :number"
        " ORDER BY occurred_at DESC LIMIT 1 FOR KEY SHARE) AS newest WHERE fingerprint = :fingerprint",
        {"number": number, "fingerprint": fingerprint},
    )
    return event_id


#: The names of a case's parties; NULL if none of the parties is sealed.
_NAMED = (
    "(SELECT coalesce(array_agg(name) FILTER (WHERE name IS NOT NULL), '{}') FROM parties"
    " WHERE process_number = events.process_number HAVING bool_or(is_sealed))"
)


async def find(connection: Connection, event_id: UUID) -> Event:
    """Return an event that a delivery names. Raises `LookupError`.

    If the court has sealed a party meanwhile, only the parties that are still named keep their names: the event may be
    sent again months later.
    """
    row = await connection.fetch_one(
        f"SELECT type, occurred_at, body, {_NAMED} AS named FROM events WHERE id = :id", {"id": event_id}
    )
    if row is None:
        raise LookupError("an event that a delivery names does not exist")
    body = msgspec.json.decode(row["body"], type=EventBody)
    if row["named"] is not None and body.process is not None:
        body = msgspec.structs.replace(body, process=with_names(body.process, set(row["named"])))
    return Event(type=row["type"], occurred_at=row["occurred_at"], body=body)
