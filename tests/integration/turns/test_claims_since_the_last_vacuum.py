"""Claims among dead rows of earlier claims, which only vacuum removes."""

from collections.abc import AsyncIterator, Iterator
from typing import cast
from uuid import uuid4

import pytest

from service.database.connection import Connection
from service.database.jobs import turns
from service.database.jobs.turns import Claimer
from service.domain.jobs import Lane
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.database.plans import Explained
from tests.support.database.turns import Turns
from tests.support.database.waiting_jobs import add_waiting
from tests.support.deliveries.deliveries import open_pool

STEP = "0030.turns_in_place"
USERS = 10
WAITING, ENDED, CLAIMED = 8_000, 7_500, 100  # jobs
CLAIMER = Claimer(uuid4(), 10, 5, wants_more=True)
#: As claims and ends of them; statistics come sooner than vacuum where rows are only removed.
END = (
    "DELETE FROM job_queue WHERE job_id IN (SELECT job_id FROM job_queue ORDER BY created_at LIMIT :ended) RETURNING 1"
)


@pytest.fixture
async def queue(stack: Stack) -> AsyncIterator[Turns]:
    async with open_pool(await create_database(stack), 1) as pool:
        yield Turns(pool)


async def test_a_claim_does_not_read_the_jobs_that_wait_no_more(queue: Turns) -> None:
    await add_waiting(queue.database, await queue.users(USERS), WAITING)
    async with queue.database.connection() as connection:
        await connection.execute("ALTER TABLE job_queue SET (autovacuum_enabled = false)")
    assert len(await queue.fetch(END, ended=ENDED)) == ENDED
    async with queue.database.connection() as connection:
        await connection.execute("ANALYZE job_queue")
        explained = Explained(connection)

        await turns.claim_next(cast(Connection, explained), CLAIMER)

    assert not explained.plans[0].tables_read_whole & {"job_queue", "jobs"}


async def test_a_claim_writes_its_user_s_turn_in_place(queue: Turns) -> None:
    await add_waiting(queue.database, await queue.users(USERS), CLAIMED)

    for _ in range(CLAIMED):
        assert await queue.claim(wants_more=True)

    await queue.fetch("SELECT pg_stat_force_next_flush()")
    [found] = await queue.fetch(
        "SELECT n_tup_upd AS updates, n_tup_hot_upd AS in_place FROM pg_stat_user_tables WHERE relname = 'turns'"
    )
    assert found == {"updates": CLAIMED, "in_place": CLAIMED}


async def test_the_turns_of_the_version_before_stay_as_they_are(stack: Stack, supply: Iterator[str]) -> None:
    url = await create_before(stack, STEP)
    async with open_pool(url, 1) as pool:
        queue = Turns(pool)
        first, second = await queue.users(2)
        for _ in range(3):
            await queue.add(next(supply), first, lane=Lane.BATCH)
        assert await queue.claimed(2) == [first, first]
        await queue.add(next(supply), second)
        before = await queue.fetch("SELECT * FROM turns ORDER BY user_id")

    assert (await migrate(url))[0] == STEP
    async with open_pool(url, 1) as pool:
        queue = Turns(pool)
        assert await queue.fetch("SELECT * FROM turns ORDER BY user_id") == before
        assert await queue.queue_is_right()
    await roll_back_to(url, STEP)
    assert (await migrate(url))[0] == STEP
    async with open_pool(url, 1) as pool:
        assert await Turns(pool).claimed(3) == [second, first, None]
