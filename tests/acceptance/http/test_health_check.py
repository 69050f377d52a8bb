"""`arq worker.main.WorkerSettings --check` detects a dead or frozen worker within 30 seconds.

The tests measure the lifetime of the key that the check reads, because checks may be slow on a busy machine.
"""

import asyncio
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.local.stack import Stack
from service.queue.task_queue import TaskQueue, redis_pool
from tests.support.deliveries.delivery_service import running_delivery_service
from tests.support.processes import BIN, REPOSITORY
from worker.loops.health import HEALTH_KEY_LIFETIME, Unhealthy, check_health, health_key

PROMISED = 30  # seconds


async def check(environment: Mapping[str, str]) -> int:
    """The exit code of the check, which prints one line."""
    return (await checked(environment))[0]


async def checked(environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of the check, and its line."""
    done = await asyncio.to_thread(
        subprocess.run,
        [str(BIN / "arq"), "worker.main.WorkerSettings", "--check"],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    (line,) = done.stdout.decode().splitlines()
    assert line.startswith("autos: ")
    return done.returncode, line


async def until(environment: Mapping[str, str], code: int) -> None:
    """Poll in this process until the result is this one, then run the check: a process for each poll is slow."""
    async with asyncio.timeout(60):
        while True:
            if await look(environment) == code:
                break
            await asyncio.sleep(0.1)
    assert await check(environment) == code


async def look(environment: Mapping[str, str]) -> int:
    """What the check does, in this process."""
    try:
        await check_health(environment["REDIS_URL"], environment.get("WORKER_NAME"))
    except Unhealthy:
        return 1
    return 0


async def life_left(environment: Mapping[str, str]) -> float:
    """For how many seconds the last heartbeat of a dead worker counts."""
    client = redis_pool(environment["REDIS_URL"])
    try:
        milliseconds: int = await client.pttl(health_key(None))
    finally:
        await client.aclose(close_connection_pool=True)
    assert milliseconds != -1, "for ever"
    return max(0.0, milliseconds / 1000)


@pytest.mark.parametrize(
    ("blow", "redis_number"),
    [
        pytest.param(signal.SIGKILL, 8, id="killed"),
        pytest.param(signal.SIGSTOP, 9, id="stopped", marks=pytest.mark.long),
    ],
)
async def test_a_worker_that_is_dead_is_told(
    stack: Stack, tmp_path: Path, blow: signal.Signals, redis_number: int
) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=redis_number) as service:
        assert await check(service.environment) == 1
        worker = await service.add_worker()
        await until(service.environment, 0)

        worker.send(blow)

        assert 0 < await life_left(service.environment) <= HEALTH_KEY_LIFETIME.total_seconds() <= PROMISED
        await until(service.environment, 1)
        if blow is signal.SIGSTOP:
            worker.send(signal.SIGCONT)
            await until(service.environment, 0)
        else:
            await worker.ended()


@pytest.mark.long
async def test_workers_of_one_host_are_asked_by_their_names(stack: Stack, tmp_path: Path) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=10) as service:
        first, second = ({**service.environment, "WORKER_NAME": name} for name in ("first", "second"))
        client = redis_pool(service.environment["REDIS_URL"])
        await client.set(health_key("first"), b"alive", px=HEALTH_KEY_LIFETIME)
        assert await checked(second) == (
            1,
            "autos: the worker second of this host has given no sign of life for 20 seconds",
        )
        worker = await service.add_worker(WORKER_NAME="second")
        await until(second, 0)
        assert [each.partition("/")[2] for each in await TaskQueue(client).hosts_of_workers()] == ["first", "second"]

        # Its orderly end is seen at once, and only its own.
        assert await worker.stop() == 0
        assert await check(second) == 1
        assert await check(first) == 0
        await client.aclose(close_connection_pool=True)
