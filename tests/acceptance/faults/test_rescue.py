"""The sweep: nothing that is due stays without somebody who works on it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import redis.asyncio

from service.database.connection import Database, create_database
from service.local.portal import DocumentSpec
from service.local.stack import Stack
from service.queue import DOWNLOAD_QUEUE, Bell, redis_pool
from service.rescue import Swept, sweep
from tests.acceptance.faults.conftest import Numbers
from tests.support.buckets import Bucket
from tests.support.commands import REPOSITORY, autos
from tests.support.workload import Place

pytestmark = pytest.mark.faults


async def test_sweeps_at_the_same_time_ring_once_for_each(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept_and_lose_the_bells(place, numbers, servers, count=20)
    async with opened(place) as (database, bell):
        swept = await asyncio.gather(*(sweep(database, bell) for _ in range(8)))

    assert sum(each.jobs for each in swept) == 20
    assert len(await bells(servers)) == 20


async def test_a_lost_bell_is_rung_again_for_a_job_that_waits_for_a_long_time(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    async with opened(place) as (database, bell):
        await sweep(database, bell)
        await accept_and_lose_the_bells(place, numbers, servers, count=1)
        await place.service.fetch("UPDATE jobs SET ring_at = now() + interval '5 minutes'")

        assert await sweep(database, bell) == Swept(jobs=1)
        assert await sweep(database, bell) == Swept()

    assert len(await bells(servers)) == 1


async def test_the_sweep_can_be_made_by_hand(place: Place, numbers: Numbers, servers: Stack) -> None:
    await accept_and_lose_the_bells(place, numbers, servers, count=2)

    done = await asyncio.to_thread(
        subprocess.run,
        autos("rescue"),
        cwd=REPOSITORY,
        env=dict(place.service.environment),
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


async def test_uploads_that_were_left_open_are_aborted_when_they_are_old(bucket: Bucket) -> None:
    async with bucket.store.start_upload("left/open", "application/pdf"):
        assert await bucket.store.abort_stale_uploads(older_than=timedelta(days=1)) == 0
        assert await bucket.open_uploads() == ["left/open"]

        assert await bucket.store.abort_stale_uploads(older_than=-timedelta(minutes=1)) == 1

        assert await bucket.open_uploads() == []


async def test_an_upload_begins_by_aborting_what_was_left_open_under_its_key(bucket: Bucket) -> None:
    async with (
        bucket.store.start_upload("same/key", "text/plain"),
        bucket.store.start_upload("same/key2", "text/plain"),
        bucket.store.start_upload("same/key", "text/plain") as upload,
    ):
        assert sorted(await bucket.open_uploads()) == ["same/key", "same/key2"]
        await upload.put_part([b"all of it"])
        await upload.complete()

    assert await bucket.read("same/key") == b"all of it"


async def accept_and_lose_the_bells(place: Place, numbers: Numbers, servers: Stack, *, count: int) -> None:
    cases = numbers.take(count)
    await place.put_cases(cases, DocumentSpec())
    await place.request(cases)
    await place.service.fetch("UPDATE jobs SET ring_at = now()")
    await flush(servers)


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[tuple[Database, Bell]]:
    """What a worker sweeps with."""
    database = create_database(place.service.database_url, application_name="tests", max_size=4)
    redis_ = redis_pool(place.service.environment["REDIS_URL"])
    await database.connect()
    try:
        yield database, Bell(redis_)
    finally:
        await redis_.aclose(close_connection_pool=True)
        await database.close()


async def flush(servers: Stack) -> None:
    connection = redis.asyncio.Redis.from_url(servers.endpoints.redis_url)
    await connection.flushall()
    await connection.aclose()


async def bells(servers: Stack) -> list[bytes]:
    connection = redis.asyncio.Redis.from_url(servers.endpoints.redis_url)
    try:
        return list(await connection.zrange(DOWNLOAD_QUEUE, 0, -1))
    finally:
        await connection.aclose()
