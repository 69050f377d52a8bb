"""The sweep: due work always gets a worker."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from service.actions.rescue import sweep
from service.database.connection import Database, create_database
from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from service.queue.task_queue import DOWNLOAD_QUEUE, WAKING_MESSAGES, RetryUntilShutdown, TaskQueue, redis_pool
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.commands import REPOSITORY, autos
from tests.support.database.workload import Place

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


async def test_sweeps_at_the_same_time_put_each_job_back_once(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept_and_lose_the_worker(place, numbers, count=20)
    async with opened(place, servers) as (database, queue):
        swept = await asyncio.gather(*(sweep(database, queue) for _ in range(8)))

    assert sum(each["job"] for each in swept) == 20
    assert await place.service.fetch("SELECT 1 FROM job_queue OFFSET 19")


async def test_however_many_jobs_wait_there_are_a_few_messages(place: Place, numbers: Numbers, servers: Stack) -> None:
    await flush(servers)
    await accept(place, numbers, count=30)

    assert 1 <= len(await messages(servers)) <= WAKING_MESSAGES


async def test_a_sweep_rewrites_no_job_that_waits_for_its_turn(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept(place, numbers, count=20)
    before = await place.service.fetch("SELECT ctid FROM jobs ORDER BY id")
    async with opened(place, servers) as (database, queue):
        assert await sweep(database, queue) == {"job": 0, "delivery": 0, "watch": 0}

    assert await place.service.fetch("SELECT ctid FROM jobs ORDER BY id") == before


async def test_a_job_that_was_put_off_goes_on_without_a_warning(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept(place, numbers, count=2)
    await place.service.fetch("UPDATE jobs SET ring_at = now() + interval '1 hour' RETURNING 1")
    await place.service.fetch("UPDATE job_queue SET ready_at = now() - interval '1 second' RETURNING 1")

    async with opened(place, servers) as (database, queue):
        with capture_logs() as put_off:
            assert await sweep(database, queue) == {"job": 0, "delivery": 0, "watch": 0}
        assert await place.service.fetch("SELECT 1 FROM jobs WHERE ring_at <= now() OFFSET 1")
        await accept_and_lose_the_worker(place, numbers, count=1)
        with capture_logs() as lost:
            await sweep(database, queue)

    assert put_off == []
    assert [each["event"] for each in lost] == ["rung_again"]


async def test_a_sweep_ends_while_redis_is_away(place: Place, numbers: Numbers, wires: Wires) -> None:
    await accept_and_lose_the_worker(place, numbers, count=3)
    wires.valkey.take_away()
    database = create_database(place.service.database_url, application_name="tests", max_size=2)
    redis_ = redis_pool(wires.endpoints.redis_url, retry=RetryUntilShutdown())
    await database.connect()
    try:
        assert await sweep(database, TaskQueue(redis_)) == {"job": 3, "delivery": 0, "watch": 0}
    finally:
        wires.valkey.bring_back()
        await redis_.aclose(close_connection_pool=True)
        await database.close()


async def test_workers_go_on_while_redis_is_away(place: Place, numbers: Numbers, wires: Wires) -> None:
    await place.service.add_worker()
    wires.valkey.take_away()
    cases = numbers.take(3)
    await place.put_cases(cases, DocumentSpec(count=3))
    await place.request(cases)

    await place.service.until("SELECT 1 FROM jobs WHERE status = 'completed' OFFSET 2")

    wires.valkey.bring_back()
    await place.ended(cases)


BY_HAND = {
    (): "put 2 jobs back, rang for 0 deliveries, put 0 checks back, aborted 0 uploads",
    ("--json",): '{"jobs":2,"deliveries":0,"watches":0,"uploads":0}',
}


@pytest.mark.parametrize("options", BY_HAND)
async def test_the_sweep_can_be_made_by_hand(
    place: Place, numbers: Numbers, servers: Stack, options: tuple[str, ...]
) -> None:
    await accept_and_lose_the_worker(place, numbers, count=2)

    done = await asyncio.to_thread(
        subprocess.run,
        autos("rescue", *options),
        cwd=REPOSITORY,
        env={**place.service.environment, "REDIS_URL": servers.endpoints.redis_url},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == BY_HAND[options]


@pytest.mark.long
async def test_a_delivery_whose_message_was_lost_is_made(place: Place, numbers: Numbers, servers: Stack) -> None:
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
    """Jobs that no worker has claimed."""
    cases = numbers.take(count)
    await place.put_cases(cases, DocumentSpec())
    await place.request(cases)


async def accept_and_lose_the_worker(place: Place, numbers: Numbers, *, count: int) -> None:
    """Jobs whose worker was killed."""
    await accept(place, numbers, count=count)
    await place.service.fetch(
        "UPDATE jobs SET status = 'processing', lease_token = gen_random_uuid(),"
        " lease_expires_at = now() - interval '1 second'"
    )


@asynccontextmanager
async def opened(place: Place, servers: Stack) -> AsyncIterator[tuple[Database, TaskQueue]]:
    """The context of a worker's sweep."""
    database = create_database(place.service.database_url, application_name="tests", max_size=4)
    redis_ = redis_pool(servers.endpoints.redis_url, retry=RetryUntilShutdown())
    await database.connect()
    try:
        yield database, TaskQueue(redis_)
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


async def messages(servers: Stack) -> list[bytes]:
    async with connected(servers) as valkey:
        return list(await valkey.zrange(DOWNLOAD_QUEUE, 0, -1))
