"""Attempts of deliveries: claimed under a lease, and recorded with what follows from them.

A transaction that claims or records locks the host first. So only one at a time counts the attempts under way there,
and the attempt that frees a slot always sees the deliveries that found none.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from databases.interfaces import Record

from service.database import leases
from service.database.connection import Connection, as_struct
from service.database.deliveries import endpoint_health, places
from service.database.deliveries.deliveries import LEASED_DELIVERIES, MESSAGE_GRACE
from service.database.deliveries.overdue import note_messages
from service.database.deliveries.places import CLOCK, DUE
from service.database.leases import NO_LEASE, OWNED
from service.domain.deliveries import Attempt, ClaimedDelivery, DeliveryMessage, NextStep
from service.domain.statuses import DeliveryStatus

#: `resend_at` after an attempt: cleared, unless a newer resend was requested or the attempt does not count.
_RESEND_LEFT = "CASE WHEN :again OR resend_at > CAST(:asked_at AS timestamptz) THEN resend_at END"

#: The delivery was cancelled during the attempt: only success changes that.
_STAYS_CANCELLED = "(status = 'cancelled' AND CAST(:status AS text) <> 'delivered')"


class Recorded(msgspec.Struct, frozen=True):
    """The status of a delivery after an attempt, and the message to enqueue for its next one."""

    status: DeliveryStatus
    message: DeliveryMessage | None
    switched_off: bool = False  #: the attempt was the last one that its endpoint was allowed to fail


class _ClaimedRow(msgspec.Struct):
    id: UUID
    event_id: UUID
    user_id: UUID
    url: str
    host: str
    attempts: int
    number: int
    without_documents: bool
    local_failure_for: timedelta
    resend_at: datetime | None
    process_number: str
    job_id: UUID | None
    request_id: str | None
    endpoint_id: UUID | None
    endpoint_only: bool


async def claim(
    connection: Connection, delivery_id: UUID, *, term: timedelta, may_probe: bool
) -> ClaimedDelivery | DeliveryMessage | None:
    """Lease the next attempt of a user at a host for `term`. Needs a transaction of its own.

    It is that of `delivery_id`, unless another delivery of the same user to the same host is due and goes first; then
    this one waits for a slot. `may_probe`: this worker may call a host that keeps failing. If it may not, the result is
    the message to enqueue for a worker that may. None: there is nothing to do, or no slot is free; then the attempt
    that frees one enqueues the delivery. Neither uses up an attempt.
    """
    whose = await connection.fetch_one("SELECT host, user_id FROM deliveries WHERE id = :id", {"id": delivery_id})
    if whose is None:
        return None
    host, user_id = whose["host"], whose["user_id"]
    await places.lock(connection, host)
    found = await places.look(connection, host, user_id)
    if found.is_failing and not may_probe:
        return await _pass_on(connection, delivery_id)
    if not found.free:
        await _wait(connection, delivery_id)
        return None
    chosen = await places.choose(connection, host, user_id, delivery_id, longest=found.longest_next)
    if chosen is None:
        return None
    next_id, contested = chosen
    if contested:
        await places.take_turns(connection, host, user_id)
    if next_id != delivery_id:
        await _wait(connection, delivery_id)
    return await _lease(connection, next_id, term)


async def _wait(connection: Connection, delivery_id: UUID) -> None:
    """Make the delivery visible to the attempt that frees a slot: its own message is used up."""
    await connection.execute(
        f"UPDATE deliveries SET ring_at = clock_timestamp() WHERE id = :id AND ring_at > {CLOCK} AND {DUE}",
        {"id": delivery_id},
    )


async def _pass_on(connection: Connection, delivery_id: UUID) -> DeliveryMessage | None:
    messages = await note_messages(connection, f"id = :id AND {DUE}", {"id": delivery_id})
    return msgspec.structs.replace(messages[0], needs_probe=True) if messages else None


_CLAIMED = (
    "id, event_id, user_id, url, host, attempts, thin AS without_documents,"
    " (SELECT coalesce(max(number), 0) + 1 FROM delivery_attempts WHERE delivery_id = deliveries.id) AS number,"
    " coalesce(clock_timestamp() - coalesce(resend_at, own_fault_since), interval '0') AS local_failure_for,"
    " resend_at, process_number, job_id, endpoint_id, endpoint_only,"
    " coalesce(request_id, (SELECT request_id FROM jobs WHERE jobs.id = deliveries.job_id)) AS request_id"
)


async def _lease(connection: Connection, delivery_id: UUID, term: timedelta) -> ClaimedDelivery | None:
    lease = uuid4()
    row = await leases.claim(connection, LEASED_DELIVERIES, delivery_id, lease, term=term, returning=_CLAIMED)
    if row is None:
        return None
    claimed = as_struct(row, _ClaimedRow)
    values = msgspec.structs.asdict(claimed)
    return ClaimedDelivery(attempt=values.pop("attempts") + 1, lease=lease, **values)


async def record(
    connection: Connection, delivery: ClaimedDelivery, attempt: Attempt, step: NextStep
) -> Recorded | None:
    """Write an attempt and what follows from it. Needs a transaction. None: the lease is lost, nothing is written."""
    await places.lock(connection, delivery.host)
    settle = _follow_schedule if delivery.resend_at is None else _settle_resend
    row = await settle(connection, delivery, attempt, step)
    if row is None:
        return None
    if step.host_reachable is not None:
        await places.note_result(connection, delivery.host, delivery.user_id, works=step.host_reachable)
    await _insert(connection, delivery, attempt)
    switched_off = await endpoint_health.note(connection, delivery, attempt, failed=step.receiver_failed)
    message = as_struct(row, DeliveryMessage) if row["due"] else None
    return Recorded(DeliveryStatus(row["status"]), message, switched_off)


async def _insert(connection: Connection, delivery: ClaimedDelivery, attempt: Attempt) -> None:
    await connection.execute(
        "INSERT INTO delivery_attempts"
        " (id, delivery_id, number, started_at, duration_ms, outcome, status_code, answer, error)"
        " VALUES (:id, :delivery_id, :number, :started_at, :duration_ms, :outcome, :status_code, :answer, :error)",
        {"id": uuid4(), "delivery_id": delivery.id, "number": delivery.number, **msgspec.structs.asdict(attempt)},
    )


_RECORDED = (
    " RETURNING id, attempts + 1 AS attempt, rings AS enqueue_count, status, ring_at IS NOT NULL AS due,"
    " greatest(interval '0', CASE WHEN resend_at IS NULL THEN next_attempt_at ELSE ring_at END - clock_timestamp())"
    " AS after"
)


async def _follow_schedule(
    connection: Connection, delivery: ClaimedDelivery, attempt: Attempt, step: NextStep
) -> Record | None:
    return await connection.fetch_one(
        f"UPDATE deliveries SET status = CASE WHEN {_STAYS_CANCELLED} THEN status ELSE CAST(:status AS text) END,"
        " attempts = attempts + :counts, last_error = :error,"
        f" rings = rings + 1 - :counts, thin = thin OR :thin, {NO_LEASE},"
        " own_fault_since = CASE WHEN :own_fault THEN coalesce(own_fault_since, clock_timestamp()) END,"
        f" next_attempt_at = CASE WHEN NOT {_STAYS_CANCELLED} THEN clock_timestamp() + :retry_in END,"
        # A resend may have been requested meanwhile.
        " ring_at = CASE WHEN resend_at IS NOT NULL THEN clock_timestamp()"
        f" WHEN NOT {_STAYS_CANCELLED} THEN clock_timestamp() + :retry_in + :grace END,"
        f" completed_at = CASE WHEN {_STAYS_CANCELLED} THEN completed_at WHEN :final THEN change_time() END,"
        # No alert is sent for a delivery that ends because its user was deleted, or its endpoint is switched off.
        " alerted_at = coalesce(alerted_at, CASE WHEN :quiet THEN clock_timestamp() END,"
        " (SELECT deleted_at FROM users WHERE users.id = deliveries.user_id))"
        f" WHERE {OWNED} {_RECORDED}",
        {
            "id": delivery.id,
            "lease": delivery.lease,
            "status": step.status,
            "counts": int(step.uses_attempt),
            "error": attempt.error,
            "thin": step.without_documents,
            "own_fault": step.local_failure,
            "quiet": not step.alerts,
            "retry_in": step.retry_in,
            "grace": MESSAGE_GRACE,
            "final": step.status is not DeliveryStatus.SCHEDULED,
        },
    )


async def _settle_resend(
    connection: Connection, delivery: ClaimedDelivery, attempt: Attempt, step: NextStep
) -> Record | None:
    """Success ends the delivery. Any other result leaves its schedule unchanged."""
    return await connection.fetch_one(
        f"UPDATE deliveries SET resend_at = {_RESEND_LEFT}, rings = rings + 1,"
        f" {NO_LEASE}, thin = thin OR :thin,"
        " attempts = attempts + CASE WHEN :delivered AND status <> 'delivered' THEN 1 ELSE 0 END,"
        " last_error = CASE WHEN :delivered OR status = 'delivered' THEN NULL ELSE CAST(:error AS text) END,"
        # The time of the first success stays.
        " completed_at = CASE WHEN :delivered AND status <> 'delivered' THEN clock_timestamp() ELSE completed_at END,"
        " own_fault_since = CASE WHEN :delivered THEN NULL ELSE own_fault_since END,"
        " next_attempt_at = CASE WHEN :delivered THEN NULL ELSE next_attempt_at END,"
        " status = CASE WHEN :delivered THEN 'delivered' ELSE status END,"
        f" ring_at = CASE WHEN {_RESEND_LEFT} IS NOT NULL THEN clock_timestamp() + coalesce(:retry_in, interval '0')"
        " WHEN NOT :delivered AND status = 'scheduled' THEN greatest(next_attempt_at, clock_timestamp()) + :grace END"
        f" WHERE {OWNED} {_RECORDED}",
        {
            "id": delivery.id,
            "lease": delivery.lease,
            "delivered": step.status is DeliveryStatus.DELIVERED,
            "asked_at": delivery.resend_at,
            "again": not step.uses_attempt,
            "error": attempt.error,
            "thin": step.without_documents,
            "retry_in": step.retry_in,
            "grace": MESSAGE_GRACE,
        },
    )


async def release(connection: Connection, delivery: ClaimedDelivery) -> None:
    """Release the lease of an attempt that was not made. The delivery is due again."""
    # A delivery that was cancelled meanwhile is not due.
    due = "CASE WHEN ring_at IS NOT NULL THEN clock_timestamp() END"
    await leases.release(connection, LEASED_DELIVERIES, delivery, enqueue_at=due)
