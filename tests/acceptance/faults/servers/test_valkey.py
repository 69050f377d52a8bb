"""Valkey emptied, restarted, away and frozen: messages are lost, but never work."""

import asyncio
import signal
import time
from collections.abc import Callable

import aiohttp
import pytest
import redis.asyncio

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.database.workload import Place, digits, plain

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

SOME_COMPLETED = "SELECT 1 FROM jobs WHERE status = 'completed' OFFSET $1"
ALIVE = 30  # seconds within which work goes on once everything is there


async def test_an_api_killed_between_commit_and_enqueue_has_accepted_the_request(
    place: Place, numbers: Numbers, wires: Wires
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=5))
    await place.service.add_worker()
    wires.valkey.go_silent()
    asking = asyncio.create_task(place.request([number]))
    await place.service.until("SELECT 1 FROM jobs WHERE process_number = $1", digits(number))

    (api,) = place.service.apis
    api.send(signal.SIGKILL)
    assert await api.ended() == -signal.SIGKILL

    with pytest.raises(aiohttp.ClientError):
        await asking
    wires.valkey.bring_back()
    await place.ended([number], timeout=ALIVE)
    await place.expect_all_done_once([number])


async def test_work_that_was_accepted_without_any_worker_is_done_when_one_comes(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    cases = numbers.take(5)
    await place.put_cases(cases, DocumentSpec(count=3))
    await place.request(cases)
    await place.service.fetch("UPDATE jobs SET created_at = now() - interval '1 hour'")
    await empty(servers)

    await place.service.add_worker()

    await place.ended(cases, timeout=ALIVE)
    await place.expect_all_done_once(cases)


async def test_an_emptied_valkey_loses_nothing(
    place: Place, numbers: Numbers, servers: Stack, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)

    for turn in range(4):
        await place.service.until(SOME_COMPLETED, turn * 5)
        await empty(servers)

    await expect_all(place, cases)
    note("FLUSHALL 4 times during 30 jobs of 20 documents: nothing lost, nothing doubled")


async def test_a_restarted_and_a_killed_valkey_lose_nothing(
    place: Place, numbers: Numbers, servers: Stack, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)

    for turn, end in enumerate((servers.stop_server, servers.kill_server) * 2):
        await place.service.until(SOME_COMPLETED, turn * 5)
        await asyncio.to_thread(end, "valkey")
        await asyncio.to_thread(servers.start_server, "valkey")

    await expect_all(place, cases)
    note("2 restarts and 2 SIGKILL of Valkey during 30 jobs of 20 documents: nothing lost, nothing doubled")


async def test_a_valkey_that_is_away_for_a_minute_stops_no_request(
    place: Place, numbers: Numbers, wires: Wires, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)
    late = numbers.take(10)
    await place.put_cases(late, DocumentSpec(count=3, size=3000))
    await place.service.until(SOME_COMPLETED, 0)

    wires.valkey.take_away()
    slowest = await ask_one_by_one(place, late, pause=5.0)
    wires.valkey.bring_back()

    await expect_all(place, [*cases, *late])
    note(f"Valkey away for a minute: 10 requests accepted meanwhile, the slowest answer took {slowest:.1f} s")


async def test_a_frozen_valkey_stops_no_request(
    place: Place, numbers: Numbers, servers: Stack, note: Callable[[str], None]
) -> None:
    cases = await start_work(place, numbers)
    late = numbers.take(5)
    await place.put_cases(late, DocumentSpec(count=3, size=3000))
    await place.service.until(SOME_COMPLETED, 0)

    await asyncio.to_thread(servers.pause_server, "valkey")
    try:
        slowest = await ask_one_by_one(place, late, pause=3.0)
    finally:
        await asyncio.to_thread(servers.resume_server, "valkey")

    assert slowest < 10
    await expect_all(place, [*cases, *late])
    note(f"Valkey frozen for 15 s: 5 requests accepted meanwhile, the slowest answer took {slowest:.1f} s")


async def start_work(place: Place, numbers: Numbers) -> list[str]:
    cases = numbers.take(30)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000))
    await place.portal.configure(latency_binary_ms=50)
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))
    await place.request(cases)
    return cases


async def ask_one_by_one(place: Place, cases: list[str], *, pause: float) -> float:
    """Request cases, one after the other, and return the slowest response time in seconds."""
    slowest = 0.0
    for number in cases:
        begin = time.monotonic()
        (answer,) = await place.request([number])
        assert answer.status == 200
        slowest = max(slowest, time.monotonic() - begin)
        await asyncio.sleep(pause)
    return slowest


async def expect_all(place: Place, cases: list[str]) -> None:
    await place.ended(cases, timeout=150)
    figures = await place.expect_all_done_once(cases)
    assert figures["events posted twice"] == 0
    assert set((await place.downloads(cases)).values()) == {1}
    left = await place.service.fetch(
        "SELECT 1 FROM jobs WHERE process_number = ANY($1) AND status IN ('pending', 'processing')", plain(cases)
    )
    assert left == []


async def empty(servers: Stack) -> None:
    connection = redis.asyncio.Redis.from_url(servers.endpoints.redis_url)
    await connection.flushall()
    await connection.aclose()
