"""How many jobs will start before a pending one."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from service.database import positions
from service.database.jobs import jobs
from service.domain.jobs import Lane
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.turns import Turns
from tests.support.deliveries.deliveries import open_pool


@pytest.fixture
async def queue(stack: Stack) -> AsyncIterator[Turns]:
    async with open_pool(await create_database(stack)) as pool:
        yield Turns(pool)


async def add(queue: Turns, supply: Iterator[str], user_id: UUID, count: int, lane: Lane = Lane.SINGLE) -> list[UUID]:
    return [await queue.add(next(supply), user_id, lane=lane) for _ in range(count)]


async def positions_of(queue: Turns, *job_ids: UUID) -> list[int | None]:
    async with queue.database.connection() as connection:
        each = [await positions.position(connection, job_id) for job_id in job_ids]
        together = await positions.positions_of(connection, job_ids)
    assert [together[job_id] for job_id in job_ids] == each
    return each


async def order(queue: Turns) -> list[UUID]:
    """The order in which the pending jobs start."""
    begun = []
    while (job := await queue.claim(wants_more=True)) is not None:
        begun.append(job.id)
    return begun


async def test_jobs_of_one_user_wait_in_the_order_in_which_they_begin(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    batch = await add(queue, supply, user_id, 3, Lane.BATCH)
    singles = await add(queue, supply, user_id, 2)

    assert await positions_of(queue, *singles, *batch) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("begun", range(4))
async def test_positions_are_the_order_in_which_jobs_of_several_users_begin(
    queue: Turns, supply: Iterator[str], begun: int
) -> None:
    users = await queue.users(3)
    ids = [
        job_id
        for user_id, count in zip(users, (12, 4, 1), strict=True)
        for job_id in await add(queue, supply, user_id, count, Lane.BATCH)
    ]
    await queue.claimed(begun)
    waiting = [each["id"] for each in await queue.fetch("SELECT id FROM jobs WHERE status = 'pending'")]
    said = dict(zip(waiting, await positions_of(queue, *waiting), strict=True))

    came = await order(queue)

    assert len(came) == len(ids) - begun
    assert [said[job_id] for job_id in came] == list(range(len(came)))


async def test_one_job_beside_the_batch_of_another_user_is_next_or_second(queue: Turns, supply: Iterator[str]) -> None:
    firm, person = await queue.users(2)
    await add(queue, supply, firm, 30, Lane.BATCH)
    [single] = await add(queue, supply, person, 1)

    [position] = await positions_of(queue, single)

    assert position in {0, 1}


async def test_a_job_that_another_user_joins_has_the_better_of_their_positions(
    queue: Turns, supply: Iterator[str]
) -> None:
    firm, person = await queue.users(2)
    [*_, last] = await add(queue, supply, firm, 10)
    assert await positions_of(queue, last) == [9]

    await queue.join(last, person)

    [position] = await positions_of(queue, last)
    assert position in {0, 1}


async def test_a_job_has_no_position_once_it_has_begun(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    await add(queue, supply, user_id, 1)
    job = await queue.claim()
    assert job is not None
    assert await positions_of(queue, job.id) == [None]
    # Not even while it is pending again.
    async with queue.database.connection() as connection:
        await jobs.release(connection, job, delay=timedelta(0))
    assert await positions_of(queue, job.id) == [None]


async def test_a_position_is_counted_up_to_a_bound(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    [job_id] = await add(queue, supply, user_id, 1, Lane.BATCH)
    await queue.fetch(
        "INSERT INTO job_queue (job_id, user_id, lane, created_at) SELECT :id, gen_random_uuid(), 0, now()"
        " FROM generate_series(1, CAST(:count AS integer)) RETURNING 1",
        id=(await add(queue, supply, user_id, 1))[0],
        count=2 * positions.POSITION_MAX,
    )
    await queue.fetch("UPDATE job_queue SET user_id = user_id, created_at = created_at - interval '1 hour' RETURNING 1")
    await queue.fetch("UPDATE turns SET virtual_time = -1 WHERE user_id <> :id RETURNING 1", id=user_id)

    assert await positions_of(queue, job_id) == [positions.POSITION_MAX]
