"""Leases of attempts, and their records."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from service.database.connection import Database
from tests.support.deliveries.attempts import (
    DELIVERED,
    LOCAL_FAILURE,
    RETRY,
    attempts_written,
    claim,
    claimed,
    make,
    record,
)
from tests.support.deliveries.deliveries import row, schedule, update


async def test_an_attempt_is_claimed_by_one_of_many(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)

    claims = await asyncio.gather(*(claim(database, delivery_id) for _ in range(20)))

    assert len([each for each in claims if each is not None]) == 1


async def test_whoever_lost_the_lease_writes_nothing(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    first = await claimed(database, delivery_id)
    await update(database, delivery_id, "lease_expires_at = now() - interval '1 s'")
    second = await claimed(database, delivery_id)

    assert await record(database, first, DELIVERED) is None

    found = await row(database, delivery_id)
    assert (found["status"], found["attempts"], found["lease_token"]) == ("scheduled", 0, second.lease)
    assert await attempts_written(database, delivery_id) == 0
    assert await record(database, second, DELIVERED) is not None


async def test_an_attempt_and_what_follows_are_written_together(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)

    recorded = await make(database, delivery_id, RETRY)

    assert recorded.message is not None
    assert recorded.message.after is not None
    assert timedelta(minutes=59) < recorded.message.after <= timedelta(hours=1)
    found = await row(database, delivery_id)
    assert (found["attempts"], found["last_error"], found["lease_token"]) == (1, "The host answered 500.", None)
    assert found["next_attempt_at"] > datetime.now(UTC) + timedelta(minutes=59)
    assert await attempts_written(database, delivery_id) == 1
    assert await claim(database, delivery_id) is None


async def test_a_fault_of_this_service_is_written_and_uses_up_nothing(
    database: Database, user_id: UUID, url: str
) -> None:
    (delivery_id,) = await schedule(database, user_id, url)

    recorded = await make(database, delivery_id, LOCAL_FAILURE)

    found = await row(database, delivery_id)
    assert (found["attempts"], await attempts_written(database, delivery_id)) == (0, 1)
    # The message of the attempt that has just ended would block another one with the same id.
    assert recorded.message is not None
    assert (recorded.message.attempt, recorded.message.enqueue_count) == (1, 1)
    await update(
        database, delivery_id, "next_attempt_at = now(), own_fault_since = own_fault_since - interval '2 hours'"
    )
    again = await claimed(database, delivery_id)
    assert again.local_failure_for > timedelta(hours=1)
    assert (again.attempt, again.number) == (1, 2)
