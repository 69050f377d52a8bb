"""Workers that are frozen for longer than their lease: afterwards they harm nothing that others wrote."""

import asyncio
import hashlib
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest

from service.actions.bucket_tidying import remove_unnamed_objects
from service.database.cases import documents
from service.database.leases import LeaseLost
from service.domain.documents import StoredFile
from service.local.simulator import DocumentSpec
from service.queue.task_queue import RetryUntilShutdown
from service.settings import load_settings
from tests.acceptance.faults.conftest import Numbers
from tests.acceptance.faults.processes.test_kills import LeaseWatch
from tests.support.buckets import Bucket
from tests.support.database.workload import Place, plain
from tests.support.deliveries.deliveries import open_pool
from tests.support.processes import Process
from worker.downloads.documents import _write
from worker.main import _open as open_context

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

FROZEN = 20.0  # seconds; a lease has 15
OTHERS_GO_ON = timedelta(seconds=30)


async def start(place: Place, numbers: Numbers, *, cases: int, workers: int) -> list[str]:
    """Start work of one or two seconds for so many workers, at a portal that sends other bytes each time."""
    taken = numbers.take(cases)
    await place.put_cases(taken, DocumentSpec(count=20, size=30_000), DocumentSpec(size=9_000_000))
    await place.portal.configure(renders=True, latency_binary_ms=100)
    missing = workers - len(place.service.workers)
    await asyncio.gather(*(place.service.add_worker() for _ in range(missing)))
    await place.request(taken)
    return taken


async def expect_true_objects(place: Place, cases: Sequence[str]) -> int:
    """Every document is stored with the bytes of its row. Returns how many."""
    rows = await place.service.fetch(
        "SELECT status, storage_key, sha256 FROM documents WHERE process_number = ANY($1)", plain(cases)
    )
    assert {row["status"] for row in rows} == {"available"}
    bucket = place.objects / place.service.environment["S3_BUCKET"]
    found = await asyncio.to_thread(_digests, [bucket / row["storage_key"] for row in rows])
    wrong = [row["storage_key"] for row, digest in zip(rows, found, strict=True) if row["sha256"] != digest]
    assert wrong == []
    return len(rows)


def _digests(files: Sequence[Path]) -> list[str]:
    return [hashlib.sha256(each.read_bytes()).hexdigest() for each in files]


async def test_a_worker_that_stood_still_overwrites_nothing_of_whoever_took_over(
    place: Place, numbers: Numbers, bucket: Bucket
) -> None:
    cases = await start(place, numbers, cases=4, workers=1)
    (frozen,) = place.service.workers
    await place.service.until("SELECT 1 FROM documents WHERE status = 'available'")
    frozen.send(signal.SIGSTOP)
    # All leases of the frozen worker have ended, as after some time.
    await place.service.fetch(
        "UPDATE jobs SET lease_expires_at = now() - interval '1 second', ring_at = now() WHERE lease_token IS NOT NULL"
    )
    await place.service.add_worker()
    await place.ended(cases)

    frozen.send(signal.SIGCONT)
    while not frozen.has_said("lease_lost"):
        assert frozen.is_running()
        await asyncio.sleep(0.05)
    assert await frozen.stop() == 0

    assert await expect_true_objects(place, cases) == 4 * 21
    assert await left_after_tidying(place, bucket) == await named_by_rows(place)


async def left_after_tidying(place: Place, bucket: Bucket) -> set[str]:
    """The objects of documents after unused ones were deleted without a delay."""
    await place.service.fetch("UPDATE untidy_cases SET tidy_at = now()")
    async with open_pool(place.service.database_url) as database:
        await remove_unnamed_objects(database, bucket.store, kept=-timedelta(minutes=1))
    return {key for key in await bucket.visible() if "/documentos/" in key}


async def named_by_rows(place: Place) -> set[str]:
    return {row["storage_key"] for row in await place.service.fetch("SELECT storage_key FROM documents")}


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_fifty_moments_at_which_workers_stand_still_for_twenty_seconds(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    seed = random.randrange(1_000_000)  # noqa: S311  (moments, not secrets)
    moments, watch = random.Random(seed), LeaseWatch(place.service)  # noqa: S311  (as above)
    cases: list[str] = []
    watching = asyncio.create_task(watch.watch())
    for _turn in range(10):
        cases += await start(place, numbers, cases=12, workers=6)
        await asyncio.gather(*(freeze(each, moments.uniform(0, 3)) for each in place.service.workers[1:]))
    await place.ended(cases, timeout=120)
    watching.cancel()

    checked = await expect_true_objects(place, cases)
    assert max(watch.gaps) < OTHERS_GO_ON, (seed, sorted(watch.gaps)[-10:])
    note(
        f"50 workers frozen for 20 s: {checked} objects are what their rows say, {len(watch.gaps)} takeovers,"
        f" longest {max(watch.gaps).total_seconds():.1f} s; seed {seed}"
    )


async def freeze(worker: Process, after: float) -> None:
    await asyncio.sleep(after)
    worker.send(signal.SIGSTOP)
    await asyncio.sleep(FROZEN)
    worker.send(signal.SIGCONT)


async def test_a_worker_whose_write_is_refused_removes_what_it_has_stored(
    place: Place, numbers: Numbers, bucket: Bucket
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec())
    (answer,) = await place.request([number])
    stored = StoredFile("stored/too/late", 1, "0" * 64, "text/plain")
    loser: Any = Mock(lease=uuid4())
    async with AsyncExitStack() as stack:
        settings = load_settings(dict(place.service.environment), env_file=place.objects / "none")
        context = await open_context(stack, settings, RetryUntilShutdown())
        async with context.database.connection() as connection:
            (task,) = await documents.tasks_of_job(connection, UUID(answer.json["job_id"]))
        await context.store.put(stored.key, [b"x"], "text/plain")

        with pytest.raises(LeaseLost):
            await _write(context, loser, task, stored, attempts=1, following=None)

    assert await bucket.is_empty("stored/")
