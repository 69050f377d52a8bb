"""`arq worker.main.WorkerSettings --check` tells a worker that is gone, or that stands still, within 30 seconds."""

import asyncio
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.local.stack import Stack
from tests.support.delivery_service import running_delivery_service
from tests.support.processes import BIN, REPOSITORY

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


async def until(environment: Mapping[str, str], code: int, *, timeout: float) -> None:
    """Check until the answer is this one."""
    async with asyncio.timeout(timeout):
        while await check(environment) != code:
            pass


@pytest.mark.parametrize(
    ("blow", "redis_number"), [(signal.SIGKILL, 8), (signal.SIGSTOP, 9)], ids=["killed", "stopped"]
)
async def test_a_worker_that_is_dead_is_told(
    stack: Stack, tmp_path: Path, blow: signal.Signals, redis_number: int
) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=redis_number) as service:
        assert await check(service.environment) == 1
        worker = await service.add_worker()
        await until(service.environment, 0, timeout=60)

        worker.send(blow)

        await until(service.environment, 1, timeout=PROMISED)
        if blow is signal.SIGSTOP:
            worker.send(signal.SIGCONT)
            await until(service.environment, 0, timeout=60)
        else:
            await worker.ended()


async def test_a_worker_that_ends_in_order_is_told(stack: Stack, tmp_path: Path) -> None:
    async with running_delivery_service(stack, tmp_path, redis_number=10) as service:
        worker = await service.add_worker()
        await until(service.environment, 0, timeout=60)
        assert await worker.stop() == 0

        await until(service.environment, 1, timeout=PROMISED)
