"""`arq worker.main.WorkerSettings --check` tells a worker that is gone, or that stands still, within 30 seconds.

That is judged by the life of what the check looks at: how soon a busy machine gets round to a check is another matter.
"""

import asyncio
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.local.stack import Stack
from service.queue import redis_pool
from tests.support.delivery_service import running_delivery_service
from tests.support.processes import BIN, REPOSITORY
from worker.health import LIFE, health_key

PROMISED = 30  # seconds


async def check(environment: Mapping[str, str]) -> int:
    """The exit code of the check."""
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
    assert b"Traceback" not in done.stdout, done.stdout
    return done.returncode


async def until(environment: Mapping[str, str], code: int) -> None:
    """Check until the answer is this one."""
    async with asyncio.timeout(60):
        while await check(environment) != code:
            pass


async def life_left(environment: Mapping[str, str]) -> float:
    """For how many seconds the last sign of life of a dead worker counts."""
    client = redis_pool(environment["REDIS_URL"])
    try:
        milliseconds: int = await client.pttl(health_key())
    finally:
        await client.aclose(close_connection_pool=True)
    assert milliseconds != -1, "for ever"
    return max(0.0, milliseconds / 1000)


@pytest.mark.parametrize(
    ("blow", "redis_number"), [(signal.SIGKILL, 8), (signal.SIGSTOP, 9)], ids=["killed", "stopped"]
)
async def test_a_worker_that_is_dead_is_told(
    stack: Stack, tmp_path: Path, blow: signal.Signals, redis_number: int
) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=redis_number) as service:
        assert await check(service.environment) == 1
        worker = await service.add_worker()
        await until(service.environment, 0)

        worker.send(blow)

        assert 0 < await life_left(service.environment) <= LIFE.total_seconds() <= PROMISED
        await until(service.environment, 1)
        if blow is signal.SIGSTOP:
            worker.send(signal.SIGCONT)
            await until(service.environment, 0)
        else:
            await worker.ended()


async def test_a_worker_that_ends_in_order_is_told(stack: Stack, tmp_path: Path) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=10) as service:
        worker = await service.add_worker()
        await until(service.environment, 0)
        assert await worker.stop() == 0

        assert await life_left(service.environment) <= PROMISED
        await until(service.environment, 1)
