"""One user requests many cases at once, and status requests of others are answered meanwhile."""

import asyncio
from collections.abc import Iterator

import asyncpg

from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.database.workload import digits
from tests.support.http.api import Api
from tests.support.portal import Portal

CROWD = 30  # requests, three times as many as the API has connections
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'autos api' AND datname = current_database()"
    " AND wait_event_type = 'Lock'"
)


async def test_a_crowd_that_has_to_wait_leaves_room_for_those_who_follow_a_case(
    api: Api, portal: Portal, supply: Iterator[str], database: Database, database_url: str
) -> None:
    followed, *cases = [next(supply) for _ in range(CROWD + 1)]
    for number in (followed, *cases):
        await portal.put_documents(number, DocumentSpec(count=1))
        assert (await api.process(number, auto_download="false")).status == 200

    held = [digits(each) for each in cases]
    async with database.transaction() as connection:
        # Each request of the burst waits here, and holds a connection.
        await connection.fetch_all("SELECT 1 FROM processes WHERE number = ANY(:numbers) FOR UPDATE", {"numbers": held})
        crowd = [asyncio.create_task(api.process(number)) for number in cases]
        await until_two_wait(database_url)
        followings = [await api.status(followed) for _ in range(20)]

    assert [each["status"] for each in followings] == ["pending"] * 20
    assert {answer.status for answer in await asyncio.gather(*crowd)} == {200}


async def until_two_wait(database_url: str) -> None:
    """On a connection of its own: within a transaction the list of sessions does not change."""
    connection = await asyncpg.connect(database_url)
    try:
        while await connection.fetchval(WAITING) < 2:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.01)
    finally:
        await connection.close()
