"""Neither a user's work in progress nor a locked job keeps jobs of other users out."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from service.database.jobs.turns import SINGLE_JOB_INTERVAL
from service.database.portal import portal_slots
from service.domain.jobs import Lane
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.database.turns import PER_JOB, TOTAL, Turns
from tests.support.deliveries.deliveries import open_pool


@pytest.fixture
async def queue(stack: Stack) -> AsyncIterator[Turns]:
    async with open_pool(await create_database(stack)) as pool:
        yield Turns(pool)


async def test_a_job_whose_row_is_locked_holds_no_other_users_job_up(queue: Turns, supply: Iterator[str]) -> None:
    first, second = sorted(await queue.users(2))
    locked = await queue.add(next(supply), first)
    free = await queue.add(next(supply), second)
    async with queue.database.transaction() as connection:
        # A frozen request that is joining the job.
        await connection.execute("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE", {"id": locked})

        # Each in a task of its own has a connection of its own.
        claimed = [await asyncio.create_task(queue.claim()) for _ in range(2)]

    assert [job and job.id for job in claimed] == [free, None]
    assert await queue.claimed(1) == [first]


async def test_a_users_own_request_does_not_wait_for_their_batch(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    worker = await queue.worker(wanted=TOTAL, users=[user_id])
    batch = await queue.add(next(supply), user_id, lane=Lane.BATCH)
    assert await queue.claim(worker) is None
    single = await queue.add(next(supply), user_id)

    claimed = await queue.claim(worker)

    assert claimed is not None
    assert (claimed.id, claimed.lane) == (single, Lane.SINGLE)
    assert await queue.claim(worker) is None
    assert (await queue.claim(worker, wants_more=True)).id == batch  # type: ignore[union-attr]


async def test_large_cases_of_a_user_do_not_hold_up_what_the_user_asks_for_next(
    queue: Turns, supply: Iterator[str]
) -> None:
    [user_id] = await queue.users(1)
    worker = await queue.worker(wanted=TOTAL, singles=TOTAL, users=[user_id])
    waiting = [await queue.add(next(supply), user_id) for _ in range(2)]
    await served(queue, user_id, "now()")
    assert await queue.claim(worker) is None

    await served(queue, user_id, f"now() - interval '{SINGLE_JOB_INTERVAL.total_seconds()} seconds'")
    claimed = await queue.claim(worker)

    assert claimed is not None
    assert claimed.id == waiting[0]
    # One at a time: a user who asks for many, one by one, has a few of them in work.
    assert await queue.claim(worker) is None


async def test_a_user_has_no_more_large_cases_in_work_than_there_are_slots(queue: Turns, supply: Iterator[str]) -> None:
    [user_id] = await queue.users(1)
    worker = await queue.worker(wanted=TOTAL * PER_JOB, singles=TOTAL * PER_JOB, users=[user_id])
    await queue.add(next(supply), user_id)
    await served(queue, user_id, "'-infinity'")

    assert await queue.claim(worker) is None


async def served(queue: Turns, user_id: UUID, moment: str) -> None:
    await queue.fetch(f"UPDATE turns SET served_at = {moment} WHERE user_id = :id RETURNING 1", id=user_id)  # noqa: S608


async def test_a_worker_passes_over_a_user_who_has_enough_jobs_there(queue: Turns, supply: Iterator[str]) -> None:
    many, other = await queue.users(2)
    for user_id in (many, other, many):
        await queue.add(next(supply), user_id)

    claimed = [await queue.claim(passed_over=[many], wants_more=True) for _ in range(2)]

    assert [job and job.user_id for job in claimed] == [other, None]


async def test_a_worker_that_is_full_takes_only_a_user_who_has_no_job_yet(queue: Turns, supply: Iterator[str]) -> None:
    busy, newcomer = await queue.users(2)
    worker = await queue.worker(users=[busy])
    for user_id in (busy, newcomer):
        await queue.add(next(supply), user_id)

    claimed = [await queue.claim(worker, newcomers_only=True) for _ in range(2)]

    assert [job and job.user_id for job in claimed] == [newcomer, None]


async def test_workers_of_the_version_before_are_understood(stack: Stack, supply: Iterator[str]) -> None:
    url = await create_before(stack, "0027")
    async with open_pool(url) as pool:
        queue = Turns(pool)
        busy, newcomer = await queue.users(2)
        await queue.fetch(
            "INSERT INTO portal_shares (worker_id, granted, users, wanted, in_use)"
            " VALUES (gen_random_uuid(), 10, ARRAY[CAST(:user_id AS uuid)], ARRAY[10], ARRAY[10]) RETURNING 1",
            user_id=busy,
        )
        for user_id in (busy, newcomer):
            await queue.add(next(supply), user_id, lane=Lane.BATCH)

        await migrate(url)

        assert await queue.claimed(2) == [newcomer, None]
        async with pool.connection() as connection:
            [old] = await portal_slots.shares(connection)
        assert (old.wanted_by_user(), old.singles_by_user()) == ({busy: 10}, {})
    await roll_back_to(url, "0027")
