"""S3 that fails at times, is away, or is cut off within a part."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from service.actions.bucket_tidying import abort_stale_uploads
from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.buckets import Bucket
from tests.support.database.workload import Place
from tests.support.deliveries.deliveries import open_pool
from tests.support.servers.s3_proxy import WireFault, running_s3_proxy

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

OPERATIONS = ("put", "create", "part", "complete", "other")
LARGE = 20_000_000  # bytes: three parts
SMALL = DocumentSpec(count=20, size=3000)


async def test_a_store_that_fails_every_fifth_request_loses_nothing(
    place: Place, numbers: Numbers, servers: Stack, bucket: Bucket, note: Callable[[str], None]
) -> None:
    cases = numbers.take(15)
    await place.put_cases(cases, SMALL, DocumentSpec(count=2, size=LARGE))
    async with running_s3_proxy(servers.endpoints.s3_endpoint_url) as proxy:
        for operation in OPERATIONS:
            proxy.plan(operation, *random.choices(*FIFTH, k=2000))  # noqa: S311  (a plan, not a secret)
        await asyncio.gather(*(place.service.add_worker(S3_ENDPOINT_URL=proxy.url) for _ in range(2)))
        await place.request(cases)
        await expect_all(place, cases, bucket)
        await asyncio.gather(*(each.stop() for each in place.service.workers))
        note(
            f"{len(proxy.seen)} requests to S3, a fifth of them answered 500 or 503: nothing lost, no upload left open"
        )


FIFTH = ((WireFault.NONE, WireFault.ERROR_500, WireFault.ERROR_503), (8, 1, 1))


async def test_a_store_that_is_away_for_a_minute_loses_nothing(
    place: Place, numbers: Numbers, wires: Wires, bucket: Bucket, note: Callable[[str], None]
) -> None:
    cases = numbers.take(15)
    await place.put_cases(cases, SMALL, DocumentSpec(size=LARGE))
    await place.portal.configure(latency_binary_ms=100)
    await place.service.add_worker()
    await place.request(cases)
    await place.service.until("SELECT 1 FROM documents WHERE status = 'available' OFFSET 20")

    wires.s3.take_away()
    await asyncio.sleep(60)
    wires.s3.bring_back()

    begin = time.monotonic()
    await expect_all(place, cases, bucket)
    note(f"S3 away for a minute: all ended {time.monotonic() - begin:.0f} s after it was back")


async def test_connections_cut_in_the_middle_of_a_part_lose_nothing(
    place: Place, numbers: Numbers, wires: Wires, bucket: Bucket, note: Callable[[str], None]
) -> None:
    cases = numbers.take(4)
    await place.put_cases(cases, DocumentSpec(count=3, size=LARGE))
    wires.s3.cut_uploads(12, after=3_000_000)
    await place.service.add_worker()

    await place.request(cases)

    await expect_all(place, cases, bucket)
    assert wires.s3.cuts == 12
    assert set((await place.downloads(cases)).values()) == {1}
    note("12 connections cut in the middle of a part of 12 documents of 20 MB: sent again, none downloaded twice")


async def test_the_uploads_of_a_worker_that_is_killed_are_aborted_by_the_sweep(
    place: Place, numbers: Numbers, wires: Wires, bucket: Bucket, note: Callable[[str], None]
) -> None:
    cases = numbers.take(2)
    await place.put_cases(cases, DocumentSpec(count=2, size=LARGE))
    wires.s3.slow_down(4_000_000)
    victim = await place.service.add_worker()
    await place.request(cases)
    async with asyncio.timeout(30):
        while len(await bucket.open_uploads()) < 2:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)

    victim.send(signal.SIGKILL)
    await victim.ended()
    left = await bucket.open_uploads()
    place.service.workers.remove(victim)
    wires.s3.slow_down(0)
    await place.service.add_worker()

    assert left
    await place.ended(cases, timeout=150)
    await place.expect_all_done_once(cases)
    async with open_pool(place.service.database_url) as database:
        assert await abort_stale_uploads(database, bucket.store, older_than=-timedelta(minutes=1)) == len(left)
    assert await bucket.open_uploads() == []
    note(f"{len(left)} uploads left open by a SIGKILL: 0 open at the end")


async def expect_all(place: Place, cases: list[str], bucket: Bucket) -> None:
    await place.ended(cases, timeout=150)
    await place.expect_all_done_once(cases)
    assert await bucket.open_uploads() == []
