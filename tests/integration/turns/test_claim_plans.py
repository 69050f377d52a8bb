"""The pages that are read for a claim and for a position do not grow with the number of jobs that wait."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID, uuid4

import pytest

from service.database import positions
from service.database.connection import Connection
from service.database.jobs import jobs, turns
from service.database.jobs.turns import Claimer
from service.domain.events import Counts
from service.domain.statuses import JobStatus
from service.local.stack import Stack
from tests.conftest import create_database as create_empty
from tests.support.database.plans import Explained
from tests.support.database.turns import Turns
from tests.support.database.waiting_jobs import add_waiting
from tests.support.deliveries.deliveries import open_pool

WAITING_USERS = 50
MANY = 500_000  # jobs that wait
CLAIMERS = 16
EACH, EACH_OF_MANY = 12, 50  # pairs of claims of one claimer
BUFFERS_MAX = 200  # pages of 8 KiB


@pytest.fixture(scope="module", params=[20_000, pytest.param(MANY, marks=pytest.mark.long)])
async def waiting(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Turns]:
    """A database with many pending jobs."""
    async with open_pool(await create_empty(stack), CLAIMERS + 1) as pool:
        jobs_of_users = Turns(pool)
        users = await jobs_of_users.users(WAITING_USERS)
        await add_waiting(pool, users, request.param)
        yield jobs_of_users


async def claim_and_end(waiting: Turns, claimer: Claimer, each: int) -> list[int]:
    """Claim and end jobs, as a worker does, and return the pages that claims read."""
    read = []
    async with waiting.database.connection() as connection:
        for _ in range(each):
            explained = Explained(connection)
            await turns.claim_next(cast(Connection, explained), claimer)
            read += [plan.buffers for plan in explained.plans]
            if (job := await turns.claim_next(connection, claimer)) is not None:
                await jobs.end(connection, job.id, JobStatus.COMPLETED, Counts(0, 0, 0))
    return read


@pytest.mark.parametrize("wants_more", [True, False])
async def test_claims_at_the_same_time_read_few_pages_and_never_lock_each_other_out(
    waiting: Turns, *, wants_more: bool
) -> None:
    await waiting.fetch("DELETE FROM portal_shares RETURNING 1")
    async with waiting.database.connection() as connection:
        # Workers write their reports again; here others come.
        await connection.execute("VACUUM portal_shares")
    [queue] = await waiting.fetch("SELECT count(*) AS length FROM job_queue")
    each = EACH if queue["length"] < MANY // 2 else EACH_OF_MANY
    ended = len(await waiting.fetch("SELECT 1 FROM jobs WHERE status = 'completed'"))
    # While all slots are used, only users without a job in progress get one.
    workers = [await waiting.worker(wanted=10, users=[uuid4()]) for _ in range(CLAIMERS)]

    read = await asyncio.gather(
        *(claim_and_end(waiting, Claimer(worker_id, 10, 5, wants_more=wants_more), each) for worker_id in workers)
    )

    assert max(map(max, read)) <= BUFFERS_MAX, read
    completed = len(await waiting.fetch("SELECT 1 FROM jobs WHERE status = 'completed'")) - ended
    assert completed == CLAIMERS * each if wants_more else completed > 0
    assert await waiting.queue_is_right()


async def test_a_claim_that_lets_nobody_in_reads_few_pages(waiting: Turns) -> None:
    users: list[UUID] = [each["user_id"] for each in await waiting.fetch("SELECT user_id FROM turns")]
    worker_id = await waiting.worker(wanted=10, singles=100, users=users)
    async with waiting.database.connection() as connection:
        explained = Explained(connection)
        assert await turns.claim_next(cast(Connection, explained), Claimer(worker_id, 10, 5, wants_more=False)) is None

    assert explained.plans[0].buffers <= BUFFERS_MAX


@pytest.mark.parametrize("order", ["", "DESC"])
async def test_a_position_reads_few_pages(waiting: Turns, order: str) -> None:
    rows = await waiting.fetch(f"SELECT job_id FROM job_queue ORDER BY lane {order}, created_at {order} LIMIT 5")  # noqa: S608
    async with waiting.database.connection() as connection:
        explained = Explained(connection)
        for row in rows:
            await positions.position(cast(Connection, explained), row["job_id"])

    assert max(plan.buffers for plan in explained.plans) <= 2 * BUFFERS_MAX
    assert not any(plan.tables_read_whole & {"jobs", "job_queue"} for plan in explained.plans)
