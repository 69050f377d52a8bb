"""The steps of a delivery, each in a transaction of its own."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from service.database.connection import Database
from service.database.deliveries import deliveries, delivery_attempts, delivery_history, overdue
from service.database.deliveries.delivery_attempts import Recorded
from service.domain.deliveries import HOST_FAILURES, Attempt, ClaimedDelivery, DeliveryMessage, NextStep
from service.domain.statuses import DeliveryStatus
from tests.support.deliveries.deliveries import schedule

TERM = timedelta(seconds=60)
DELIVERED = NextStep(DeliveryStatus.DELIVERED, host_reachable=True)
RETRY = NextStep(DeliveryStatus.SCHEDULED, timedelta(hours=1), host_reachable=False)
GIVEN_UP = NextStep(DeliveryStatus.FAILED, host_reachable=False)
LOCAL_FAILURE = NextStep(DeliveryStatus.SCHEDULED, timedelta(minutes=1), local_failure=True, uses_attempt=False)


async def claim(
    database: Database, delivery_id: UUID, *, may_probe: bool = True, term: timedelta = TERM
) -> ClaimedDelivery | DeliveryMessage | None:
    """Claim the next attempt of a delivery."""
    async with database.transaction() as connection:
        return await delivery_attempts.claim(connection, delivery_id, term=term, may_probe=may_probe)


async def claimed(database: Database, delivery_id: UUID) -> ClaimedDelivery:
    """Claim the next attempt of a delivery. It must be available."""
    found = await claim(database, delivery_id)
    assert isinstance(found, ClaimedDelivery)
    assert found.id == delivery_id
    return found


async def record(database: Database, delivery: ClaimedDelivery, step: NextStep) -> Recorded | None:
    """Record an attempt with this result."""
    attempt = failed_attempt()
    if step.status is DeliveryStatus.DELIVERED:
        attempt = msgspec.structs.replace(attempt, error=None)
    async with database.transaction() as connection:
        return await delivery_attempts.record(connection, delivery, attempt, step)


def failed_attempt() -> Attempt:
    """The result of a POST that got 500."""
    return Attempt(datetime.now(UTC), 5, "status", 500, None, "The host answered 500.")


async def make(database: Database, delivery_id: UUID, step: NextStep) -> Recorded:
    """Make one attempt with this result."""
    recorded = await record(database, await claimed(database, delivery_id), step)
    assert recorded is not None
    return recorded


async def let_fail(database: Database, user_id: UUID, url: str, times: int = HOST_FAILURES) -> None:
    """Record failures of a host, as if it kept failing."""
    for delivery_id in await schedule(database, user_id, *[url] * times):
        await make(database, delivery_id, GIVEN_UP)


async def waiting(database: Database, host: str, user_id: UUID) -> list[UUID]:
    """Enqueue what a user has free places for at a host."""
    async with database.transaction() as connection:
        return [message.id for message in await overdue.take_waiting(connection, host, user_id)]


async def sweep(database: Database) -> list[UUID]:
    enqueued: list[UUID] = []
    after, is_last = None, False
    while not is_last:
        async with database.connection() as connection:
            found = await overdue.take_overdue(connection, after=after, limit=2)
        enqueued += [message.id for message in found.messages]
        after, is_last = found.after, found.after is None
    return enqueued


async def attempts_written(database: Database, delivery_id: UUID) -> int:
    """How many attempts a delivery has."""
    async with database.connection() as connection:
        return len((await delivery_history.attempts_of(connection, [delivery_id]))[delivery_id])


async def resend(database: Database, delivery_id: UUID) -> DeliveryMessage | None:
    async with database.connection() as connection:
        return await deliveries.resend(connection, delivery_id)


async def recover(database: Database, user_id: UUID | None) -> int:
    """Recover the deliveries that failed within the hour, of one user or of all."""
    async with database.connection() as connection:
        since = datetime.now(UTC) - timedelta(hours=1)
        return await deliveries.recover(connection, since=since, user_id=user_id)
