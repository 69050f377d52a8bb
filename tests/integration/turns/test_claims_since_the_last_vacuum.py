"""Claims among dead rows of earlier claims, which only vacuum removes."""

from collections import Counter
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
#: As many claims.
CLAIM_ALL = (
    "DELETE FROM job_queue WHERE job_id IN (SELECT job_id FROM job_queue ORDER BY lane, created_at LIMIT :count)"
    " RETURNING 1"
)
BUFFERS_MAX = 200  # pages of 8 KiB


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


async def test_what_claims_may_leave_behind_until_a_vacuum_is_few_pages(queue: Turns) -> None:
    [threshold] = await queue.fetch(
        "SELECT CAST(option_value AS integer) AS rows FROM pg_class, pg_options_to_table(reloptions)"
        " WHERE relname = 'job_queue' AND option_name = 'autovacuum_vacuum_threshold'"
    )
    await add_waiting(queue.database, await queue.users(1), 3 * threshold["rows"])
    assert len(await queue.fetch(CLAIM_ALL, count=threshold["rows"])) == threshold["rows"]
    async with queue.database.connection() as connection:
        # This one meets what it can mark as dead for the next ones.
        assert await turns.claim_next(connection, CLAIMER)
        explained = Explained(connection)
        await turns.claim_next(cast(Connection, explained), CLAIMER)

    assert explained.plans[0].buffers <= BUFFERS_MAX


async def test_claims_make_no_report_longer_than_its_users(queue: Turns) -> None:
    users = await queue.users(3)
    await add_waiting(queue.database, users, 40)
    worker_id = await queue.worker(wanted=1, users=users[:1])

    claimed = [await queue.claim(worker_id, wants_more=True) for _ in range(20)]

    [report] = await queue.fetch("SELECT users, wanted, singles, in_use FROM portal_shares")
    singles = Counter(job.user_id for job in claimed if job is not None and job.lane == Lane.SINGLE)
    wanted = Counter(job.user_id for job in claimed if job is not None) + Counter(users[:1])
    assert sorted(report["users"]) == sorted(users)
    assert dict(zip(report["users"], report["wanted"], strict=True)) == wanted
    assert dict(zip(report["users"], report["singles"], strict=True)) == {each: singles[each] for each in users}
    assert report["in_use"] == [0, 0, 0]


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
