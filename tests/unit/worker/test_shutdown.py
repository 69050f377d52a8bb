"""A worker ends if a part of it failed, so that its supervisor starts another one."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from service.queue.task_queue import RetryUntilShutdown
from worker.shutdown import Shutdown


class _ArqWorker:
    """A stand-in for arq's worker: a loop that never ends, no message, and the flag that ends it."""

    def __init__(self) -> None:
        self.allow_pick_jobs = True
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.main_task: asyncio.Task[None] | None = None

    async def main(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def shutdown() -> AsyncIterator[Shutdown]:
    yield Shutdown(RetryUntilShutdown())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def fail() -> None:
    raise LookupError("on purpose")


async def test_a_loop_that_ends_by_itself_ends_the_worker(shutdown: Shutdown) -> None:
    worker = _ArqWorker()
    main = asyncio.create_task(worker.main())
    await asyncio.sleep(0)
    shutdown.install(main)

    shutdown.watch(asyncio.create_task(fail()))

    with pytest.raises(asyncio.CancelledError):
        await main
    assert shutdown.is_broken
    assert not worker.allow_pick_jobs


async def test_a_loop_that_is_told_to_end_is_no_fault(shutdown: Shutdown) -> None:
    worker = _ArqWorker()
    main = asyncio.create_task(worker.main())
    await asyncio.sleep(0)
    shutdown.install(main)
    loop = asyncio.create_task(asyncio.Event().wait())
    shutdown.watch(loop)

    loop.cancel()
    await asyncio.wait([loop])

    assert (shutdown.is_broken, main.done()) == (False, False)
    main.cancel()
