"""A new kind of leased work takes a table, a task and a row in each table of kinds. Here it is that of pages."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from arq.connections import ArqRedis

from service.actions.rescue import LEASED_KINDS, sweep
from service.database import leases
from service.database.connection import Connection, Database
from service.database.leases import LeaseLost
from service.local.stack import Stack
from service.queue.task_queue import RetryUntilShutdown, TaskQueue, decode_message, encode_message, redis_pool
from tests.conftest import create_database
from tests.support.database.leased_pages import (
    KIND,
    MAKE_PAGE,
    PAGES,
    SERVED,
    TABLE,
    TERM,
    Page,
    Press,
    claim,
    claim_and_make,
    release,
)
from tests.support.deliveries.deliveries import name_of, open_pool, task_context
from worker import lease
from worker.context import Context
from worker.queues import arq_worker
from worker.shutdown import end


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with open_pool(await create_database(stack), size=6) as pool:
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        yield pool


@pytest.fixture
async def redis(stack: Stack) -> AsyncIterator[ArqRedis]:
    redis = redis_pool(stack.endpoints.redis_url, retry=RetryUntilShutdown())
    yield redis
    await redis.delete(MAKE_PAGE.queue)
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
async def page_id(database: Database) -> AsyncIterator[UUID]:
    """A page that is due, without a message."""
    page_id = uuid4()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO pages (id) VALUES (:id)", {"id": page_id})
    yield page_id
    await execute(database, page_id, "DELETE FROM pages WHERE id = :id")


async def execute(database: Database, page_id: UUID, statement: str) -> dict[str, Any]:
    """Run a statement on one page. Return its row, if it returns one."""
    async with database.connection() as connection:
        row = await connection.fetch_one(statement, {"id": page_id})
    return dict(row or {})


async def row(database: Database, page_id: UUID) -> dict[str, Any]:
    return await execute(database, page_id, "SELECT * FROM pages WHERE id = :id")


async def sweep_all(database: Database, redis: ArqRedis) -> dict[str, int]:
    return await sweep(database, TaskQueue(redis), (*LEASED_KINDS, KIND))


@contextlib.asynccontextmanager
async def working(context: Context, redis: ArqRedis, press: Press) -> AsyncIterator[None]:
    """A worker that serves the queue of the pages, in this process."""
    codec = {"job_serializer": encode_message, "job_deserializer": decode_message}
    worker = arq_worker(SERVED, context, {"redis_pool": redis, "keep_result": 0, "handle_signals": False} | codec)
    worker.ctx["press"] = press
    running = asyncio.create_task(worker.async_run())
    try:
        yield
    finally:
        worker.allow_pick_jobs = False
        if worker.tasks:
            # arq still removes the messages of what has just ended.
            await asyncio.wait(worker.tasks.values())
        # arq's loop may swallow a cancellation.
        await end(running)


async def test_the_sweep_enqueues_it_and_a_worker_makes_it(database: Database, redis: ArqRedis, page_id: UUID) -> None:
    press = Press()

    assert await sweep_all(database, redis) == {"job": 0, "delivery": 0, "watch": 0, "page": 1}
    async with working(task_context(database), redis, press):
        assert await press.ended.get() == "made"

    assert (await row(database, page_id))["status"] == "made"
    assert await sweep_all(database, redis) == {"job": 0, "delivery": 0, "watch": 0, "page": 0}


async def test_what_has_a_message_or_a_worker_is_not_enqueued_again(
    database: Database, redis: ArqRedis, page_id: UUID
) -> None:
    swept = await asyncio.gather(*(sweep_all(database, redis) for _ in range(4)))
    assert sum(each["page"] for each in swept) == 1
    assert await redis.zcard(MAKE_PAGE.queue) == 1

    await claim(database, page_id)
    await execute(database, page_id, "UPDATE pages SET enqueue_at = now() - interval '1 second' WHERE id = :id")

    assert (await sweep_all(database, redis))["page"] == 0


async def test_one_of_many_claims_it(database: Database, page_id: UUID) -> None:
    claimed = await asyncio.gather(*(claim(database, page_id) for _ in range(6)))

    assert sum(each is not None for each in claimed) == 1


async def test_the_lease_is_renewed_while_it_is_made(
    database: Database, page_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.01)
    press, renewed, renew = Press(waits=True), asyncio.Event(), leases.renew

    async def noted(connection: Connection, *args: Any, **kwargs: Any) -> bool:
        is_held = await renew(connection, *args, **kwargs)
        renewed.set()
        return is_held

    monkeypatch.setattr(leases, "renew", noted)
    making = asyncio.create_task(claim_and_make(task_context(database), press, page_id))
    await press.begun.wait()
    claimed_until = (await row(database, page_id))["lease_expires_at"]
    for _ in range(2):
        # The first one may have started before the poll.
        renewed.clear()
        await renewed.wait()

    assert (await row(database, page_id))["lease_expires_at"] > claimed_until
    press.let_end.set()
    await making
    assert await press.ended.get() == "made"


async def test_a_worker_that_lost_it_stops_and_writes_nothing(
    database: Database, page_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.01)
    press = Press(waits=True)
    making = asyncio.create_task(claim_and_make(task_context(database), press, page_id))
    await press.begun.wait()

    taken = await take_over(database, page_id)

    assert await press.ended.get() == "lost"
    await making
    found = await row(database, page_id)
    assert (found["status"], found["lease_token"]) == ("pending", taken.lease)


async def test_a_late_write_of_a_worker_that_lost_it_changes_nothing(database: Database, page_id: UUID) -> None:
    late = await claim(database, page_id)
    assert late is not None
    taken = await take_over(database, page_id)

    with pytest.raises(LeaseLost):
        await Press().print(task_context(database), late)
    async with database.connection() as connection:
        assert not await leases.renew(connection, PAGES, late, term=TERM)
        await leases.release(connection, PAGES, late)

    assert (await row(database, page_id))["lease_token"] == taken.lease


async def take_over(database: Database, page_id: UUID) -> Page:
    """Claim what another worker has, in one statement with the end of its lease: no renewal gets between."""
    taken = Page(page_id, uuid4())
    async with database.transaction() as connection:
        ended = "UPDATE pages SET lease_expires_at = now() - interval '1 second' WHERE id = :id"
        await connection.execute(ended, {"id": page_id})
        assert await leases.claim(connection, PAGES, page_id, taken.lease, term=TERM) is not None
    return taken


async def test_a_worker_that_is_stopped_gives_it_back(database: Database, page_id: UUID) -> None:
    press = Press(waits=True)
    making = asyncio.create_task(claim_and_make(task_context(database), press, page_id))
    await press.begun.wait()

    making.cancel()
    await asyncio.wait([making])

    assert making.cancelled()
    assert await claim(database, page_id) is not None


async def test_a_claim_that_is_cut_off_gives_it_back(database: Database, page_id: UUID) -> None:
    claimed, go_on = asyncio.Event(), asyncio.Event()

    async def claim_slowly() -> Page | None:
        page = await claim(database, page_id)
        claimed.set()
        await go_on.wait()
        return page

    async def claim_and_give_back() -> None:
        await lease.claim(claim_slowly(), partial(release, database))

    claiming = asyncio.create_task(claim_and_give_back())
    await claimed.wait()
    claiming.cancel()
    go_on.set()
    await asyncio.wait([claiming])

    assert claiming.cancelled()
    assert await claim(database, page_id) is not None


CLAIM_AND_STAND_STILL = """
import asyncio, sys, uuid
from service.database.connection import create_database
from tests.support.database.leased_pages import claim

async def main():
    database = create_database(sys.argv[1], application_name="tests", max_size=1)
    await database.connect()
    print(await claim(database, uuid.UUID(sys.argv[2])) is not None, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_is_made_after_its_worker_was_killed(
    stack: Stack, database: Database, redis: ArqRedis, page_id: UUID
) -> None:
    url = f"{stack.endpoints.database_url.rpartition('/')[0]}/{await name_of(database)}"
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLAIM_AND_STAND_STILL, url, str(page_id), stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    assert await killed.stdout.readline() == b"True\n"
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    # The term passes.
    await execute(
        database,
        page_id,
        "UPDATE pages SET lease_expires_at = now() - interval '1 second', enqueue_at = now() WHERE id = :id",
    )
    press = Press()

    assert (await sweep_all(database, redis))["page"] == 1
    async with working(task_context(database), redis, press):
        assert await press.ended.get() == "made"
