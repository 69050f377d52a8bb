"""`since` in the list of deliveries: a client that continues from the newest one misses none."""

import asyncio
from datetime import datetime
from uuid import UUID

from service.database.connection import Database
from service.database.deliveries import deliveries, delivery_history
from service.database.deliveries.delivery_history import DeliveryFilter
from tests.support.deliveries.deliveries import NUMBER, add_event, row, schedule


async def listed(database: Database, user_id: UUID, since: datetime) -> list[UUID]:
    async with database.connection() as connection:
        wanted = DeliveryFilter(user_id=user_id, since=since)
        return [each.id for each in await delivery_history.page(connection, wanted, after=None, limit=10)]


async def test_a_delivery_that_is_committed_after_a_later_one_is_not_missed(
    database: Database, user_id: UUID, url: str
) -> None:
    event_id = await add_event(database)
    (first,) = await schedule(database, user_id, url, event_id=event_id)
    since = (await row(database, first))["created_at"]
    async with database.transaction() as connection:
        early = await deliveries.schedule_one(connection, NUMBER, event_id=event_id, user_id=user_id, url=url)
        (late,) = await asyncio.create_task(schedule(database, user_id, url, event_id=event_id))
        before = await asyncio.create_task(listed(database, user_id, since))

    assert before == [first]
    assert await listed(database, user_id, since) == [late, early, first]


async def test_a_transaction_that_began_earlier_and_writes_later_is_listed_by_when_it_wrote(
    database: Database, user_id: UUID, url: str
) -> None:
    event_id = await add_event(database)
    async with database.transaction() as connection:
        await connection.fetch_val("SELECT now()")
        (late,) = await asyncio.create_task(schedule(database, user_id, url, event_id=event_id))
        since = (await asyncio.create_task(row(database, late)))["created_at"]
        assert await asyncio.create_task(listed(database, user_id, since)) == [late]
        early = await deliveries.schedule_one(connection, NUMBER, event_id=event_id, user_id=user_id, url=url)

    assert await listed(database, user_id, since) == [early, late]
