"""The sweep: nothing that is due stays without somebody who works on it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from arq.constants import in_progress_key_prefix

from service.database.connection import Database, create_database
from service.local.portal import DocumentSpec
from service.local.stack import Stack
from service.queue import DOWNLOAD_QUEUE, Bell, Patience, redis_pool
from service.rescue import Swept, sweep
from tests.acceptance.faults.conftest import Numbers
from tests.support.commands import REPOSITORY, autos
from tests.support.workload import Place

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


async def test_sweeps_at_the_same_time_ring_once_for_each(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept_and_lose_the_bells(place, numbers, servers, count=20)
    async with opened(place, servers) as (database, bell):
        # Of the loss itself only one of them is told.
        await bell.remember()
        swept = await asyncio.gather(*(sweep(database, bell) for _ in range(8)))

    assert sum(each.jobs for each in swept) == 20
    assert len(await bells(servers)) == 20


async def test_a_lost_bell_is_rung_again_for_a_job_that_waits_for_a_long_time(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    async with opened(place, servers) as (database, bell):
        await sweep(database, bell)
        await accept_and_lose_the_bells(place, numbers, servers, count=1)
        await place.service.fetch("UPDATE jobs SET ring_at = now() + interval '5 minutes'")

        assert await sweep(database, bell) == Swept(jobs=1)
        assert await sweep(database, bell) == Swept()

    assert len(await bells(servers)) == 1


async def test_a_bell_that_still_waits_is_left_alone_and_keeps_its_place(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    await flush(servers)
    async with opened(place, servers) as (database, bell):
        await sweep(database, bell)
        await accept_and_ring(place, numbers, database, bell, count=3)
        before = await bells(servers)

        assert await sweep(database, bell) == Swept()

    assert len(before) == 3
    assert await bells(servers) == before


async def test_a_bell_that_a_dead_worker_had_taken_may_be_taken_anew(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    await flush(servers)
    async with opened(place, servers) as (database, bell):
        await sweep(database, bell)
        await accept_and_ring(place, numbers, database, bell, count=1)
        (name,) = await bells(servers)
        # As arq's worker does before it begins.
        async with connected(servers) as valkey:
            await valkey.set(in_progress_key_prefix + name.decode(), 1, ex=60)

        assert await sweep(database, bell) == Swept(jobs=1)

    assert await bells(servers) == [name]
    async with connected(servers) as valkey:
        assert not await valkey.exists(in_progress_key_prefix + name.decode())


async def test_the_sweep_can_be_made_by_hand(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept_and_lose_the_bells(place, numbers, servers, count=2)

    done = await asyncio.to_thread(
        subprocess.run,
        autos("rescue"),
        cwd=REPOSITORY,
        env={**place.service.environment, "REDIS_URL": servers.endpoints.redis_url},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "rang for 2 jobs and 0 deliveries, aborted 0 uploads"
    assert len(await bells(servers)) == 2


@pytest.mark.long
async def test_a_delivery_whose_bell_was_lost_is_made(place: Place, numbers: Numbers, servers: Stack) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec())
    place.subscriber.answer(f"/{number}", 500, 500)
    await place.service.add_worker()
    await place.request([number])

    for attempt in (1, 2):
        await place.service.until("SELECT 1 FROM delivery_attempts OFFSET $1", attempt - 1)
        await flush(servers)

    received = await place.subscriber.wait_for(f"/{number}", 3, timeout=60)
    assert len({each.headers["webhook-id"] for each in received}) == 1


async def accept(place: Place, numbers: Numbers, *, count: int) -> None:
    """Jobs that nobody has taken for so long that the sweep looks at them."""
    cases = numbers.take(count)
    await place.put_cases(cases, DocumentSpec())
    await place.request(cases)
    await make_overdue(place)


async def make_overdue(place: Place) -> None:
    await place.service.fetch("UPDATE jobs SET ring_at = now()")


async def accept_and_ring(place: Place, numbers: Numbers, database: Database, bell: Bell, *, count: int) -> None:
    """The API rings by itself, but for those moments in which Valkey is too late for it."""
    await accept(place, numbers, count=count)
    await sweep(database, bell)
    await make_overdue(place)


async def accept_and_lose_the_bells(place: Place, numbers: Numbers, servers: Stack, *, count: int) -> None:
    await accept(place, numbers, count=count)
    await flush(servers)


@asynccontextmanager
async def opened(place: Place, servers: Stack) -> AsyncIterator[tuple[Database, Bell]]:
    """What a worker sweeps with."""
    database = create_database(place.service.database_url, application_name="tests", max_size=4)
    redis_ = redis_pool(servers.endpoints.redis_url, patience=Patience())
    await database.connect()
    try:
        yield database, Bell(redis_)
    finally:
        await redis_.aclose(close_connection_pool=True)
        await database.close()


@asynccontextmanager
async def connected(servers: Stack) -> AsyncIterator[redis.asyncio.Redis]:
    connection = redis.asyncio.Redis.from_url(servers.endpoints.redis_url)
    try:
        yield connection
    finally:
        await connection.aclose()


async def flush(servers: Stack) -> None:
    async with connected(servers) as valkey:
        await valkey.flushall()


async def bells(servers: Stack) -> list[bytes]:
    async with connected(servers) as valkey:
        return list(await valkey.zrange(DOWNLOAD_QUEUE, 0, -1))
