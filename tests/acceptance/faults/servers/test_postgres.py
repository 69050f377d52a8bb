"""PostgreSQL restarted, killed, out of connections, or cut off: the service waits and recovers."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.database.workload import Place, digits

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

SOME_AVAILABLE = "SELECT 1 FROM documents WHERE status = 'available' OFFSET $1"
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('autos api', 'autos worker')"
)


async def test_a_restarted_and_a_killed_postgres_lose_nothing(
    place: Place, numbers: Numbers, servers: Stack, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)

    for turn, end in enumerate((servers.stop_server, servers.kill_server)):
        await place.service.until(SOME_AVAILABLE, 20 + turn * 100)
        await asyncio.to_thread(end, "postgres")
        try:
            assert (await place.service.api.get(f"/api/v1/processes/{cases[0]}")).status == 503
        finally:
            await asyncio.to_thread(servers.start_server, "postgres")

    waited = await expect_all(place, cases)
    note(f"a restart and a SIGKILL of PostgreSQL during 20 jobs of 20 documents: all ended {waited:.0f} s later")


async def test_connections_that_are_killed_lose_nothing(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)
    killed = 0

    for _turn in range(20):
        killed += len(await place.service.fetch(TERMINATE))
        await asyncio.sleep(0.3)

    waited = await expect_all(place, cases)
    note(f"{killed} connections terminated during 20 jobs of 20 documents: all ended {waited:.0f} s later")


async def test_a_postgres_that_goes_silent_loses_nothing(
    place: Place, numbers: Numbers, wires: Wires, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)
    await place.service.until(SOME_AVAILABLE, 20)

    wires.postgres.go_silent()
    begin = time.monotonic()
    answer = await place.service.api.get(f"/api/v1/processes/{cases[0]}")
    patience = time.monotonic() - begin
    # Bytes that were lost on the way stay lost.
    wires.postgres.cut()
    wires.postgres.bring_back()

    assert answer.status == 503
    waited = await expect_all(place, cases)
    note(f"PostgreSQL half-open: 503 after {patience:.1f} s; all ended {waited:.0f} s after it was back")


async def test_a_postgres_without_a_free_connection_loses_no_request_that_was_accepted(
    place: Place, numbers: Numbers, servers: Stack, note: Callable[[str], None]
) -> None:
    cases = numbers.take(30)
    await place.put_cases(cases, DocumentSpec(count=3, size=3000))
    await place.service.add_worker()

    async with all_connections_taken(servers):
        answers = await asyncio.gather(*(place.service.api.process(number) for number in cases))
        await asyncio.sleep(10)

    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 503}
    accepted = [number for number, answer in zip(cases, answers, strict=True) if answer.status == 200]
    for number in accepted:
        assert (await place.service.api.ended(number))["status"] == "completed"
    refused = [number for number in cases if number not in accepted]
    await place.request(refused)
    await place.ended(refused)
    note(f"no connection left at PostgreSQL: {statuses[200]} requests accepted, {statuses[503]} refused with 503")


@asynccontextmanager
async def all_connections_taken(servers: Stack) -> AsyncIterator[None]:
    """Take all connections: other clients lose theirs and get no new ones."""
    async with AsyncExitStack() as stack:
        first = await asyncpg.connect(servers.endpoints.database_url)
        stack.push_async_callback(first.close)
        taken = True
        while taken:
            await take_what_is_free(servers, stack)
            taken = bool(await first.fetch(TERMINATE))
        yield


async def take_what_is_free(servers: Stack, stack: AsyncExitStack) -> None:
    """Connect until the server refuses."""
    with contextlib.suppress(asyncpg.TooManyConnectionsError):
        while True:
            connection = await asyncpg.connect(servers.endpoints.database_url)
            stack.push_async_callback(connection.close)


async def start_work(place: Place, numbers: Numbers) -> list[str]:
    cases = numbers.take(20)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000))
    await place.portal.configure(latency_binary_ms=100)
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))
    await place.request(cases)
    return cases


async def expect_all(place: Place, cases: list[str]) -> float:
    """Wait until everything has ended, and return after how many seconds."""
    begin = time.monotonic()
    await place.ended(cases, timeout=150)
    await place.expect_all_done_once(cases)
    # A process that had to be restarted would not be running.
    assert all(each.is_running() for each in (*place.service.workers, *place.service.apis))
    assert (await place.service.api.get(f"/api/v1/processes/{digits(cases[0])}/status")).status == 200
    return time.monotonic() - begin
