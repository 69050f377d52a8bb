"""Task: one attempt of one delivery. The schedule is in PostgreSQL; nothing here waits for the next attempt."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from service.database.connection import UNREACHABLE
from service.database.deliveries import delivery_attempts, endpoints, events, overdue
from service.database.deliveries.delivery_attempts import Recorded
from service.domain.deliveries import Attempt, ClaimedDelivery, DeliveryMessage, NextStep
from service.domain.process_number import ProcessNumber
from service.webhooks.outcome import OutcomeKind, PostOutcome
from service.webhooks.payload import render
from service.webhooks.retry_policy import next_step
from service.webhooks.signature import signature_headers
from worker import lease
from worker.context import Context, context_of
from worker.tasks.recipients import Moved, NotWanted, signing_secrets

#: Added to the timeout of the POST: time to make the body, to check whether DNS works at all, and for the database.
LEASE_MARGIN = timedelta(seconds=30)
RECORD_AGAIN = 1.0  # seconds between two tries to record an attempt
SETTLE_GRACE = 5.0  # seconds to record an attempt when the process ends; below `worker.shutdown.SHUTDOWN_TIMEOUT`
RETRY_LANE = "retry_lane"  #: key in arq's context: True in the worker of retries, which may call a failing host


async def deliver_webhook(ctx: dict[str, Any], delivery_id: str) -> None:
    """Make the next attempt of a delivery, or of one that goes before it, if its user has a free slot at the host.

    A delivery may be enqueued any number of times.
    """
    context = context_of(ctx)
    await context.shutdown.run(_claim_and_attempt(context, UUID(delivery_id), may_probe=ctx.get(RETRY_LANE, False)))


class _LeaseEnds(Exception):
    """This process stood still for so long that the lease may end, and another worker begin, during the attempt."""


async def _claim_and_attempt(context: Context, delivery_id: UUID, *, may_probe: bool) -> None:
    deadline = lease.ends_at(context.limits.webhook_timeout + LEASE_MARGIN)
    claimed = await lease.claim(_claim(context, delivery_id, may_probe=may_probe), partial(_hand_back, context))
    if isinstance(claimed, DeliveryMessage):
        await _pass_on(context, claimed)
    if not isinstance(claimed, ClaimedDelivery):
        return
    with structlog.contextvars.bound_contextvars(**_subjects(claimed)):
        try:
            async with lease.given_back_if_cancelled(partial(_give_back, context, claimed)):
                await _attempt(context, claimed, deadline)
        except _LeaseEnds:
            structlog.get_logger().warning("delivery_came_too_late")
            await _give_back(context, claimed)
        except Moved as moved:
            await _follow(context, claimed, moved.url)


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _hand_back(context: Context, claimed: ClaimedDelivery | DeliveryMessage) -> None:
    """Leave the result of a claim to other workers."""
    if isinstance(claimed, ClaimedDelivery):
        await _give_back(context, claimed)
    else:
        await _pass_on(context, claimed)


async def _pass_on(context: Context, message: DeliveryMessage) -> None:
    """Enqueue the delivery for a worker that may call a failing host."""
    await context.queue.enqueue_delivery(message)


def _subjects(delivery: ClaimedDelivery) -> dict[str, str]:
    """The fields in every log line of an attempt."""
    subjects = {
        "delivery_id": str(delivery.id),
        "process_number": ProcessNumber(delivery.process_number).masked,
        "job_id": delivery.job_id and str(delivery.job_id),
        "request_id": delivery.request_id,
    }
    return {name: value for name, value in subjects.items() if value}


async def _claim(context: Context, delivery_id: UUID, *, may_probe: bool) -> ClaimedDelivery | DeliveryMessage | None:
    term = context.limits.webhook_timeout + LEASE_MARGIN
    with lease.LoggedIfUnreachable("delivery_not_claimed"):
        async with context.database.transaction() as connection:
            return await delivery_attempts.claim(connection, delivery_id, term=term, may_probe=may_probe)
    return None


async def _give_back(context: Context, delivery: ClaimedDelivery) -> None:
    with lease.LoggedIfUnreachable("delivery_not_given_back"):
        async with context.database.connection() as connection:
            await delivery_attempts.release(connection, delivery)


async def _follow(context: Context, delivery: ClaimedDelivery, url: str) -> None:
    """Leave the delivery to the attempt that has a slot at the endpoint's new host."""
    message = None
    with lease.LoggedIfUnreachable("delivery_not_moved"):
        async with context.database.connection() as connection:
            message = await endpoints.follow(connection, delivery, url)
    if message is not None:
        await context.queue.enqueue_delivery(message)


async def _attempt(context: Context, delivery: ClaimedDelivery, deadline: float) -> None:
    started_at = datetime.now(UTC)
    outcome = await _post(context, delivery, started_at, deadline - context.limits.webhook_timeout.total_seconds())
    # The POST was made: if a process that ends does not record it, the subscriber is called once more.
    await lease.finish(_settle(context, delivery, outcome, started_at, deadline), within=SETTLE_GRACE)


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
    if recorded is not None and recorded.switched_off:
        _say_switched_off(context, delivery)
    own = [recorded.message] if recorded is not None and recorded.message is not None else []
    for message in (*own, *waiting):
        await context.queue.enqueue_delivery(message)


def _say_switched_off(context: Context, delivery: ClaimedDelivery) -> None:
    context.metrics.endpoints_switched_off.inc()
    structlog.get_logger().error("endpoint_switched_off", endpoint_id=str(delivery.endpoint_id), host=delivery.host)


async def _post(context: Context, delivery: ClaimedDelivery, moment: datetime, latest: float) -> PostOutcome:
    """Make the request. Raises `Moved`, and `_LeaseEnds` later than `latest`, a time of the event loop's clock."""
    try:
        message = await _message(context, delivery, moment)
    except Moved:
        raise
    except NotWanted as unwanted:
        return PostOutcome(unwanted.kind)
    except UNREACHABLE as error:
        structlog.get_logger().warning("webhook_not_made", error=type(error).__name__)
        return PostOutcome(OutcomeKind.NOT_MADE)
    except Exception:  # noqa: BLE001  (process boundary: unrecorded, the attempt would repeat for ever)
        # The fault is ours, not the subscriber's.
        structlog.get_logger().exception("webhook_not_made")
        return PostOutcome(OutcomeKind.NOT_MADE)
    if _clock() > latest:
        raise _LeaseEnds
    return await context.subscribers.post(delivery.url, *message)


async def _message(context: Context, delivery: ClaimedDelivery, moment: datetime) -> tuple[bytes, dict[str, str]]:
    """The body and its headers. Raises `NotWanted` and `Moved`."""
    async with context.database.connection() as connection:
        event = await events.find(connection, delivery.event_id)
        secrets = await signing_secrets(connection, delivery)
    body = await render(
        event, context.store, public_url=context.public_url, without_documents=delivery.without_documents
    )
    return body, signature_headers(delivery.message_id, moment, body, secrets, delivery.number)


async def _record(
    context: Context, delivery: ClaimedDelivery, attempt: Attempt, step: NextStep, deadline: float
) -> tuple[Recorded | None, list[DeliveryMessage]]:
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
