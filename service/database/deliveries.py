"""Deliveries: the schedule of every webhook, and what came of each attempt."""

from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from service.database.connection import Connection, as_struct
from service.domain.deliveries import Attempt, ClaimedDelivery, Verdict
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

RING_AFTER = timedelta(seconds=10)  # how long a bell may take before the sweep rings once more
RING_BACKOFF = timedelta(seconds=30)


async def subscribe(connection: Connection, number: ProcessNumber, *, job_id: UUID, user_id: UUID, url: str) -> None:
    """Have a URL called when the job ends; once, however often it is asked for."""
    await connection.execute(
        "INSERT INTO deliveries (id, process_number, job_id, user_id, url, status)"
        " VALUES (:id, :number, :job_id, :user_id, :url, 'waiting') ON CONFLICT (job_id, user_id, url) DO NOTHING",
        {"id": uuid4(), "number": number.digits, "job_id": job_id, "user_id": user_id, "url": url},
    )


async def schedule_one(
    connection: Connection, number: ProcessNumber, *, event_id: UUID, user_id: UUID, url: str
) -> UUID:
    """Have a URL called now, for an event that needed no job."""
    delivery_id = uuid4()
    await connection.execute(
        "INSERT INTO deliveries (id, process_number, event_id, user_id, url, status, next_attempt_at, ring_at)"
        " VALUES (:id, :number, :event_id, :user_id, :url, 'scheduled', now(), now() + :grace)",
        {
            "id": delivery_id,
            "number": number.digits,
            "event_id": event_id,
            "user_id": user_id,
            "url": url,
            "grace": RING_AFTER,
        },
    )
    return delivery_id


async def schedule_for_job(connection: Connection, job_id: UUID, event_id: UUID) -> tuple[UUID, ...]:
    """Make the event of a job due for all its subscribers."""
    rows = await connection.fetch_all(
        "UPDATE deliveries SET status = 'scheduled', event_id = :event_id, next_attempt_at = now(),"
        " ring_at = now() + :grace WHERE job_id = :job_id AND status = 'waiting' RETURNING id",
        {"job_id": job_id, "event_id": event_id, "grace": RING_AFTER},
    )
    return tuple(row["id"] for row in rows)


class _ClaimedRow(msgspec.Struct):
    id: UUID
    event_id: UUID
    user_id: UUID
    url: str
    attempts: int
    thin: bool


async def claim(connection: Connection, delivery_id: UUID, *, term: timedelta) -> ClaimedDelivery | None:
    """Take the next attempt of a delivery for `term`, if it is due and nobody else has it."""
    lease = uuid4()
    row = await connection.fetch_one(
        "UPDATE deliveries SET lease_token = :lease, lease_expires_at = now() + :term, ring_at = now() + :term"
        " WHERE id = :id AND status = 'scheduled' AND next_attempt_at <= now()"
        " AND coalesce(lease_expires_at < now(), true) RETURNING id, event_id, user_id, url, attempts, thin",
        {"id": delivery_id, "lease": lease, "term": term},
    )
    if row is None:
        return None
    claimed = as_struct(row, _ClaimedRow)
    return ClaimedDelivery(
        id=claimed.id,
        event_id=claimed.event_id,
        user_id=claimed.user_id,
        url=claimed.url,
        attempt=claimed.attempts + 1,
        thin=claimed.thin,
        lease=lease,
    )


async def record(connection: Connection, delivery: ClaimedDelivery, attempt: Attempt, verdict: Verdict) -> bool:
    """Write an attempt and what follows from it. False: the lease was lost, and nothing was written."""
    row = await connection.fetch_one(
        "UPDATE deliveries SET status = :status, attempts = attempts + :counts, last_error = :error,"
        " thin = thin OR :thin, lease_token = NULL, lease_expires_at = NULL,"
        " next_attempt_at = now() + :retry_in, ring_at = now() + :retry_in + :grace,"
        " completed_at = CASE WHEN :final THEN now() END"
        " WHERE id = :id AND lease_token = :lease RETURNING id",
        {
            "id": delivery.id,
            "lease": delivery.lease,
            "status": verdict.status,
            "counts": int(verdict.counts),
            "error": attempt.error,
            "thin": verdict.thin,
            "retry_in": verdict.retry_in,
            "grace": RING_AFTER,
            "final": verdict.status is not DeliveryStatus.SCHEDULED,
        },
    )
    if row is not None:
        await _record_attempt(connection, delivery, attempt)
    return row is not None


async def _record_attempt(connection: Connection, delivery: ClaimedDelivery, attempt: Attempt) -> None:
    await connection.execute(
        "INSERT INTO delivery_attempts"
        " (id, delivery_id, number, started_at, duration_ms, outcome, status_code, answer, error)"
        " VALUES (:id, :delivery_id, (SELECT count(*) + 1 FROM delivery_attempts WHERE delivery_id = :delivery_id),"
        " :started_at, :duration_ms, :outcome, :status_code, :answer, :error)",
        {"id": uuid4(), "delivery_id": delivery.id, **msgspec.structs.asdict(attempt)},
    )


async def release(connection: Connection, delivery: ClaimedDelivery) -> None:
    """Give an attempt back that was not made."""
    await connection.execute(
        "UPDATE deliveries SET lease_token = NULL, lease_expires_at = NULL, ring_at = now()"
        " WHERE id = :id AND lease_token = :lease",
        {"id": delivery.id, "lease": delivery.lease},
    )


class Ring(msgspec.Struct, frozen=True):
    """A bell to ring: `rings` makes its name one that no other bell had."""

    id: UUID
    attempt: int
    rings: int


async def take_overdue(connection: Connection, *, limit: int = 100) -> list[Ring]:
    """The deliveries that are due although nobody makes the attempt. Any number of workers may ask at once."""
    rows = await connection.fetch_all(
        "UPDATE deliveries SET rings = rings + 1, ring_at = now() + :backoff"
        " WHERE id IN (SELECT id FROM deliveries WHERE status = 'scheduled' AND ring_at <= now()"
        " AND coalesce(lease_expires_at < now(), true) ORDER BY ring_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
        " RETURNING id, attempts + 1 AS attempt, rings",
        {"backoff": RING_BACKOFF, "limit": limit},
    )
    return [as_struct(row, Ring) for row in rows]
