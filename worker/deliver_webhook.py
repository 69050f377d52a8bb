"""Task: one attempt of one delivery. The schedule is in PostgreSQL; nothing here sleeps."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from service.database import deliveries, events, users
from service.domain.deliveries import Attempt, ClaimedDelivery, Verdict
from service.domain.statuses import DeliveryStatus
from service.webhooks.payload import render
from service.webhooks.post_outcome import PostOutcome
from service.webhooks.signature import signature_headers
from worker.context import Context, context_of

LEASE_MARGIN = timedelta(seconds=30)  # beyond the timeout of the POST
JITTER = 0.1  # of the delay, only ever added
RETRY_AFTER_MAX = timedelta(hours=10)
OWN_FAULT_DELAY = timedelta(seconds=30)


async def deliver_webhook(ctx: dict[str, Any], delivery_id: str) -> None:
    """Make the next attempt of a delivery if it is due. Safe to ring any number of times."""
    context = context_of(ctx)
    await context.drain.run(_claim_and_attempt(context, UUID(delivery_id)))


async def _claim_and_attempt(context: Context, delivery_id: UUID) -> None:
    term = context.limits.webhook_timeout + LEASE_MARGIN
    async with context.database.connection() as connection:
        delivery = await deliveries.claim(connection, delivery_id, term=term)
    if delivery is None:
        return
    try:
        await _attempt(context, delivery)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.ensure_future(_give_back(context, delivery)))
        raise


async def _give_back(context: Context, delivery: ClaimedDelivery) -> None:
    async with context.database.connection() as connection:
        await deliveries.release(connection, delivery)


async def _attempt(context: Context, delivery: ClaimedDelivery) -> None:
    started_at = datetime.now(UTC)
    body, headers = await _message(context, delivery, started_at)
    outcome = await context.subscribers.post(delivery.url, body, headers)
    verdict = judge(outcome, delivery.attempt, context.limits.webhook_retry_delays)
    async with context.database.transaction() as connection:
        written = await deliveries.record(connection, delivery, _as_attempt(outcome, started_at), verdict)
    structlog.get_logger().info(
        "webhook_attempted",
        delivery_id=str(delivery.id),
        attempt=delivery.attempt,
        outcome=outcome.kind,
        status_code=outcome.status_code,
        status=verdict.status,
    )
    if written and verdict.retry_in is not None:
        following = delivery.attempt + int(verdict.counts)
        await context.bell.ring_delivery(delivery.id, attempt=following, after=verdict.retry_in)


async def _message(context: Context, delivery: ClaimedDelivery, moment: datetime) -> tuple[bytes, dict[str, str]]:
    async with context.database.connection() as connection:
        event = await events.find(connection, delivery.event_id)
        secrets = await users.signing_secrets(connection, delivery.user_id)
    body = await render(event, context.store, public_url=context.public_url, thin=delivery.thin)
    return body, signature_headers(delivery.message_id, moment, body, secrets, delivery.attempt)


def _as_attempt(outcome: PostOutcome, started_at: datetime) -> Attempt:
    return Attempt(
        started_at=started_at,
        duration_ms=outcome.duration_ms,
        outcome=outcome.kind,
        status_code=outcome.status_code,
        answer=outcome.excerpt or None,
        error=outcome.error,
    )


def judge(outcome: PostOutcome, attempt: int, delays: tuple[timedelta, ...]) -> Verdict:
    """What becomes of a delivery after its attempt number `attempt`, counted from 1."""
    if outcome.is_delivered:
        return Verdict(DeliveryStatus.DELIVERED)
    if outcome.is_own_fault:
        return Verdict(DeliveryStatus.SCHEDULED, retry_in=OWN_FAULT_DELAY, counts=False)
    if outcome.status_code == 410 or attempt > len(delays):
        return Verdict(DeliveryStatus.FAILED)
    delay = delays[attempt - 1] * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311  (spreads load, hides nothing)
    if outcome.status_code in {429, 503}:
        asked_for = timedelta(seconds=outcome.retry_after_seconds or 0)
        delay = max(delay, min(asked_for, RETRY_AFTER_MAX))
    return Verdict(DeliveryStatus.SCHEDULED, retry_in=delay, thin=outcome.status_code == 413)
