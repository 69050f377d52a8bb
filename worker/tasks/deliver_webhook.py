"""Task: one attempt of one delivery. The schedule is in PostgreSQL; nothing here waits for the next attempt."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from service.database.connection import UNREACHABLE
from service.database.deliveries import delivery_attempts, events, overdue
from service.database.deliveries.delivery_attempts import Recorded
from service.database.users import users
from service.domain.deliveries import Attempt, ClaimedDelivery, NextStep, Ring
from service.domain.process_number import ProcessNumber
from service.webhooks.outcome import OutcomeKind, PostOutcome
from service.webhooks.payload import render
from service.webhooks.retry_policy import next_step
from service.webhooks.signature import signature_headers
from worker.context import Context, context_of

#: Added to the timeout of the POST: time to make the body, to check whether DNS works at all, and for the database.
LEASE_MARGIN = timedelta(seconds=30)
RECORD_AGAIN = 1.0  # seconds between two tries to record an attempt
SETTLE_GRACE = 5.0  # seconds to record an attempt when the process ends; below `worker.shutdown.SHUTDOWN_TIMEOUT`
LATE = "late"  #: key in arq's context: True in the worker of later attempts


async def deliver_webhook(ctx: dict[str, Any], delivery_id: str) -> None:
    """Make the next attempt of a delivery, or of one that goes before it, if its user has a free slot at the host.

    A delivery may be enqueued any number of times.
    """
    context = context_of(ctx)
    await context.drain.run(_claim_and_attempt(context, UUID(delivery_id), is_late=ctx.get(LATE, False)))


class _LeaseEnds(Exception):
    """This process stood still for so long that the lease may end, and another worker begin, during the attempt."""


async def _claim_and_attempt(context: Context, delivery_id: UUID, *, is_late: bool) -> None:
    deadline = _clock() + (context.limits.webhook_timeout + LEASE_MARGIN).total_seconds()
    # Shielded: if we are cancelled after the claim commits, we must still learn of the lease to release it.
    claiming = asyncio.ensure_future(_claim(context, delivery_id, is_late=is_late))
    try:
        claimed = await asyncio.shield(claiming)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.ensure_future(_hand_back(context, claiming)))
        raise
    if isinstance(claimed, Ring):
        await _pass_on(context, claimed)
    if not isinstance(claimed, ClaimedDelivery):
        return
    with structlog.contextvars.bound_contextvars(**_subjects(claimed)):
        try:
            await _attempt(context, claimed, deadline)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(_give_back(context, claimed)))
            raise
        except _LeaseEnds:
            structlog.get_logger().warning("delivery_came_too_late")
            await _give_back(context, claimed)


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _hand_back(context: Context, claiming: asyncio.Future[ClaimedDelivery | Ring | None]) -> None:
    """Wait until a claim has ended, then leave what it took to other workers."""
    claimed = await claiming
    if isinstance(claimed, ClaimedDelivery):
        await _give_back(context, claimed)
    elif claimed is not None:
        await _pass_on(context, claimed)


async def _pass_on(context: Context, ring: Ring) -> None:
    """Enqueue the delivery for a worker that may call a failing host."""
    await context.bell.ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings, late=True)


def _subjects(delivery: ClaimedDelivery) -> dict[str, str]:
    """The fields in every log line of an attempt."""
    subjects = {
        "delivery_id": str(delivery.id),
        "process_number": ProcessNumber(delivery.process_number).masked,
        "job_id": delivery.job_id and str(delivery.job_id),
        "request_id": delivery.request_id,
    }
    return {name: value for name, value in subjects.items() if value}


async def _claim(context: Context, delivery_id: UUID, *, is_late: bool) -> ClaimedDelivery | Ring | None:
    term = context.limits.webhook_timeout + LEASE_MARGIN
    try:
        async with context.database.transaction() as connection:
            return await delivery_attempts.claim(connection, delivery_id, term=term, may_probe=is_late)
    except UNREACHABLE as error:
        # The sweep enqueues it again.
        structlog.get_logger().warning("delivery_not_claimed", error=type(error).__name__)
        return None


async def _give_back(context: Context, delivery: ClaimedDelivery) -> None:
    try:
        async with context.database.connection() as connection:
            await delivery_attempts.release(connection, delivery)
    except UNREACHABLE as error:
        # The lease ends by itself; then the sweep enqueues the delivery.
        structlog.get_logger().warning("delivery_not_given_back", error=type(error).__name__)


async def _attempt(context: Context, delivery: ClaimedDelivery, deadline: float) -> None:
    started_at = datetime.now(UTC)
    outcome = await _post(context, delivery, started_at, deadline - context.limits.webhook_timeout.total_seconds())
    # The POST was made: if a process that ends does not record it, the subscriber is called once more.
    settling = asyncio.ensure_future(_settle(context, delivery, outcome, started_at, deadline))
    try:
        await asyncio.shield(settling)
    except asyncio.CancelledError:
        await asyncio.wait([settling], timeout=SETTLE_GRACE)
        settling.cancel()
        raise


async def _settle(
    context: Context, delivery: ClaimedDelivery, outcome: PostOutcome, started_at: datetime, deadline: float
) -> None:
    step = next_step(outcome, delivery, context.limits.webhook_retry_delays)
    attempt = Attempt(
        started_at=started_at,
        duration_ms=outcome.duration_ms,
        outcome=outcome.kind,
        status_code=outcome.status_code,
        answer=outcome.excerpt or None,
        error=outcome.error,
    )
    recorded, waiting = await _record(context, delivery, attempt, step, deadline)
    status = None if recorded is None else recorded.status
    context.metrics.delivery_attempts.labels(outcome.kind, status or "lease_lost").inc()
    structlog.get_logger().info(
        "webhook_attempted",
        attempt=delivery.number,
        outcome=outcome.kind,
        status_code=outcome.status_code,
        ms=outcome.duration_ms,
        status=status,
    )
    own = [recorded.ring] if recorded is not None and recorded.ring is not None else []
    for ring in (*own, *waiting):
        await context.bell.ring_delivery(ring.id, attempt=ring.attempt, rings=ring.rings, after=ring.after)


async def _post(context: Context, delivery: ClaimedDelivery, moment: datetime, latest: float) -> PostOutcome:
    """Make the request. Raises `_LeaseEnds` if it is later than `latest`, a time of the event loop's clock."""
    try:
        message = await _message(context, delivery, moment)
    except UNREACHABLE as error:
        structlog.get_logger().warning("webhook_not_made", error=type(error).__name__)
        return PostOutcome(OutcomeKind.NOT_MADE)
    except Exception:  # noqa: BLE001  (process boundary: unrecorded, the attempt would repeat for ever)
        # The fault is ours, not the subscriber's.
        structlog.get_logger().exception("webhook_not_made")
        return PostOutcome(OutcomeKind.NOT_MADE)
    if message is None:
        return PostOutcome(OutcomeKind.USER_DELETED)
    if _clock() > latest:
        raise _LeaseEnds
    return await context.subscribers.post(delivery.url, *message)


async def _message(
    context: Context, delivery: ClaimedDelivery, moment: datetime
) -> tuple[bytes, dict[str, str]] | None:
    """The body and its headers; None if the user was deleted just now: all others have a signing secret."""
    async with context.database.connection() as connection:
        event = await events.find(connection, delivery.event_id)
        secrets = await users.signing_secrets(connection, delivery.user_id)
    if not secrets:
        return None
    body = await render(
        event, context.store, public_url=context.public_url, without_documents=delivery.without_documents
    )
    return body, signature_headers(delivery.message_id, moment, body, secrets, delivery.number)


async def _record(
    context: Context, delivery: ClaimedDelivery, attempt: Attempt, step: NextStep, deadline: float
) -> tuple[Recorded | None, list[Ring]]:
    """Record the attempt. Return the result, None if it was not recorded, and the waiting deliveries to enqueue.

    Tries until `deadline` if the database is away: an attempt that is not recorded is made again.
    """
    while True:
        try:
            async with context.database.transaction() as connection:
                recorded = await delivery_attempts.record(connection, delivery, attempt, step)
                return recorded, await overdue.take_waiting(connection, delivery.host, delivery.user_id)
        except UNREACHABLE as error:
            structlog.get_logger().warning("attempt_not_recorded", error=type(error).__name__)
            if _clock() > deadline:
                return None, []
        await asyncio.sleep(RECORD_AGAIN)
