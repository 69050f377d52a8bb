"""Which job is next: users take turns, and the queue agrees with the jobs after every change."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from service.database.jobs import jobs
from service.domain.events import Counts
from service.domain.jobs import ClaimedJob, Lane
from service.domain.statuses import JobStatus
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.claims import renew_job
from tests.support.database.turns import TOTAL, Turns
from tests.support.deliveries.deliveries import open_pool


@pytest.fixture
async def queue(stack: Stack) -> AsyncIterator[Turns]:
    async with open_pool(await create_database(stack)) as pool:
        yield Turns(pool)


async def release(queue: Turns, job: ClaimedJob, *, delay: timedelta = timedelta(0)) -> None:
    async with queue.database.connection() as connection:
        await jobs.release(connection, job, delay=delay)


async def sweep(queue: Turns) -> tuple[int, int]:
    async with queue.database.connection() as connection:
        expired = await jobs.release_expired(connection, limit=100)
        return expired, await jobs.release_delayed(connection, limit=100)


async def test_one_job_does_not_wait_behind_the_batch_of_another_user(queue: Turns, supply: Iterator[str]) -> None:
    firm, person = await queue.users(2)
    for _ in range(20):
        await queue.add(next(supply), firm, lane=Lane.BATCH)
    assert await queue.claimed(3) == [firm] * 3
    await queue.add(next(supply), person)

    assert await queue.claimed(2) == [person, firm]


async def test_users_with_many_jobs_each_take_turns(queue: Turns, supply: Iterator[str]) -> None:
    users = await queue.users(4)
    for user_id in users:
        for _ in range(6):
            await queue.add(next(supply), user_id)

    claimed = await queue.claimed(12)

    assert [len(set(claimed[start : start + 4])) for start in (0, 4, 8)] == [4, 4, 4]


async def test_a_user_who_comes_back_has_saved_nothing_up(queue: Turns, supply: Iterator[str]) -> None:
    busy, returning = await queue.users(2)
    await queue.add(next(supply), returning)
    assert await queue.claimed(1) == [returning]
    for _ in range(12):
        await queue.add(next(supply), busy)
    await queue.claimed(6)
    for _ in range(6):
        await queue.add(next(supply), returning)

    assert Counter(await queue.claimed(6)) == Counter({busy: 3, returning: 3})


async def test_within_a_user_what_was_asked_for_one_by_one_comes_first_and_then_the_oldest(
    queue: Turns, supply: Iterator[str]
) -> None:
    [user_id] = await queue.users(1)
    first, second = [await queue.add(next(supply), user_id, lane=Lane.BATCH) for _ in range(2)]
    single = await queue.add(next(supply), user_id)

    claimed = [await queue.claim() for _ in range(4)]

    assert [job and job.id for job in claimed] == [single, first, second, None]


async def test_a_job_that_another_user_joins_begins_at_the_first_of_their_turns(
    queue: Turns, supply: Iterator[str]
) -> None:
    firm, person = await queue.users(2)
    [*_, last] = [await queue.add(next(supply), firm, lane=Lane.BATCH) for _ in range(10)]
    await queue.claimed(2)

    await queue.join(last, person)

    claimed = await queue.claim()
    assert claimed is not None
    assert (claimed.id, claimed.user_id, claimed.lane) == (last, person, Lane.SINGLE)
    assert await queue.queue_is_right()


async def test_while_the_slots_are_full_only_a_user_without_a_job_is_let_in(
    queue: Turns, supply: Iterator[str]
) -> None:
    busy, newcomer = await queue.users(2)
    await queue.worker(wanted=TOTAL, users=[busy])
    idle = await queue.worker()
    for user_id in (busy, newcomer, newcomer):
        await queue.add(next(supply), user_id, lane=Lane.BATCH)

    let_in = await queue.claim(idle)
    assert let_in is not None
    assert let_in.user_id == newcomer
    # It reported at once that the new user has a job.
    assert await queue.claim(idle) is None
    assert await queue.claim(idle, wants_more=True) is not None


async def test_workers_that_are_idle_together_take_as_many_jobs_as_there_are_slots_for(
    queue: Turns, supply: Iterator[str]
) -> None:
    [user_id] = await queue.users(1)
    for _ in range(20):
        job_id = await queue.add(next(supply), user_id)
        await add_documents(queue, job_id, 5)
    workers = [await queue.worker() for _ in range(10)]

    claimed = [await queue.claim(worker) for worker in workers]

    assert [job.documents if job else None for job in claimed] == [5, 5] + [None] * 8


async def add_documents(queue: Turns, job_id: UUID, count: int) -> None:
    async with queue.database.connection() as connection:
        await connection.execute(
            "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, name, type, secrecy,"
            " copies, status, job_id) SELECT gen_random_uuid(), process_number, 'i', CAST(number AS text), 'u', number,"
            " 'n', 't', 'PUBLICO', '[]', 'pending', id FROM jobs, generate_series(1, CAST(:count AS integer)) AS number"
            " WHERE id = :id",
            {"id": job_id, "count": count},
        )


async def test_a_large_case_costs_more_turns_than_a_small_one(queue: Turns, supply: Iterator[str]) -> None:
    large, small = await queue.users(2)
    for _ in range(6):
        await add_documents(queue, await queue.add(next(supply), large), 4)
        await add_documents(queue, await queue.add(next(supply), small), 2)

    assert Counter(await queue.claimed(6)) == Counter({small: 4, large: 2})


async def test_a_job_that_was_put_off_is_taken_when_its_time_has_come(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    job_id = await queue.add(next(supply), user_id)
    job = await queue.claim()
    assert job is not None
    await release(queue, job, delay=timedelta(minutes=5))

    assert (await sweep(queue), await queue.claim()) == ((0, 0), None)
    await queue.fetch("UPDATE job_queue SET ready_at = now() RETURNING 1")
    assert await sweep(queue) == (0, 1)
    again = await queue.claim()
    assert again is not None
    assert (again.id, again.is_first) == (job_id, False)


async def test_the_job_of_a_worker_that_is_gone_is_first_in_its_users_turn(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    lost, _other = [await queue.add(next(supply), user_id) for _ in range(2)]
    job = await queue.claim()
    assert await sweep(queue) == (0, 0)
    await queue.fetch(
        "UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE id = :id RETURNING 1", id=lost
    )

    assert await sweep(queue) == (1, 0)

    again = await queue.claim()
    assert job is not None
    assert again is not None
    assert (again.id, again.lease != job.lease) == (lost, True)
    async with queue.database.connection() as connection:
        assert not await renew_job(connection, job)


async def test_the_queue_is_right_whatever_happens_to_jobs(queue: Turns, supply: Iterator[str]) -> None:
    first, second = await queue.users(2)
    ids = [await queue.add(next(supply), first, lane=Lane.BATCH) for _ in range(8)]
    claimed = [await queue.claim() for _ in range(3)]
    assert await queue.queue_is_right()
    for job_id in ids:
        await queue.join(job_id, second)
    assert await queue.queue_is_right()
    for job in claimed[:2]:
        assert job is not None
        await release(queue, job)
    async with queue.database.transaction() as connection:
        await jobs.end(connection, ids[0], JobStatus.CANCELLED, Counts(0, 0, 0))
        await jobs.end(connection, ids[2], JobStatus.COMPLETED, Counts(0, 0, 0))
    assert await queue.queue_is_right()
    await queue.fetch("DELETE FROM job_users WHERE job_id = :id RETURNING 1", id=ids[7])
    await queue.fetch("DELETE FROM jobs WHERE id = :id RETURNING 1", id=ids[7])

    assert await queue.queue_is_right()
    assert len(await queue.fetch("SELECT 1 FROM job_queue")) == 2 * 5


async def test_the_job_of_a_user_who_was_removed_is_worked_on(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    job_id = await queue.add(next(supply), user_id)
    await queue.fetch("DELETE FROM users WHERE id = :id RETURNING 1", id=user_id)
    job = await queue.claim()
    assert job is not None
    await release(queue, job)

    again = await queue.claim()

    assert again is not None
    assert again.id == job_id


async def test_users_who_wait_for_nothing_are_taken_out_of_the_order_and_come_back(
    queue: Turns, supply: Iterator[str]
) -> None:
    waiting, gone = await queue.users(2)
    for user_id in (waiting, waiting, gone):
        await queue.add(next(supply), user_id)
    assert set(await queue.claimed(2)) == {waiting, gone}
    await queue.tidy()
    assert await in_order(queue) == {waiting}
    # Wrongly: a job of that user came at the same time.
    await queue.fetch("UPDATE turns SET virtual_time = 'infinity' RETURNING 1")

    await queue.tidy()

    assert await in_order(queue) == {waiting}
    await queue.add(next(supply), gone)
    assert set(await queue.claimed(2)) == {waiting, gone}


async def in_order(queue: Turns) -> set[UUID]:
    return {row["user_id"] for row in await queue.fetch("SELECT user_id FROM turns WHERE virtual_time < 'infinity'")}


async def test_claims_at_the_same_time_take_each_job_once_and_never_wait_for_each_other(
    queue: Turns, supply: Iterator[str]
) -> None:
    users = await queue.users(5)
    ids = [await queue.add(next(supply), users[turn % 5]) for turn in range(60)]
    taken: list[UUID] = []

    async def take_all() -> None:
        while len(taken) < len(ids):
            if (job := await queue.claim()) is not None:
                taken.append(job.id)

    await asyncio.gather(*(take_all() for _ in range(8)))

    assert sorted(taken) == sorted(ids)
    assert await queue.queue_is_right()
