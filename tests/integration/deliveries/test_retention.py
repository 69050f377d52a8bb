"""Retention: old closed deliveries are deleted, and events that no delivery needs."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from service.actions.retention import remove_old_webhooks
from service.database import retention
from service.database.connection import Database
from service.database.deliveries import deliveries
from tests.support.deliveries.attempts import DELIVERED, GIVEN_UP, attempts_written, claimed, make, resend
from tests.support.deliveries.deliveries import NUMBER, add_event, schedule, update
from worker.loops.retention import remove_for_ever

DAYS = timedelta(days=90)
LONG_AGO = "completed_at = now() - interval '91 days'"


async def count(database: Database, query: str, value: object) -> int:
    async with database.connection() as connection:
        return int(await connection.fetch_val(f"SELECT count(*) FROM {query} = :value", {"value": value}))  # noqa: S608  (written here)


async def exists(database: Database, delivery_id: UUID) -> bool:
    return await count(database, "deliveries WHERE id", delivery_id) == 1


async def old_event(database: Database) -> UUID:
    event_id = await add_event(database)
    async with database.connection() as connection:
        statement = "UPDATE events SET occurred_at = now() - interval '92 days' WHERE id = :id"
        await connection.execute(statement, {"id": event_id})
    return event_id


async def test_what_was_settled_long_ago_goes_with_its_attempts_and_its_event(
    database: Database, user_id: UUID, url: str
) -> None:
    event_id = await old_event(database)
    delivered, failed = await schedule(database, user_id, url, url, event_id=event_id)
    await make(database, delivered, DELIVERED)
    await make(database, failed, GIVEN_UP)
    for delivery_id in (delivered, failed):
        await update(database, delivery_id, LONG_AGO)

    await remove_old_webhooks(database, older_than=DAYS)

    assert [await exists(database, each) for each in (delivered, failed)] == [False, False]
    assert await attempts_written(database, delivered) == 0
    assert await count(database, "events WHERE id", event_id) == 0


async def test_what_is_new_open_wanted_again_or_under_way_stays_with_its_event(
    database: Database, user_id: UUID, url: str
) -> None:
    event_id = await old_event(database)
    new, wanted, leased = await schedule(database, user_id, *[url] * 3, event_id=event_id)
    await make(database, new, DELIVERED)
    for delivery_id in (wanted, leased):
        await make(database, delivery_id, GIVEN_UP)
        await update(database, delivery_id, LONG_AGO)
    await resend(database, leased)
    await claimed(database, leased)
    await resend(database, wanted)
    (open_one,) = await schedule(database, user_id, url, event_id=event_id)
    other = await old_event(database)

    await remove_old_webhooks(database, older_than=DAYS)

    assert all([await exists(database, each) for each in (new, wanted, leased, open_one)])
    assert await count(database, "events WHERE id", event_id) == 1
    assert await count(database, "events WHERE id", other) == 0


async def test_more_than_a_batch_goes_by_many_workers_at_once_and_after_one_that_was_stopped(
    database: Database, user_id: UUID, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RETENTION_BATCH", 3)
    monkeypatch.setattr("service.actions.retention.RETENTION_BATCH", 3)
    ids = await schedule(database, user_id, *[url] * 10)
    for delivery_id in ids:
        await make(database, delivery_id, DELIVERED)
        await update(database, delivery_id, LONG_AGO)
    async with database.connection() as connection:
        assert await retention.remove_deliveries(connection, older_than=DAYS) == 3

    await asyncio.gather(*(remove_old_webhooks(database, older_than=DAYS) for _ in range(4)))

    assert not any([await exists(database, each) for each in ids])


async def test_an_event_that_is_scheduled_again_in_that_moment_stays(
    database: Database, user_id: UUID, url: str
) -> None:
    event_id = await old_event(database)

    async with database.transaction() as connection:
        delivery_id = await deliveries.schedule_one(connection, NUMBER, event_id=event_id, user_id=user_id, url=url)
        await asyncio.create_task(remove_old_webhooks(database, older_than=DAYS))

    assert await count(database, "events WHERE id", event_id) == 1
    assert await exists(database, delivery_id)


async def test_hosts_that_are_no_longer_called_are_forgotten(database: Database, user_id: UUID, url: str) -> None:
    old, still_open = url, url.replace("host", "open")
    for each in (old, still_open):
        (delivery_id,) = await schedule(database, user_id, each)
        await make(database, delivery_id, GIVEN_UP)
    await schedule(database, user_id, still_open)
    async with database.connection() as connection:
        statement = "UPDATE delivery_hosts SET attempted_at = now() - interval '91 days' WHERE user_id = :id"
        await connection.execute(statement, {"id": user_id})

    await remove_old_webhooks(database, older_than=DAYS)

    assert await count(database, "delivery_hosts WHERE user_id", user_id) == 1


async def test_zero_days_are_for_ever(database: Database, user_id: UUID, url: str) -> None:
    (delivery_id,) = await schedule(database, user_id, url)
    await make(database, delivery_id, DELIVERED)
    await update(database, delivery_id, LONG_AGO)

    await remove_for_ever(database, days=0)

    assert await exists(database, delivery_id)
