"""Clients that disconnect and cancelled tasks, at every await: no slot, upload or lease is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import uvicorn

from service.app import build
from service.database.connection import Database
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from service.queue.task_queue import RetryUntilShutdown
from service.settings import Settings, load_settings
from tests.acceptance.faults.conftest import Numbers
from tests.support.buckets import Bucket
from tests.support.database.claims import claim_job
from tests.support.database.workload import Place
from tests.support.processes import free_port
from worker.context import Context
from worker.main import _open as open_context
from worker.tasks.download_process import claim_and_run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

POOL = 4
AT_ONCE = 8
NEVER_ENDS = Fault(kind=FaultKind.SLOW_DRIP, times=FOR_EVER, seconds=0.5)


@pytest.mark.parametrize("times", [150, pytest.param(2500, marks=pytest.mark.long)])
async def test_tasks_that_are_cancelled_lose_nothing(
    place: Place, numbers: Numbers, bucket: Bucket, note: Callable[[str], None], times: int
) -> None:
    started = await start_jobs(place, numbers.take(AT_ONCE))
    async with AsyncExitStack() as stack:
        context = await open_context(stack, settings_of(place), RetryUntilShutdown())
        before = await counts(place, context, bucket)
        refused = 0

        async def cancel_again_and_again(job: UUID) -> None:
            nonlocal refused
            for _ in range(times // AT_ONCE):
                await forget_documents(context.database, job)
                refused += await cancel_once(context, job)

        sharing = asyncio.create_task(context.share.keep_for_ever())
        await asyncio.gather(*(cancel_again_and_again(job) for job in started))
        sharing.cancel()
        await asyncio.wait([sharing])
        after = await counts_in_the_end(place, context, bucket)

    assert after == before == Counter()
    # Each run found the lease released by the previous run.
    assert refused == 0
    note(f"{times} task cancellations; before {dict(before)}, after {dict(after)} (slots, leases, uploads, places)")


async def start_jobs(place: Place, cases: list[str]) -> list[UUID]:
    """Jobs of a few documents, one of them in two parts and one that never comes: they never end by themselves."""
    await place.put_cases(
        cases,
        DocumentSpec(origin_id="never", size=400_000),
        DocumentSpec(origin_id="large", size=9_000_000),
        DocumentSpec(count=3, size=3000),
    )
    await asyncio.gather(*(place.portal.fail_document(case, "never", NEVER_ENDS) for case in cases))
    return [UUID(answer.json["job_id"]) for answer in await place.request(cases)]


def settings_of(place: Place) -> Settings:
    environment = {**place.service.environment, "DATABASE_POOL_SIZE": str(POOL)}
    return load_settings(environment, env_file=place.objects / "none")


async def forget_documents(database: Database, job: UUID) -> None:
    """Reset the documents, so that the next run does everything again."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE documents SET status = 'pending', storage_key = NULL, size = NULL, sha256 = NULL,"
            " mime_type = NULL WHERE job_id = :job",
            {"job": job},
        )


async def cancel_once(context: Context, job: UUID) -> int:
    """Cancel a run at a random time. Returns 1 if it ended before, as a run without the lease does."""
    claim, claimed = partial(claim_job, job_id=job), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(claim_and_run(context, claim, claimed))
    # The first awaits follow each other at once; the later ones wait for servers.
    for _ in range(random.randrange(60)):  # noqa: S311  (moments, not secrets)
        await asyncio.sleep(0)
    if random.random() < 0.5:  # noqa: S311  (as above)
        await asyncio.sleep(random.uniform(0, 0.4))  # noqa: S311  (as above)
    running.cancel()
    await asyncio.wait([running])
    return 0 if running.cancelled() else 1


async def counts(place: Place, context: Context, bucket: Bucket) -> Counter[str]:
    """The resources that are held now."""
    leases = await place.service.fetch("SELECT 1 FROM jobs WHERE lease_token IS NOT NULL")
    held = Counter(slots=slots_in_use(context.database), leases=len(leases), uploads=len(await bucket.open_uploads()))
    held["requests at the portal"] = (await place.portal.journal())["documents_in_flight"]
    return +held


async def counts_in_the_end(place: Place, context: Context, bucket: Bucket) -> Counter[str]:
    """The resources that are still held after the servers had time to notice: none, or those that are lost."""
    patience_ends_at = asyncio.get_running_loop().time() + 60
    while held := await counts(place, context, bucket):
        if asyncio.get_running_loop().time() > patience_ends_at:
            break
        await asyncio.sleep(0.05)
    return held


def slots_in_use(database: Database) -> int:
    pool = database._backend._pool  # noqa: SLF001  (databases has no public way)
    return int(pool.get_size() - pool.get_idle_size())


@pytest.mark.parametrize("times", [150, pytest.param(2500, marks=pytest.mark.long)])
async def test_clients_that_hang_up_and_requests_that_are_cancelled_lose_nothing(
    place: Place, numbers: Numbers, note: Callable[[str], None], times: int
) -> None:
    cases = numbers.take(AT_ONCE)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000))
    await place.request(cases)
    async with running_api(settings_of(place)) as server:
        database: Database = server.lifespan.state["database"]
        before = slots_in_use(database)

        async def interrupt_again_and_again(case: str) -> None:
            for turn in range(times // AT_ONCE):
                path = f"/api/v1/processes/{case}" + ("" if turn % 2 else "/status")
                if turn % 4 < 2:
                    await hang_up(server, path, place.service.environment["ADMIN_API_KEY"])
                else:
                    await cancel_request(server, path, place.service.environment["ADMIN_API_KEY"])

        await asyncio.gather(*(interrupt_again_and_again(case) for case in cases))
        async with asyncio.timeout(60):
            # Requests of disconnected clients run to their end, and hold no slot while they wait.
            while server.server_state.tasks or slots_in_use(database):  # noqa: ASYNC110  (nothing to wait for)
                await asyncio.sleep(0.02)
        after = slots_in_use(database)
        open_transactions = await place.service.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )

    assert (before, after, open_transactions) == (0, 0, [])
    note(f"{times} clients that hung up or requests cancelled: slots in use before {before}, after {after}")


@asynccontextmanager
async def running_api(settings: Settings) -> AsyncIterator[uvicorn.Server]:
    """The API in this process, so that its pool can be looked at."""
    config = uvicorn.Config(build(settings), port=free_port(), log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn says so in no other way)
        await asyncio.sleep(0.02)
    yield server
    server.should_exit = True
    await serving


async def hang_up(server: uvicorn.Server, path: str, api_key: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {api_key}\r\n\r\n".encode())
    await writer.drain()
    await asyncio.sleep(random.uniform(0, 0.03))  # noqa: S311  (moments, not secrets)
    writer.transport.abort()
    reader.feed_eof()


async def cancel_request(server: uvicorn.Server, path: str, api_key: str) -> None:
    """Cancel a handler, as a server does when the client disconnects."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"api"), (b"authorization", f"Bearer {api_key}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", server.config.port),
        "state": dict(server.lifespan.state),
    }
    application: Any = server.config.loaded_app
    running = asyncio.create_task(application(scope, _receive, _send))
    for _ in range(random.randrange(40)):  # noqa: S311  (moments, not secrets)
        await asyncio.sleep(0)
    if random.random() < 0.5:  # noqa: S311  (as above)
        await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311  (as above)
    running.cancel()
    await asyncio.wait([running])


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Any) -> None:
    await asyncio.sleep(0)
